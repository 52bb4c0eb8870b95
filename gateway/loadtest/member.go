package loadtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// outbox is how many messages of a member may wait: many, for a schedule that
// waits for nobody, and not so many that a gateway that is away fills the memory.
const outbox = 10_000

// member is one user.
type member struct {
	run     *run
	session *session
	number  int // in the session
	client  *client.Client
	socket  socket
	account *account
	script  script
	meter   *part
	rand    *rand.Rand // of the goroutine that sends

	ever      atomic.Bool  // was welcomed once
	connected atomic.Bool  // now
	away      atomic.Bool  // it dropped its connection itself, and is coming back
	over      atomic.Bool  // its client has ended
	trying    atomic.Int64 // when the attempt under way began; 0: none is

	// Of the client's goroutine.
	dropped   bool          // the last loss was its own doing
	back      time.Duration // the last welcome
	latencies []time.Duration
}

// newMember makes the n-th member of all, as the number-th of its session.
func (r *run) newMember(s *session, number, n int) *member {
	m := &member{run: r, session: s, number: number, meter: r.meter.of(n), rand: rand.New(rand.NewPCG(rand.Uint64(), uint64(n)))}
	m.socket = socket{insecure: r.o.Insecure, dials: r.dials, received: &r.tally.received,
		dialing: func() { m.trying.Store(max(1, int64(r.clock.now()))) }}
	// The members of each session are dealt out over the targets.
	first := (number + n%r.o.Sessions) % len(r.o.Targets)
	o := client.Options{
		URLs: slices.Concat(r.o.Targets[first:], r.o.Targets[:first]), Rand: firstZero(),
		Session: s.id, Name: fmt.Sprintf("load %d", n), Passcode: r.o.Passcode,
		Gzip: r.o.Gzip, HTTPClient: m.socket.client(), Outbox: outbox, Timeout: r.o.Patience,
		OnStatus: m.onStatus, OnWelcome: m.onWelcome, OnState: m.onState, OnEvents: m.onEvents,
		OnSettled: m.onSettled, OnError: m.onError,
	}
	if len(r.o.Tokens) > 0 {
		token := r.o.Tokens[n%len(r.o.Tokens)]
		o.Token = func(context.Context) (string, error) { return token, nil }
	}
	m.client = client.New(o)
	m.script = m.newScript()
	m.account = s.account(o.Name, m.client.ID())
	return m
}

// firstZero returns a source of random numbers that begins with 0, so that a
// client begins with the first of its addresses: members are dealt out evenly.
func firstZero() func() float64 {
	var begun atomic.Bool
	return func() float64 {
		if begun.CompareAndSwap(false, true) {
			return 0
		}
		return rand.Float64()
	}
}

// live takes part from a moment on until ctx ends. If coming ends before that
// moment, it does not come.
func (m *member) live(ctx, coming context.Context, from time.Duration) {
	defer m.over.Store(true)
	c := m.run.clock
	if wait := from - c.now(); wait > 0 && !c.sleep(coming, wait) || coming.Err() != nil {
		return
	}
	_ = m.client.Run(ctx) // onStatus is told
	if m.trying.Load() != 0 {
		m.refused(errUnanswered)
	}
	if m.connected.Swap(false) {
		m.run.tally.connected.Add(-1)
	}
}

// send sends what is due.
func (m *member) send(due time.Duration) {
	if !m.ever.Load() || m.away.Load() {
		return // somebody who is not there says nothing
	}
	t, at := &m.run.tally, m.run.clock.now()
	a, err := m.script.send(due)
	switch {
	case errors.Is(err, errNothing):
		return
	case err != nil && m.over.Load():
		err = errPutOut
	}
	m.run.watch.sent(at - due)
	t.sent.Add(1)
	if err != nil {
		t.failed.Add(1)
		t.fail(ofMessages, err)
		return
	}
	m.account.sent(at, &a)
}

// errPutOut is of messages of members whose client has ended before the run.
var errPutOut = errors.New("its member was put out for good")

// drop breaks the connection, as the network does now and then.
func (m *member) drop(time.Duration) {
	if m.connected.Load() {
		m.away.Store(true)
		m.socket.drop()
	}
}

// quiet reports whether nothing is under way any more: everything is settled,
// and the member has seen what the others' answers told of.
func (m *member) quiet() bool {
	if m.over.Load() || !m.ever.Load() {
		return true
	}
	return m.connected.Load() && m.client.Pending() == 0 && m.session.reachedBy(m.client.Position())
}

// The callbacks of the client.

func (m *member) onStatus(s client.Status) {
	if s.Err == nil {
		return // it connects, is connected, or ends as it was told to
	}
	m.account.lost(s.Err)
	if m.connected.Swap(false) {
		m.run.tally.connected.Add(-1)
		m.lost(s.Err)
		return
	}
	m.refused(s.Err)
}

func (m *member) lost(err error) {
	t := &m.run.tally
	m.dropped = m.away.Load()
	if m.dropped {
		t.reconnects.Add(1)
		return
	}
	t.lost.Add(1)
	t.fail(ofLosses, err)
}

// refused counts an attempt that came to nothing. From then on a member is not
// away by its own doing.
func (m *member) refused(err error) {
	m.trying.Store(0)
	m.dropped = false
	m.away.Store(false)
	m.run.tally.refused.Add(1)
	m.run.tally.fail(ofConnections, err)
}

func (m *member) onWelcome(w *wire.Welcome) {
	r := m.run
	m.back = r.clock.now()
	r.joins.add(m.back - time.Duration(m.trying.Swap(0)))
	r.tally.joined.Add(1)
	m.account.welcomed(w)
	if !m.connected.Swap(true) {
		r.tally.connected.Add(1)
	}
	m.ever.Store(true)
	m.away.Store(false)
}

func (m *member) onState(s client.State) {
	m.account.replaced(s)
	m.script.replaced(s.State)
	m.session.begins(s.Session.Epoch)
}

func (m *member) onEvents(events []wire.Event) {
	now, caughtUp := m.run.clock.now(), int64(0)
	m.latencies = m.latencies[:0]
	for i := range events {
		due, ok := m.script.due(&events[i])
		switch {
		case !ok:
		case m.dropped && due < m.back:
			caughtUp++ // it was away by its own doing
		default:
			m.latencies = append(m.latencies, now-due)
		}
	}
	m.meter.add(m.latencies...)
	m.run.tally.frames.Add(1)
	m.run.tally.deliveries.Add(int64(len(m.latencies)) + caughtUp)
	m.run.tally.caughtUp.Add(caughtUp)
	m.account.saw(events)
}

func (m *member) onSettled(s client.Settled) {
	t := &m.run.tally
	refusal, _ := errors.AsType[*wire.Error](s.Err)
	switch {
	case refusal != nil && m.script.answered(refusal):
		t.settled.Add(1)
	case s.Err == nil:
		t.settled.Add(1)
		m.session.reached(m.client.Position().Epoch, s.Offset)
	default:
		t.failed.Add(1)
		t.fail(ofMessages, s.Err)
	}
	m.account.settled(s)
}

func (m *member) onError(err error) { m.account.fault(err) }
