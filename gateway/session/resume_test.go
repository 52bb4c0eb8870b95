package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestResumeIsAnExactReplay(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), one.named("s", "Bob")
		for ref := range uint64(5) {
			ada.publish(ref+1, "before", "1")
		}
		bob.gone()
		for ref := range uint64(30) {
			ada.publish(ref+6, "missed", fmt.Sprint(ref))
		}
		for name, r := range map[string]*replica{"here": one, "on another replica": two} {
			back := r.resume("s", bob)
			if !back.first.Resumed || back.first.Session.Offset != bob.at.Offset || back.first.Members != nil || back.first.State != nil {
				w.Errorf("%s: welcome %+v; want a resume from %v", name, back.first, bob.at)
			}
			settle()
			got := back.events()
			if len(got) != 30 || !strings.HasSuffix(got[0], "missed 0") || !strings.HasSuffix(got[29], "missed 29") {
				w.Errorf("%s: replayed %v", name, got)
			}
			back.gone()
		}
	})
}

// Nothing was missed: the resume stands where the head is.
func TestResumeAtTheHead(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		settle()
		ada.gone()
		back := r.resume("s", ada)
		settle()
		if !back.first.Resumed || len(back.seen) != 0 {
			w.Errorf("welcome %+v, events %v", back.first, back.seen)
		}
		back.publish(1, "e", "1")
		if got := back.events(); len(got) != 1 {
			w.Errorf("events %v", got)
		}
	})
}

func TestSinceIsNeverGuessedAt(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		for ref := range uint64(3 * history) {
			ada.publish(ref+1, "e", "1")
		}
		at := ada.position()
		for name, since := range map[string]wire.Position{
			"another epoch":        {Epoch: "another", Offset: at.Offset},
			"no epoch":             {Offset: at.Offset},
			"ahead of the head":    {Epoch: at.Epoch, Offset: at.Offset + 1},
			"far ahead":            {Epoch: at.Epoch, Offset: 1 << 53},
			"older than history":   {Epoch: at.Epoch, Offset: 1},
			"before the beginning": {Epoch: at.Epoch, Offset: 0},
		} {
			back := r.join("s", wire.Join{Seat: ada.seat(), Since: &since})
			head := w.view("s").Offset
			if back.first.Resumed || back.first.Session.Offset != head || back.first.Members == nil {
				w.Errorf("%s: welcome %+v; want a snapshot at %d", name, back.first, head)
			}
			settle()
			if got := back.events(); len(got) != 0 {
				w.Errorf("%s: events %v", name, got)
			}
			back.gone()
		}
	})
}

// A resume from the start of a session whose whole past is there is a replay.
func TestResumeFromTheBeginning(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		ada.publish(1, "e", "1")
		back := r.join("s", wire.Join{Seat: ada.seat(), Since: &wire.Position{Epoch: ada.at.Epoch}})
		settle()
		if got := back.events(); !back.first.Resumed || len(got) != 1 {
			w.Errorf("welcome %+v, events %v", back.first, got)
		}
	})
}

// A failed attempt uses nothing up.
func TestResumeAfterAFailedAttempt(t *testing.T) {
	bubble(t, func(w *world) {
		r, other := w.replica(), w.replica()
		ada, bob := r.named("s", "Ada"), other.named("s", "Bob")
		settle()
		ada.gone()
		bob.publish(1, "e", "1")
		r.faults.away()
		at := ada.position()
		for range 3 {
			r.refused("s", wire.Join{Seat: ada.seat(), Client: ada.client, Since: &at}, wire.CodeUnavailable, wire.CloseStoreAway)
		}
		r.faults.heal()
		back := r.resume("s", ada)
		settle()
		if got := back.events(); !back.first.Resumed || len(got) != 1 {
			w.Errorf("welcome %+v, events %v", back.first, got)
		}
	})
}

// Promise 4: whatever has become of the member's place meanwhile, the welcome on
// another replica takes two round trips: to subscribe, and to read.
func TestResumeTakesTwoRoundTrips(t *testing.T) {
	for name, away := range map[string]time.Duration{"within the blink": time.Second, "within the grace": 10 * time.Second, "offline": time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := one.named("s", "Ada"), one.named("s", "Bob")
				settle()
				ada.gone()
				pass(away)
				bob.publish(1, "e", "1")
				before := two.faults.calls.Load()
				welcomed := int64(0)
				at, back := ada.position(), newFake(w.T)
				back.members = map[string]wire.Member{ada.member(): ada.members[ada.member()], bob.member(): bob.members[bob.member()]}
				back.started = func() { welcomed = two.faults.calls.Load() }
				if e := two.attempt("s", wire.Join{Seat: ada.seat(), Client: ada.client, Since: &at}, back); e != nil {
					w.Fatal(e)
				}
				if got := welcomed - before; got != 2 || !back.first.Resumed {
					w.Errorf("the welcome took %d round trips; want 2; resumed %v", got, back.first.Resumed)
				}
				settle()
				if got := bob.status(ada.member()); got != wire.StatusOnline || back.position() != bob.position() {
					w.Errorf("afterwards Ada is %s, at %v; Bob is at %v", got, back.position(), bob.position())
				}
			})
		})
	}
}

// Until the session knows of a connection, what its client sends is not read: a
// refusal could be untrue as long as an older connection has the request under way.
func TestJoinReturnsWhenTheSessionKnows(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		settle()
		two.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			time.Sleep(time.Second)
			return do()
		}})
		began := time.Now()
		back := two.resume("s", ada)
		if took := time.Since(began); took < time.Second || back.first == nil {
			w.Errorf("it took %v", took)
		}
		if m := w.roster("s")[ada.member()]; !m.has(back.p.ref()) {
			w.Error("the session does not know of the connection")
		}
	})
}
