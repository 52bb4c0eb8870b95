package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// member is a person in a session, with the Go client, who remembers all that
// happened. Methods may be called concurrently; those with a t by the test's
// own goroutine.
type member struct {
	*client.Client
	bell
	name  string
	tapes tapes
	seen  atomic.Uint64 // the offset up to which the callbacks have been given everything
	ended chan struct{}

	mu       sync.Mutex // guards the following
	replicas []string   // of each welcome
	resumed  int        // welcomes that were exact replays
	states   []client.State
	events   []wire.Event // durable
	sent     map[uint64]json.RawMessage
	settled  map[uint64]client.Settled
	breaks   []error // why connections were lost
	errs     []error // refusals that belong to no request
	result   error   // of Run
}

// join lets a member take part in a session until the test ends. It does not
// wait. urls are those of replicas or of nginx.
func join(t testing.TB, session, name string, urls []string, change ...func(*client.Options)) *member {
	t.Helper()
	m := &member{name: name, ended: make(chan struct{}), sent: make(map[uint64]json.RawMessage),
		settled: make(map[uint64]client.Settled)}
	o := client.Options{URLs: urls, Session: session, Name: name, HTTPClient: m.tapes.client(), Outbox: 10_000,
		OnStatus: m.onStatus, OnWelcome: m.onWelcome, OnState: m.onState, OnEvents: m.onEvents,
		OnSettled: m.onSettled, OnError: m.onError}
	for _, c := range change {
		c(&o)
	}
	m.Client = client.New(o)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer close(m.ended)
		err := m.Run(ctx)
		m.enter(func() { m.result = err })
	}()
	t.Cleanup(func() {
		stop()
		<-m.ended
		if t.Failed() {
			t.Log(m.story())
		}
	})
	return m
}

// enter changes what the member remembers.
func (m *member) enter(f func()) {
	m.mu.Lock()
	f()
	m.mu.Unlock()
	m.ring()
}

func (m *member) onStatus(s client.Status) {
	if s.Phase == client.PhaseReconnecting {
		m.enter(func() { m.breaks = append(m.breaks, s.Err) })
	}
}

func (m *member) onWelcome(w *wire.Welcome) {
	m.enter(func() {
		m.replicas = append(m.replicas, w.Replica)
		if w.Resumed {
			m.resumed++
		}
	})
}

func (m *member) onState(s client.State) {
	m.enter(func() {
		m.states = append(m.states, s)
		m.seen.Store(s.Session.Offset)
	})
}

func (m *member) onEvents(events []wire.Event) {
	m.enter(func() {
		for _, e := range events {
			if e.Offset != 0 {
				m.events = append(m.events, e)
				m.seen.Store(e.Offset)
			}
		}
	})
}

func (m *member) onSettled(s client.Settled) { m.enter(func() { m.settled[s.Ref] = s }) }
func (m *member) onError(err error)          { m.enter(func() { m.errs = append(m.errs, err) }) }

// look calls f with what the member remembers.
func (m *member) look(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// until waits for what the member remembers to be as it should be.
func (m *member) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	m.await(t, m.name+": "+what, func() (good bool) {
		m.look(func() { good = ok() })
		return good
	})
}

// welcomed waits for the n-th welcome.
func (m *member) welcomed(t testing.TB, n int) {
	t.Helper()
	m.until(t, fmt.Sprintf("welcome %d", n), func() bool { return len(m.replicas) >= n })
}

// caughtUp waits until the member has seen everything up to an offset.
func (m *member) caughtUp(t testing.TB, offset uint64) {
	t.Helper()
	m.await(t, fmt.Sprintf("%s: event %d", m.name, offset), func() bool { return m.seen.Load() >= offset })
}

// quiet waits until every request of the member is settled.
func (m *member) quiet(t testing.TB) {
	t.Helper()
	m.until(t, "all requests to be settled", func() bool { return len(m.settled) == len(m.sent) })
}

// say publishes something that nobody else says. It fails only if the client
// does not take it.
func (m *member) say(n int) error {
	data := json.RawMessage(fmt.Sprintf(`{"by":%q,"n":%d}`, m.name, n))
	// Before it can be settled.
	m.mu.Lock()
	defer m.mu.Unlock()
	ref, err := m.Publish("test.said", data)
	if err == nil {
		m.sent[ref] = data
	}
	return err
}

// talk publishes n times, or until ctx ends, with pauses of pace on average.
func (m *member) talk(ctx context.Context, r *rand.Rand, n int, pace time.Duration) error {
	for i := range n {
		if err := m.say(i); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if !pause(ctx, time.Duration(r.Int64N(int64(2*pace)))) {
			return nil
		}
	}
	return nil
}

// pause lets d of a member's life go by; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// story is what happened to the member, for a test that failed.
func (m *member) story() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	first, last := uint64(0), uint64(0)
	if len(m.events) > 0 {
		first, last = m.events[0].Offset, m.events[len(m.events)-1].Offset
	}
	refused := maps.Clone(m.settled)
	maps.DeleteFunc(refused, func(_ uint64, s client.Settled) bool { return s.Err == nil })
	return fmt.Sprintf("%s: welcomes of %v, %d of them replays; %d states; events %d to %d; %d sent, %d settled, refused: %v; lost connections: %v; errors: %v; ended: %v",
		m.name, m.replicas, m.resumed, len(m.states), first, last, len(m.sent), len(m.settled), refused, m.breaks, m.errs, m.result)
}

// everyone lets n members join a session, and waits for all welcomes. Every
// second one takes large messages compressed.
func everyone(t testing.TB, n int, session string, urls []string) []*member {
	t.Helper()
	members := make([]*member, n)
	for i := range members {
		members[i] = join(t, session, fmt.Sprintf("member %d", i), urls, func(o *client.Options) { o.Gzip = i%2 == 1 })
	}
	for _, m := range members {
		m.welcomed(t, 1)
	}
	return members
}

// allTalk has all members talk at once, each at a pace of its own, and waits
// until each has been heard.
func allTalk(t testing.TB, members []*member, n int, pace time.Duration) {
	t.Helper()
	talks := talking(t, members, n, pace)
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		m.quiet(t)
	}
}

// talking has all members talk, and returns what waits until they have said it.
// Each has its own pace, between a half and all of the given one.
func talking(t testing.TB, members []*member, n int, pace time.Duration) (wait func() error) {
	t.Helper()
	return talkingUntil(t, t.Context(), members, n, pace)
}

// chatter has all members talk until stop is called.
func chatter(t testing.TB, members []*member, pace time.Duration) (stop func(), wait func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	return stop, talkingUntil(t, ctx, members, 1<<20, pace)
}

func talkingUntil(t testing.TB, ctx context.Context, members []*member, n int, pace time.Duration) (wait func() error) {
	t.Helper()
	s := drawSeed(t)
	errs := make([]error, len(members))
	var talks sync.WaitGroup
	for i, m := range members {
		r := rand.New(rand.NewPCG(s, uint64(i)))
		talks.Go(func() { errs[i] = m.talk(ctx, r, n, pace-time.Duration(r.Int64N(int64(pace/2)))) })
	}
	t.Cleanup(talks.Wait)
	return func() error {
		talks.Wait()
		return errors.Join(errs...)
	}
}
