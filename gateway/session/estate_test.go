package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// changes are the statuses that a session was told, by the log.
func (w *world) changes(session string) (texts []string) {
	for _, e := range w.view(session).Events {
		for _, status := range []string{"online", "reconnecting", "offline"} {
			if strings.Contains(string(e.Body), eventChanged) && strings.Contains(string(e.Body), status) {
				texts = append(texts, status)
			}
		}
	}
	return texts
}

// All members of some sessions were on the replica that died. The others find
// them, each once, and let go of the sessions when there is nothing to wait for.
func TestSessionsThatNobodyIsLeftIn(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		dead, one, two := w.replica(), w.replica(), w.replica()
		stop := dead.watch(l)
		one.watch(l)
		two.watch(l)
		pass(2 * leaseTTL)
		const sessions = 20
		for i := range sessions {
			dead.named(fmt.Sprint("lone-", i), "Ada")
		}
		both := dead.named("both", "Ada")
		bob := one.named("both", "Bob")
		l.announce(dead)
		settle()
		dead.crash(stop, l)
		pass(10 * time.Second)
		for i := range sessions {
			if got := w.changes(fmt.Sprint("lone-", i)); lines(got) != "reconnecting" {
				w.Errorf("within 10 s session %d was told %q", i, got)
			}
		}
		pass(32 * time.Second)
		for i := range sessions {
			id := fmt.Sprint("lone-", i)
			if got := w.changes(id); lines(got) != "reconnecting\noffline" || w.connections(id) != 0 {
				w.Errorf("after the grace session %d was told %q, and has %d connections", i, got, w.connections(id))
			}
		}
		if got := w.changes("both"); lines(got) != "reconnecting\noffline" || bob.status(both.member()) != "offline" {
			w.Errorf("the session with somebody left was told %q", got)
		}
		pass(20 * time.Second)
		if a, b := len(one.hub.Pools()), len(two.hub.Pools()); a != 1 || b != 0 {
			w.Errorf("the survivors still keep %d and %d sessions; want 1 and none", a, b)
		}
	})
}

// All replicas died. The first one that starts sees to what they left, also when
// the store is away at first.
func TestSessionsThatNoReplicaIsLeftFor(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		dead := w.replica()
		stop := dead.watch(l)
		pass(2 * leaseTTL)
		dead.named("s", "Ada")
		l.announce(dead)
		settle()
		dead.crash(stop, l)
		pass(time.Minute)
		next := w.replica()
		next.faults.set(hooks{append: func(*fanout.Append, func() (fanout.Appended, error)) (fanout.Appended, error) {
			return fanout.Appended{}, fanout.ErrUnavailable
		}})
		next.watch(l)
		pass(20 * time.Second)
		if got := w.changes("s"); len(got) != 0 {
			w.Fatalf("told %q, though the store takes nothing", got)
		}
		next.faults.heal()
		pass(5 * time.Second)
		if got := w.changes("s"); lines(got) != "reconnecting" {
			w.Errorf("told %q", got)
		}
		pass(40 * time.Second)
		if got := w.changes("s"); lines(got) != "reconnecting\noffline" || len(next.hub.Pools()) != 0 {
			w.Errorf("told %q; %d sessions are kept", got, len(next.hub.Pools()))
		}
	})
}

// Presence costs the store work for each replica and each change, and none for
// each session and second.
func TestPresenceOfIdleSessionsCostsNothing(t *testing.T) {
	bubble(t, func(w *world) {
		l := &counted{leases: leases{ends: make(map[string]time.Time)}}
		const sessions, replicas = 200, 3
		var all []*replica
		for range replicas {
			r := w.replica()
			r.watchOn(l)
			all = append(all, r)
		}
		var members []*fake
		for i := range sessions {
			for _, r := range all {
				members = append(members, r.named(fmt.Sprint("s-", i), "member"))
			}
		}
		calls := func() (n int64) {
			for _, r := range all {
				n += r.faults.calls.Load()
			}
			return n
		}
		pass(time.Minute)
		before, renewed := calls(), l.renewals.Load()
		pass(time.Hour)
		if got := calls() - before; got != 0 {
			w.Errorf("%d appends and reads in an hour in which nothing happened", got)
		}
		if got, want := l.renewals.Load()-renewed, int64(replicas*time.Hour/leaseRenew); got < want-replicas || got > want+replicas {
			w.Errorf("%d renewals in an hour; want %d", got, want)
		}
		// A change is told by one append; then every replica that has the session
		// compares once what is here with what the store says.
		before = calls()
		members[0].gone()
		pass(time.Minute)
		if got := calls() - before; got < 2 || got > 2*(1+replicas)+replicas {
			w.Errorf("a member who goes, and is offline after the grace, cost %d appends and reads", got)
		}
	})
}
