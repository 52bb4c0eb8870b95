package redislog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// list is a subscriber, and a codec: an event is a line.
type list struct {
	mu  sync.Mutex
	got []string // guarded by mu
}

func (l *list) Deliver(f *fanout.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, strings.Fields(string(f.Plain()))...)
}

func (l *list) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func (*list) Compress([]byte) ([]byte, error) { return nil, errors.New("not here") }

func (*list) Encode(events []fanout.Event) (frame []byte) {
	for _, e := range events {
		frame = fmt.Appendf(frame, "%d/%s\n", e.Offset, e.Body)
	}
	return frame
}

// plain is an owner without a state, in a test in which nothing may be lost.
type plain struct{ t *testing.T }

func (o plain) State() fanout.State                     { return o }
func (plain) Note([]byte)                               {}
func (plain) Load(fanout.Head, map[string]string) error { return nil }
func (plain) Changes() map[string][]byte                { return nil }
func (plain) Saved(fanout.Head)                         {}
func (plain) Revive() bool                              { return false }
func (o plain) Lost(_ context.Context, why fanout.Loss) error {
	o.t.Errorf("lost: %v", why)
	return nil
}

// replica is a hub on a log of its own.
func replica(t *testing.T, url string) *fanout.Hub {
	t.Helper()
	log := open(t, redislog.Options{URL: url, Timeout: time.Second, History: 1 << 20})
	hub := fanout.New(log, new(list), func(*fanout.Pool) fanout.Owner { return plain{t} },
		fanout.Options{FrameInterval: 10 * time.Millisecond, Sweep: time.Second, Wait: 10 * time.Second, GiveUp: 20 * time.Second})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		hub.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return hub
}

// join attaches a new member at the head of a session.
func join(t *testing.T, hub *fanout.Hub, session string) (*fanout.Pool, *list) {
	t.Helper()
	p, err := hub.Open(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	m, result := new(list), make(chan error, 1)
	p.Look(&fanout.Look{Seen: func(_ fanout.State, seen fanout.Seen) {
		_, err := p.Attach(m, seen.Head.Position, nil, nil)
		result <- errors.Join(err, seen.Err)
	}})
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return p, m
}

// outcome hears of one proposal.
type outcome chan fanout.Settlement

func (o outcome) Settled(_ *fanout.Proposal, s fanout.Settlement) { o <- s }

// publish has a client publish, one after the other, until each has taken effect.
func publish(t *testing.T, p *fanout.Pool, client string, events int) {
	heard := make(outcome, 1)
	for ref := uint64(1); ref <= uint64(events); ref++ {
		body := fmt.Sprintf("%s.%d", client, ref)
		for tries := 0; ; tries++ {
			p.Propose(&fanout.Proposal{Client: client, Ref: ref, To: heard,
				Change: fanout.Change{Events: 1, Records: fanout.AppendEvent(nil, []byte(body))}})
			s := <-heard
			if s.Err == nil {
				break
			}
			if tries == 5 {
				t.Errorf("%s: %v", body, s.Err)
				return
			}
		}
	}
}

// disturb breaks connections, and once Redis itself, until done is closed.
func disturb(t *testing.T, s *redistest.Server, done <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(120 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
			switch {
			case n == 10:
				s.Kill()
				if err := s.Restart(); err != nil {
					t.Fatal(err)
				}
			case n%4 == 3:
				do(t, s, "CLIENT", "KILL", "TYPE", "normal")
			default:
				do(t, s, "CLIENT", "KILL", "TYPE", "pubsub")
			}
		}
	}
}

// TestReplicasAgree breaks what two replicas have of Redis, again and again.
func TestReplicasAgree(t *testing.T) {
	t.Parallel()
	const sessions, events = 10, 400
	s := redistest.Start(t, "appendonly yes", "appendfsync always")
	hubs := []*fanout.Hub{replica(t, s.URL()), replica(t, s.URL())}
	maker := open(t, redislog.Options{URL: s.URL(), History: 1 << 20})
	var publishers []func()
	members := make(map[string][]*list)
	for i := range sessions {
		id := fmt.Sprint("session-", i)
		if _, err := maker.Append(t.Context(), id, &fanout.Append{Create: true}); err != nil {
			t.Fatal(err)
		}
		for h, hub := range hubs {
			for n := range 2 {
				p, m := join(t, hub, id)
				members[id] = append(members[id], m)
				publishers = append(publishers, func() { publish(t, p, fmt.Sprintf("%d-%d", h, n), events) })
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var group sync.WaitGroup
		for _, p := range publishers {
			group.Go(p)
		}
		group.Wait()
	}()
	disturb(t, s, done)
	for id, all := range members {
		var v fanout.View
		logtest.Eventually(t, id+" is read", func() (ok bool) { // the last kill may take the reader's connection, too
			var err error
			v, err = maker.Read(t.Context(), id, &fanout.Query{History: true})
			return err == nil
		})
		if !v.Complete || v.Offset != 4*events {
			t.Fatalf("%s is at %d; want %d", id, v.Offset, 4*events)
		}
		for _, m := range all {
			logtest.Eventually(t, "a member of "+id+" has everything", func() bool { return len(m.all()) == 4*events })
			for i, got := range m.all() {
				if want := fmt.Sprintf("%d/%s", i+1, v.Events[i].Body); got != want {
					t.Fatalf("a member of %s has %q where the log has %q", id, got, want)
				}
			}
		}
	}
}
