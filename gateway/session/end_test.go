package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// sawTheEnd fails the test unless f was told that the session is over, and then
// closed for it.
func (f *fake) sawTheEnd() {
	f.t.Helper()
	f.closed(wire.CloseSessionEnded)
	if got := f.events(); len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "session.ended {}") {
		f.t.Errorf("the last event is not the end: %q", got)
	}
}

func (w *world) end(r *replica, session string) {
	w.Helper()
	if err := r.End(w.Context(), session, nil); err != nil {
		w.Fatalf("ending: %v", err)
	}
}

func TestEndIsForEverybody(t *testing.T) {
	bubble(t, func(w *world) {
		one, two, three := w.replica(), w.replica(), w.replica()
		ada, bob, cy := one.named("s", "Ada"), two.named("s", "Bob"), one.named("other", "Cy")
		for ref := range uint64(20) { // past the frame budget, so that the end would have to wait
			ada.p.Publish(&wire.Publish{Ref: ref + 1, Event: []byte("e"), Data: []byte("1")})
			if ref == 9 {
				settle() // these are in the log before the end is asked for
			}
		}
		bob.p.Publish(&wire.Publish{Ref: 1, Event: []byte("last"), Data: []byte("1")})
		w.end(three, "s")
		settle()
		for _, f := range []*fake{ada, bob} {
			f.sawTheEnd()
			f.gone()
		}
		// What came too late for the session was refused for that reason.
		told, refused := lines(bob.events()), strings.Count(lines(ada.refusals()), " session_ended")
		if n := strings.Count(told, " e 1"); n == 0 || n+refused != 20 {
			w.Errorf("of 20 events %d came and %d were refused", n, refused)
		}
		if v := w.view("s"); v.Exists || v.Ended == "" {
			w.Errorf("of the session there is left %+v", v)
		}
		cy.publish(1, "e", "1")
		cy.open()
		if err := one.End(w.Context(), "s", nil); !errors.Is(err, ErrNone) {
			w.Errorf("ending it again: %v", err)
		}
		pass(time.Minute)
		if w.view("s").Exists {
			w.Error("the session has come back")
		}
	})
}

// What was still to be told when a session ended does not bring it back.
func TestAnEndedSessionStaysAway(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob, cy := one.named("s", "Ada"), one.named("s", "Bob"), two.named("s", "Cy")
		settle()
		ada.gone() // a goodbye waits for the blink
		pass(time.Second)
		w.end(one, "s")
		for _, f := range []*fake{bob, cy} {
			f.p.Publish(&wire.Publish{Ref: 1, Event: []byte("late"), Data: []byte("1")})
		}
		pass(time.Minute)
		bob.sawTheEnd()
		cy.sawTheEnd()
		if v := w.view("s"); v.Exists {
			w.Errorf("the session has come back: %+v", v)
		}
		for _, j := range []wire.Join{{Seat: ada.seat()}, {Seat: ada.seat(), Since: &wire.Position{Epoch: ada.at.Epoch, Offset: 1}}} {
			one.refused("s", j, wire.CodeSessionEnded, wire.CloseSessionEnded)
		}
		// Whoever joins without a seat begins another session.
		dan := two.named("s", "Dan")
		if len(dan.members) != 1 || dan.at.Epoch == ada.at.Epoch {
			w.Errorf("at %v with %v", dan.at, dan.members)
		}
		one.refused("s", wire.Join{Seat: ada.seat(), Since: &wire.Position{Epoch: ada.at.Epoch, Offset: 1}}, wire.CodeSessionEnded, wire.CloseSessionEnded)
		one.refused("s", wire.Join{Seat: ada.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		dan.publish(1, "e", "1")
		dan.open()
	})
}

// A replica that missed the end finds out by itself, and lets nobody of the
// ended session into the one that came after it.
func TestEndThatWasNotHeard(t *testing.T) {
	for name, anew := range map[string]bool{"and nothing after it": false, "and a new session after it": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
				settle()
				two.faults.set(hooks{batch: func(fanout.Batch) bool { return false }})
				w.end(one, "s")
				ada.sawTheEnd()
				var cy *fake
				if anew {
					cy = one.named("s", "Cy")
				}
				two.faults.heal()
				pass(20 * time.Second)
				bob.closed(wire.CloseSessionEnded)
				if bob.state != nil {
					w.Errorf("a member of the ended session was shown %+v", bob.state)
				}
				bob.gone()
				if v := w.view("s"); v.Exists != anew {
					w.Errorf("the session is there: %t; want %t", v.Exists, anew)
				}
				if anew {
					cy.publish(1, "e", "1")
					if cy.open(); len(cy.members) != 1 {
						w.Errorf("the new session has the members %v", cy.members)
					}
				}
				dan := two.named("s", "Dan") // the replica serves the session again
				dan.publish(1, "e", "1")
				if got := dan.events(); len(got) != 1 {
					w.Errorf("events %q", got)
				}
			})
		})
	}
}

// Whoever is joining at that moment is told so, or is in the session that comes
// after it; nobody is left in between.
func TestEndWhileSomebodyJoins(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica(func(o *Options) { o.CreateOnJoin = false })
		ada := one.named("s", "Ada")
		settle()
		reading, open := make(chan struct{}), make(chan struct{})
		two.faults.set(hooks{read: func(do func() (fanout.View, error)) (fanout.View, error) {
			v, err := do()
			select {
			case <-reading:
			default:
				close(reading)
				<-open
			}
			return v, err
		}})
		back := newFake(w.T)
		answer := make(chan *wire.Error, 1)
		go func() { answer <- two.attempt("s", wire.Join{Seat: ada.seat()}, back) }()
		<-reading
		w.end(one, "s")
		close(open)
		e := <-answer
		settle()
		switch {
		case e == nil:
			back.closed(wire.CloseSessionEnded)
		case e.Close != wire.CloseSessionEnded:
			w.Errorf("refused with %v", e)
		}
		two.refused("s", wire.Join{Name: "Bob"}, wire.CodeNoSession, wire.CloseNoSession)
	})
}

// The answer of the log to the end gets lost: it has ended all the same, once.
func TestEndWhoseAnswerIsLost(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := two.named("s", "Ada")
		lost := false
		one.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			res, err := do()
			if !lost {
				lost, err = true, errors.New("the answer was lost")
			}
			return res, err
		}})
		w.end(one, "s")
		settle()
		ada.sawTheEnd()
		if got := lines(ada.events()); strings.Count(got, "session.ended") != 1 {
			w.Errorf("told %q", got)
		}
	})
}

func TestEndAtAPosition(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		ada := one.named("s", "Ada")
		stale := ada.position()
		ada.publish(1, "e", "1")
		if err := one.End(w.Context(), "s", &stale); !errors.Is(err, ErrMoved) {
			w.Errorf("ending at %v: %v", stale, err)
		}
		ada.open()
		now := ada.position()
		if err := one.End(w.Context(), "s", &now); err != nil {
			w.Errorf("ending at %v: %v", now, err)
		}
		settle()
		ada.sawTheEnd()
		if err := one.End(w.Context(), "s", &now); !errors.Is(err, ErrNone) {
			w.Errorf("ending it again: %v", err)
		}
		one.faults.away()
		ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
		defer cancel()
		if err := one.End(ctx, "s", nil); !errors.Is(err, fanout.ErrUnavailable) {
			w.Errorf("ending while the store is away: %v", err)
		}
	})
}
