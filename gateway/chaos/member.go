package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// member takes part in a session through the Go client. It survives its client:
// a member whose client's process dies comes back with its seat.
type member struct {
	run     *run
	session *session
	number  int
	name    string
	sockets sockets
	orders  chan Kind  // MemberRestart and MemberLeave; of capacity 1
	rand    *rand.Rand // of the goroutine that publishes

	mu   sync.Mutex // guards the following
	life *life      // the client that runs, or ran last
}

// life is one client of a member.
type life struct {
	*member
	client *client.Client
	record *history.Client
	silent chan struct{} // closed when it publishes no more
	left   bool          // the seat was given up

	// Of the goroutine that publishes.
	ref   uint64 // the last one
	texts int
}

// patience is how long a client of a run waits for an answer.
const patience = 5 * time.Second

// strike does a fault to the member.
func (m *member) strike(k Kind) {
	switch k {
	case MemberDrop, MemberReset:
		m.sockets.drop(k == MemberReset)
	case MemberHalfOpen:
		m.sockets.halfOpen()
	case MemberSleep:
		m.sockets.sleep()
	case MemberDeaf:
		m.sockets.reads.close()
	default:
		select {
		case m.orders <- k:
		default: // it is at the last order still
		}
	}
}

// live goes from client to client until ctx ends. Requests are made while
// publishing lasts.
func (m *member) live(ctx, publishing context.Context) {
	o := client.Options{URLs: []string{m.run.cluster.nginx.url}, Session: m.session.id, Name: m.name, Gzip: m.number%2 == 0, Timeout: patience}
	for n := 1; ctx.Err() == nil; n++ {
		l := m.begin(o, n)
		l.spend(ctx, publishing)
		o.Seat, o.Since = l.client.Seat(), nil
		if at := l.client.Position(); at.Epoch != "" && n%2 == 0 {
			o.Since = &at // a program that kept what it had, in place of a page that was loaded anew
		}
		if l.left {
			o.Seat, o.Since = "", nil
		}
	}
}

func (m *member) begin(o client.Options, n int) *life {
	l := &life{member: m, silent: make(chan struct{})}
	o.HTTPClient = m.sockets.client()
	o.OnStatus, o.OnWelcome, o.OnState = l.onStatus, l.onWelcome, l.onState
	o.OnEvents, o.OnSettled, o.OnError = l.onEvents, l.onSettled, l.onError
	l.client = client.New(o)
	name := m.name
	if n > 1 {
		name += fmt.Sprintf(", client %d", n)
	}
	l.record = m.session.record.Client(name, l.client.ID())
	if o.Since != nil {
		l.record.Begin(o.Since.Epoch, o.Since.Offset)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life = l
	return l
}

// spend runs the client until it dies or leaves, or ctx ends.
func (l *life) spend(ctx, publishing context.Context) {
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { l.publish(publishing, running) })
	parts.Go(func() { l.obey(running, stop) })
	err := l.client.Run(running)
	died := running.Err() != nil
	stop()
	parts.Wait()
	switch {
	case ctx.Err() != nil:
	case l.left:
		l.record.Gone("left")
	case died:
		l.record.Gone("killed")
	default:
		l.record.Fault(fmt.Sprintf("the client was ended: %v", err))
		l.record.Gone("ended")
	}
}

// obey waits for an order.
func (l *life) obey(ctx context.Context, stop func()) {
	select {
	case k := <-l.orders:
		if k == MemberRestart {
			stop()
			l.sockets.drop(true)
			return
		}
		l.left = l.client.Leave(ctx) == nil
	case <-ctx.Done():
	}
}

func (m *member) current() *life {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.life
}

func (m *member) position() wire.Position {
	if l := m.current(); l != nil {
		return l.client.Position()
	}
	return wire.Position{}
}

func (m *member) pending() int { return m.current().client.Pending() }

func (m *member) memberID() string { return m.current().client.Member() }

// The callbacks of the client.

func (l *life) onStatus(s client.Status) {
	if s.Phase != client.PhaseReconnecting {
		return
	}
	l.record.Lost(fmt.Sprint(s.Err))
	var closed *client.Closed
	switch {
	case !errors.As(s.Err, &closed):
		l.run.views.add("an attempt to connect failed")
	default:
		l.run.views.add("a connection was lost with " + strconv.Itoa(int(closed.Code)))
	}
}

func (l *life) onWelcome(w *wire.Welcome) {
	l.record.Welcomed(history.Welcome{Replica: w.Replica, Member: w.You.Member, Epoch: w.Session.Epoch, Offset: w.Session.Offset,
		Acked: w.Acked, Resumed: w.Resumed})
	if w.Resumed {
		l.run.views.add("resumed")
	}
}

func (l *life) onState(s client.State) {
	l.run.views.add("state " + s.Reason)
	l.record.Replaced(history.Snapshot{Epoch: s.Session.Epoch, Offset: s.Session.Offset, Reason: s.Reason, Members: s.Members, State: s.State})
}

func (l *life) onEvents(events []wire.Event) {
	seen := make([]history.Event, 0, len(events))
	for _, e := range events {
		if e.Offset == 0 {
			l.run.views.moments.Add(1)
			continue
		}
		h := history.Event{Offset: e.Offset, At: e.At, Name: e.Event, From: e.From, Data: e.Data}
		h.Client, h.Ref = parseRef(e.Ref)
		seen = append(seen, h)
	}
	l.run.views.deliveries.Add(int64(len(seen)))
	l.record.Saw(seen...)
}

// parseRef splits "<client>:<ref>".
func parseRef(text string) (client string, ref uint64) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return text, 0
	}
	ref, _ = strconv.ParseUint(text[i+1:], 10, 64)
	return text[:i], ref
}

func (l *life) onSettled(s client.Settled) {
	var refusal *wire.Error
	switch {
	case s.Err == nil:
		l.record.Settled(s.Ref, history.Acked, s.Offset)
	case errors.As(s.Err, &refusal):
		l.run.views.add("refused with " + string(refusal.Code))
		l.record.Settled(s.Ref, history.Refused, 0)
	default:
		l.record.Settled(s.Ref, history.Unknown, 0)
	}
}

func (l *life) onError(err error) {
	var refusal *wire.Error
	if errors.As(err, &refusal) && !errors.Is(err, client.ErrProtocol) {
		l.run.views.add("error " + string(refusal.Code))
		return
	}
	l.record.Fault(err.Error())
}
