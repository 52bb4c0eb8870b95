package session

import (
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// fleet adds up what replicas count.
func fleet(all ...*replica) (sum Census) {
	for _, r := range all {
		c := r.Census()
		sum.Sessions += c.Sessions
		sum.Online += c.Online
		sum.Away += c.Away
		sum.Offline += c.Offline
	}
	return sum
}

// Who sits in a session that several replicas serve is counted once, also after
// one of them has died.
func TestCensusCountsEverySessionOnce(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		all := []*replica{w.replica(), w.replica(), w.replica()}
		var stops []func()
		for _, r := range all {
			stops = append(stops, r.watch(l))
		}
		pass(2 * leaseTTL)
		if got := fleet(all...); got != (Census{}) {
			w.Errorf("an empty fleet counts %+v", got)
		}
		for _, r := range all {
			for _, name := range []string{"Ada", "Bob"} {
				r.named("shared", name)
			}
		}
		lost, kept := all[0].named("lone", "Cleo"), all[0].named("lone", "Dan")
		kept.command(1, "set_name", `{"name":"Daniel"}`)
		pass(reconcileEvery + 2*leaseRenew)
		if got := fleet(all...); got != (Census{Sessions: 2, Online: 8}) {
			w.Errorf("counted %+v; want 2 sessions with 8 members", got)
		}
		lost.gone()
		pass(Blink + time.Second)
		if got := fleet(all...); got != (Census{Sessions: 2, Online: 7, Away: 1}) {
			w.Errorf("counted %+v; want one reconnecting", got)
		}
		pass(time.Minute)
		if got := fleet(all...); got != (Census{Sessions: 2, Online: 7, Offline: 1}) {
			w.Errorf("counted %+v; want one offline", got)
		}
		first := 0
		for i, r := range all {
			if r.Census().Online >= 6 {
				first = i
			}
		}
		all[first].crash(stops[first], l)
		alive := append(append([]*replica(nil), all[:first]...), all[first+1:]...)
		pass(20 * time.Second)
		if got := fleet(alive...); got.Online < 4 || got.Away < 2 {
			w.Errorf("after the crash counted %+v; want 4 of the shared session online and 2 reconnecting", got)
		}
	})
}

func TestResumesAreCountedByOutcome(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		ada.publish(1, "e", "1")
		settle()
		back := r.resume("s", ada)
		r.again("s", back)
		r.join("s", wire.Join{Seat: back.seat(), Since: &wire.Position{Epoch: "gone", Offset: 1}})
		r.refused("s", wire.Join{Seat: "nobody's", Since: &wire.Position{Epoch: "gone", Offset: 1}}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		r.refused("s", wire.Join{Seat: "nobody's"}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		s := &r.Stats
		for name, got := range map[string]int64{"new": s.Joins.Load(), "replays": s.Resumes.Load(), "snapshots": s.Snapshots.Load(),
			"returns": s.Returns.Load(), "denied": s.Denied.Load(), "refused": s.Refused.Load() - 1} {
			if got != 1 {
				t.Errorf("%s: counted %d; want 1", name, got)
			}
		}
	})
}
