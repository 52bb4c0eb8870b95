package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// looker is a Watcher that remembers.
type looker struct {
	mu     sync.Mutex // guards the following
	starts []string
	events []string
}

func (l *looker) Start(at wire.SessionInfo, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starts = append(l.starts, fmt.Sprintf("%s %s %d %s", at.ID, at.Kind, at.Offset, reason))
}

func (l *looker) Deliver(f *fanout.Frame) {
	var frame wire.Frame
	json.Unmarshal(f.Plain(), &frame)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range frame.Events {
		l.events = append(l.events, fmt.Sprintf("%d %s", e.Offset, e.Event))
	}
}

func (l *looker) saw() (starts, events []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.starts), slices.Clone(l.events)
}

// tap has somebody look on; the error comes when it is over.
func (r *replica) tap(ctx context.Context, session string) (*looker, <-chan error) {
	l, over := new(looker), make(chan error, 1)
	go func() { over <- r.Tap(ctx, session, l) }()
	synctest.Wait()
	return l, over
}

func TestTapShowsWhatEveryMemberSees(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		ctx, cancel := context.WithCancel(context.Background())
		l, over := two.tap(ctx, "s") // on a replica without members
		ada.publish(1, "chat", `"hello"`)
		ada.p.Publish(&wire.Publish{Event: []byte("cursor"), Data: []byte("1"), Ephemeral: true})
		settle()
		if starts, events := l.saw(); lines(starts) != "s broadcast 1 " || lines(events) != "2 chat\n0 cursor" {
			t.Errorf("saw %q, %q", starts, events)
		}
		if d, err := one.Detail(context.Background(), "s"); err != nil || len(d.Members) != 1 {
			t.Errorf("who looks on is a member: %+v, %v", d, err)
		}
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		ada.publish(2, "chat", `"later"`)
		settle()
		if _, events := l.saw(); len(events) != 2 {
			t.Errorf("saw %q after the end", events)
		}
		if _, over := two.tap(context.Background(), "nowhere"); !errors.Is(<-over, ErrNone) {
			t.Error("there is something to see in a session that is not")
		}
	})
}

func TestTapEnds(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		one.named("s", "Ada")
		one.named("t", "Bob")
		l, over := two.tap(context.Background(), "s")
		_, stopped := two.tap(context.Background(), "t")
		if err := one.End(context.Background(), "s", nil); err != nil {
			t.Fatal(err)
		}
		if err := <-over; !errors.Is(err, ErrOver) {
			t.Errorf("ended with %v", err)
		}
		if _, events := l.saw(); lines(events) != "2 session.ended" {
			t.Errorf("saw %q", events)
		}
		two.Stop(context.Background())
		if err := <-stopped; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// When the log has lost its past, whoever looks on is told where it goes on.
func TestTapIsToldOfAReset(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		ada := one.named("s", "Ada")
		ada.publish(1, "a", "1")
		l, _ := one.tap(w.Context(), "s")
		w.forget("s")
		pass(30 * time.Second)
		ada.publish(2, "b", "2")
		settle()
		starts, events := l.saw()
		if len(starts) != 2 || starts[1][len(starts[1])-5:] != "reset" || len(events) == 0 || events[len(events)-1][2:] != "b" {
			t.Errorf("saw %q, %q", starts, events)
		}
	})
}

func TestRemove(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		ctx := context.Background()
		if err := one.Remove(ctx, "s", bob.member()); err != nil {
			t.Fatal(err)
		}
		settle()
		bob.closed(wire.CloseRemoved)
		ada.open()
		if news := lines(ada.news()); news != fmt.Sprintf("member.joined %s Bobonline\nmember.left %s removed", bob.member(), bob.member()) {
			t.Errorf("Ada was told %q", news)
		}
		for session, want := range map[string]error{"s": ErrNoMember, "none": ErrNone} {
			if err := one.Remove(ctx, session, bob.member()); !errors.Is(err, want) {
				t.Errorf("removing from %s: %v; want %v", session, err, want)
			}
		}
	})
}

func TestDetailHasEveryConnection(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		two.again("s", ada)
		one.named("s", "Bob")
		two.named("other", "Cleo")
		settle()
		d, err := two.Detail(context.Background(), "s")
		if err != nil || d.ID != "s" || d.Kind != "broadcast" || d.Owner != ada.member() || len(d.Members) != 2 {
			t.Fatalf("%+v, %v", d, err)
		}
		places := []string{}
		for _, m := range d.Members {
			for _, c := range m.Connections {
				if m.Member.Member == ada.member() {
					places = append(places, c.Replica)
				}
			}
		}
		if !slices.Equal(places, []string{one.Incarnation(), two.Incarnation()}) {
			t.Errorf("Ada is connected to %q", places)
		}
		if got := two.Serving(); !slices.Equal(got, []string{"other", "s"}) {
			t.Errorf("serves %q", got)
		}
		if _, err := one.Detail(context.Background(), "none"); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
	})
}
