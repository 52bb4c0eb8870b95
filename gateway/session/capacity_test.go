package session

import (
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func small(capacity int) func(o *Options) { return func(o *Options) { o.Capacity = capacity } }

func TestCapacityOverTwoReplicas(t *testing.T) {
	bubble(t, func(w *world) {
		replicas := []*replica{w.replica(), w.replica()}
		var all []*fake
		for i := range 50 {
			all = append(all, replicas[i%2].named("s", "member"))
		}
		for _, r := range replicas {
			r.refused("s", wire.Join{Name: "late"}, wire.CodeSessionFull, wire.CloseSessionFull)
		}
		replicas[0].named("other", "elsewhere").open()

		// Within the grace the member keeps the place, afterwards it is free.
		all[7].gone()
		pass(Blink + time.Second)
		replicas[0].refused("s", wire.Join{Name: "late"}, wire.CodeSessionFull, wire.CloseSessionFull)
		all[7] = replicas[0].again("s", all[7])
		replicas[1].refused("s", wire.Join{Name: "late"}, wire.CodeSessionFull, wire.CloseSessionFull)
		all[8].gone()
		pass(Blink + 32*time.Second)
		replicas[1].named("s", "fifty first").open()

		// Whoever was offline has no place any more.
		replicas[1].refused("s", wire.Join{Seat: all[8].seat()}, wire.CodeSessionFull, wire.CloseSessionFull)
		all[9].p.Leave()
		settle()
		back := replicas[0].again("s", all[8])
		settle()
		back.open()
		if got := w.connections("s"); got != 50 {
			w.Errorf("the roster has %d connections; want 50", got)
		}
	})
}

// A half-open phone must not lock its owner out: in a full session the new
// connection takes the place of the member's oldest.
func TestFullSessionRefusesNoSeatHolder(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(small(3)), w.replica(small(3))
		ada, bob := one.named("s", "Ada"), one.named("s", "Bob")
		tab := two.again("s", ada)
		settle() // the roster notes a seat that comes back behind its welcome
		one.refused("s", wire.Join{Name: "late"}, wire.CodeSessionFull, wire.CloseSessionFull)

		phone := two.again("s", ada)
		settle()
		ada.closed(wire.CloseReplaced)
		phone.open()
		tab.open()
		laptop := one.again("s", bob)
		settle()
		bob.closed(wire.CloseReplaced)
		laptop.open()
		if got := w.connections("s"); got != 3 {
			w.Errorf("the roster has %d connections; want 3", got)
		}

		// The same client takes its own place, not the oldest.
		fresh := one.resume("s", phone)
		settle()
		phone.closed(wire.CloseReplaced)
		tab.open()
		fresh.open()
	})
}

// A page that is loaded anew in a full session comes back, though its old
// connection still counts within the blink.
func TestReloadInAFullSession(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica(small(2))
		ada, bob := r.named("s", "Ada"), r.named("s", "Bob")
		for range 5 {
			ada.gone()
			ada = r.again("s", ada)
		}
		pass(Blink + time.Second)
		if got := bob.news(); len(got) != 0 {
			w.Errorf("reloads were told: %v", got)
		}
		if got := w.connections("s"); got != 2 {
			w.Errorf("the roster has %d connections; want 2", got)
		}
	})
}
