package session

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// readings watches the reads of a replica.
type readings struct {
	mu          sync.Mutex // guards the following
	under, most int        // at once
	at          []time.Time
}

// measureReads has every read of r take a millisecond.
func measureReads(r *replica) *readings {
	m := new(readings)
	r.faults.set(hooks{read: func(do func() (fanout.View, error)) (fanout.View, error) {
		m.count(1)
		defer m.count(-1)
		time.Sleep(time.Millisecond)
		return do()
	}})
	return m
}

func (m *readings) count(more int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.under += more
	m.most = max(m.most, m.under)
	if more > 0 {
		m.at = append(m.at, time.Now())
	}
}

// begun returns when reads began since the last call.
func (m *readings) begun() (at []time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, m.at = m.at, nil
	return at
}

// fullest is how many of them lie within span, at most.
func fullest(all []time.Time, span time.Duration) (most int) {
	for i := range all {
		n := 0
		for _, at := range all[i:] {
			if at.Sub(all[i]) < span {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// When a replica dies all sessions that it shared are to be compared. Whoever is
// in them does not wait behind that.
func TestTheSessionsOfADeadReplicaAreReadAFewAtATime(t *testing.T) {
	bubble(t, func(w *world) {
		const sessions = 500
		l := &leases{ends: make(map[string]time.Time)}
		dead, one := w.replica(), w.replica()
		stop := dead.watch(l)
		one.watch(l)
		pass(2 * leaseTTL)
		for i := range sessions {
			one.named(fmt.Sprint("s-", i), "Bob")
			dead.named(fmt.Sprint("s-", i), "Ada") // behind Bob, so that one has an older state
		}
		pass(2 * reconcileEvery)
		reads := measureReads(one)
		for i := range sessions {
			dead.named(fmt.Sprint("s-", i), "Cleo")
		}
		settle()
		reads.begun()
		dead.crash(stop, l)
		pass(10 * time.Second)
		for i := range sessions {
			if got := w.changes(fmt.Sprint("s-", i)); lines(got) != "reconnecting\nreconnecting" {
				w.Fatalf("within 10 s session %d was told %q", i, got)
			}
		}
		begun := reads.begun()
		if len(begun) < sessions {
			w.Fatalf("%d reads of %d sessions; the test has to see them", len(begun), sessions)
		}
		if reads.most > reconcilesAtOnce {
			w.Errorf("%d sessions were read at once; want %d at most", reads.most, reconcilesAtOnce)
		}
		const even = sessions / 25 // they are spread over 2.5 s
		if got := fullest(begun, 100*time.Millisecond); got > 2*even {
			w.Errorf("%d sessions were read within 100 ms; want about %d", got, even)
		}
	})
}

// What may have got lost is looked for in every session that has changed: at
// another moment in each, and by those who have not made the change themselves.
func TestComparingIsSpread(t *testing.T) {
	bubble(t, func(w *world) {
		const sessions = 500
		l := &leases{ends: make(map[string]time.Time)}
		one, two := w.replica(), w.replica()
		one.watch(l)
		two.watch(l)
		pass(2 * leaseTTL)
		var members []*fake
		for i := range sessions {
			two.named(fmt.Sprint("s-", i), "Bob")
			members = append(members, one.named(fmt.Sprint("s-", i), "Ada"))
		}
		pass(3 * reconcileEvery)
		own, others := measureReads(one), measureReads(two)
		for i, m := range members {
			m.p.Command(&wire.Command{Ref: 1, Command: []byte("set_name"), Data: fmt.Appendf(nil, `{"name":"Ada the %dth"}`, i)})
		}
		pass(reconcileEvery + 2*leaseRenew)
		if n := len(own.begun()); n != 0 {
			w.Errorf("the replica that made the changes read %d sessions", n)
		}
		begun := others.begun()
		if len(begun) != sessions {
			w.Errorf("the other one read %d sessions; want each once, %d", len(begun), sessions)
		}
		even := int(sessions * leaseRenew / reconcileEvery)
		if got := fullest(begun, leaseRenew); got > 2*even {
			w.Errorf("%d sessions were read within %v; want about %d", got, leaseRenew, even)
		}
		pass(2 * reconcileEvery)
		if n := len(others.begun()); n != 0 {
			w.Errorf("later %d more were read, though nothing has changed", n)
		}
	})
}
