package session

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// visit has a member come and go, and waits until it is offline.
func (r *replica) visit(session, name string) *fake {
	r.w.Helper()
	f := r.named(session, name)
	f.gone()
	pass(Blink + 31*time.Second)
	return f
}

// However many come and go, a session keeps the seats of so many only: of those
// who went last, and of the owner.
func TestOfflineSeatsAreBounded(t *testing.T) {
	bubble(t, func(w *world) {
		few := func(o *Options) { o.Offline = 3 }
		one, two := w.replica(few), w.replica(few)
		owner := one.named("s", "Owner")
		watcher := two.named("s", "Watcher")
		owner.gone()
		pass(Blink + 31*time.Second)
		var gone []*fake
		for i := range 10 {
			gone = append(gone, []*replica{one, two}[i%2].visit("s", fmt.Sprint("visitor ", i)))
		}
		kept := []*fake{watcher, owner, gone[8], gone[9]}
		for _, f := range kept {
			if watcher.members[f.member()].Member == "" {
				w.Errorf("%s has lost the seat", f.first.You.Member)
			}
		}
		if got := len(w.roster("s")); got != len(kept) || len(watcher.members) != len(kept) {
			w.Errorf("the roster has %d members, and the watcher knows %d; want %d", got, len(watcher.members), len(kept))
		}
		want := fmt.Sprintf("%s %s %s", eventLeft, gone[7].member(), reasonExpired)
		if got := watcher.news(); !slices.Contains(got, want) {
			w.Errorf("told %v; want %q in it", got, want)
		}
		one.refused("s", wire.Join{Seat: gone[7].seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		for _, f := range kept[1:] {
			two.again("s", f).open()
		}
		settle()
		if got := watcher.status(gone[8].member()); got != wire.StatusOnline {
			w.Errorf("a visitor who is back is %s", got)
		}
	})
}

// Whoever has been away for the TTL has lost the seat, though the session lives on.
func TestSeatsExpire(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica(func(o *Options) { o.SeatTTL = time.Hour })
		watcher := r.named("s", "Watcher")
		old := r.visit("s", "old")
		pass(50 * time.Minute)
		young := r.visit("s", "young")
		r.again("s", old).gone() // that was a sign of life
		pass(50 * time.Minute)
		r.visit("s", "another")
		r.again("s", old).open()
		pass(20 * time.Minute)
		r.visit("s", "and another")
		r.refused("s", wire.Join{Seat: young.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		if got := watcher.status(old.member()); got != wire.StatusOnline {
			w.Errorf("who came back is %q", got)
		}
	})
}
