package session

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestPublishWhileTheStoreIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		one.faults.away()
		ada.p.Publish(&wire.Publish{Ref: 1, Event: []byte("brief"), Data: []byte("1")})
		pass(time.Second)
		one.faults.heal()
		pass(2 * time.Second)
		if got := bob.events(); len(got) != 1 {
			w.Errorf("a short absence lost the event: %v", got)
		}
		one.faults.away()
		ada.p.Publish(&wire.Publish{Ref: 2, Event: []byte("long"), Data: []byte("1")})
		ada.p.Command(&wire.Command{Ref: 3, Command: []byte("set_name"), Data: []byte(`{"name":"x"}`)})
		pass(10 * time.Second)
		for _, e := range ada.errors {
			if !e.Retry || e.After == 0 || e.Code != wire.CodeUnavailable {
				w.Errorf("refusal %+v; want one that may be tried again", e)
			}
		}
		if got := lines(ada.refusals()); got != "2 unavailable\n3 unavailable" {
			w.Errorf("refusals %q", got)
		}
		ada.open()
		one.faults.heal()
		ada.publish(4, "after", "1")
		if got := lines(bob.events()); !strings.HasSuffix(got, "after 1") || strings.Contains(got, "long") {
			w.Errorf("told %v", got)
		}
	})
}

// The store takes a publish, and no answer comes for as long as the gateway
// waits: the connection is closed for a resume, and the publish counts once.
func TestOutcomeThatStaysUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		one.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			do()
			return fanout.Appended{}, errors.New("the answer was lost")
		}})
		ada.p.Publish(&wire.Publish{Ref: 1, Event: []byte("e"), Data: []byte("1")})
		pass(20 * time.Second)
		ada.closed(wire.CloseStoreAway)
		if len(ada.acks) != 0 || len(ada.errors) != 0 {
			w.Errorf("acks %v, errors %v: nothing is known", ada.acks, ada.errors)
		}
		one.faults.heal()
		ada.gone()
		back := two.resume("s", ada)
		if back.first.Acked != 1 {
			w.Errorf("acked %d; want 1", back.first.Acked)
		}
		back.publish(1, "e", "1")
		if got := bob.events(); len(got) != 1 || back.acks[1] == 0 {
			w.Errorf("told %v, acks %v", got, back.acks)
		}
	})
}

func TestLeaveWhileTheStoreIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		one.faults.away()
		ada.p.Leave()
		pass(10 * time.Second)
		ada.closed(wire.CloseStoreAway)
		one.faults.heal()
		ada.gone()
		two.again("s", ada).open()
	})
}

func TestJoinWhileTheStoreIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		r.faults.away()
		_, e := r.try("s", wire.Join{Name: "Bob"})
		if e == nil || e.Close != wire.CloseStoreAway || !e.Retry || e.After < 5*time.Second {
			w.Errorf("refusal %+v", e)
		}
		// One who holds a place is welcomed by a read; if the roster cannot be
		// told, the connection does not stay.
		reads := true
		r.faults.set(hooks{append: func(*fanout.Append, func() (fanout.Appended, error)) (fanout.Appended, error) {
			return fanout.Appended{}, fanout.ErrUnavailable
		}})
		tab, e := r.try("s", wire.Join{Seat: ada.seat()})
		if e != nil || !reads {
			w.Fatalf("refused: %v", e)
		}
		pass(10 * time.Second)
		tab.closed(wire.CloseStoreAway)
		ada.open()
	})
}

// The connection that took the place of another one of the same client could
// not be noted, and ends. The old one, which ended for it, must not stay in the
// roster for ever.
func TestReplacementThatFails(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		one.faults.set(hooks{append: func(*fanout.Append, func() (fanout.Appended, error)) (fanout.Appended, error) {
			return fanout.Appended{}, fanout.ErrUnavailable
		}})
		fresh := one.resume("s", ada)
		ada.closed(wire.CloseReplaced)
		ada.gone()
		pass(10 * time.Second)
		fresh.closed(wire.CloseStoreAway)
		fresh.gone()
		one.faults.heal()
		pass(time.Minute)
		if got := bob.status(ada.member()); got != "offline" {
			w.Errorf("%s; want offline", got)
		}
		if got := w.connections("s"); got != 1 {
			w.Errorf("the roster has %d connections; want 1", got)
		}
	})
}

// Whatever happens to single calls, what is acknowledged is in the log once,
// and what is refused is not.
func TestNothingIsAcknowledgedThatIsNotInTheLog(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(w *world) { acknowledge(w, rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func acknowledge(w *world, draw *rand.Rand) {
	replicas := []*replica{w.replica(), w.replica()}
	var all []*fake
	for i := range 6 {
		all = append(all, replicas[i%2].named("s", "member"))
	}
	settle()
	for i, r := range replicas {
		r.faults.set(slow(rand.New(rand.NewPCG(draw.Uint64(), uint64(i))), 300*time.Millisecond, 0.3))
	}
	for ref := range uint64(8) {
		for _, f := range all {
			if draw.IntN(3) == 0 {
				f.p.Command(&wire.Command{Ref: ref + 1, Command: []byte("set_name"), Data: fmt.Appendf(nil, `{"name":"n%d"}`, ref)})
			} else {
				f.p.Publish(&wire.Publish{Ref: ref + 1, Event: []byte("e"), Data: []byte("1")})
			}
		}
		pass(time.Duration(draw.Int64N(int64(300 * time.Millisecond))))
	}
	pass(time.Minute)
	for _, r := range replicas {
		r.faults.heal()
	}
	pass(20 * time.Second) // the sweep finds a hole that nothing showed
	logged := make(map[string]int)
	for _, e := range all[0].seen {
		logged[e.Ref]++
	}
	for _, f := range all {
		if f.ended == nil && f.position() != all[0].position() {
			w.Errorf("one member is at %v, another one at %v", f.position(), all[0].position())
		}
		refused := make(map[uint64]bool)
		for _, e := range f.errors {
			refused[e.Ref] = true
		}
		for ref := uint64(1); ref <= 8; ref++ {
			n := logged[fmt.Sprintf("%s:%d", f.client, ref)]
			_, acked := f.acks[ref]
			switch {
			case n > 1:
				w.Errorf("ref %d of %s took effect %d times", ref, f.client, n)
			case acked && n == 0, refused[ref] && n > 0:
				w.Errorf("ref %d of %s: acked %v, refused %v, %d times in the log", ref, f.client, acked, refused[ref], n)
			case n == 0 && !refused[ref] && f.ended == nil:
				w.Errorf("ref %d of %s has no outcome", ref, f.client)
			}
		}
	}
}
