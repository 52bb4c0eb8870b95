package session

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestReloadIsInvisible(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		bob.news()
		for i := range 6 {
			ada.gone()
			pass(Blink - 10*time.Millisecond)
			ada = []*replica{one, two}[i%2].again("s", ada)
			if ada.members[ada.member()].Status != "online" {
				w.Errorf("the snapshot says %v", ada.members)
			}
		}
		pass(time.Minute)
		if got := bob.news(); len(got) != 0 {
			w.Errorf("reloads were told: %v", got)
		}
		if got := w.connections("s"); got != 2 {
			w.Errorf("the roster has %d connections; want 2", got)
		}
	})
}

func TestReconnectingThenOfflineOnce(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob, cleo := one.named("s", "Ada"), one.named("s", "Bob"), two.named("s", "Cleo")
		settle()
		bob.news()
		cleo.news()
		changed := func(status string) string { return fmt.Sprintf("member.changed %s %s", ada.member(), status) }
		both := func(when, want string) {
			w.Helper()
			for _, f := range []*fake{bob, cleo} {
				if got := lines(f.news()); got != want {
					w.Errorf("%s: told %q; want %q", when, got, want)
				}
			}
		}
		ada.gone()
		pass(Blink - time.Millisecond)
		both("within the blink", "")
		pass(200 * time.Millisecond)
		both("after the blink", changed("reconnecting"))
		pass(30*time.Second - 250*time.Millisecond)
		both("within the grace", "")
		pass(time.Second)
		both("after the grace", changed("offline"))
		pass(time.Hour)
		both("later", "")

		back := two.again("s", ada)
		settle()
		both("back", changed("online"))
		back.gone()
		pass(20 * time.Second)
		both("gone again", changed("reconnecting"))
		back = one.again("s", ada)
		settle()
		both("back within the grace", changed("online"))
		pass(time.Hour)
		both("later", "")
		back.open()
	})
}

// Nobody is left to notice; who comes next learns the truth at once.
func TestOfflineWhenNobodyWatched(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		ada := one.named("s", "Ada")
		ada.gone()
		pass(Blink + time.Second)
		one.cut()
		pass(time.Hour)
		two := w.replica()
		bob := two.named("s", "Bob")
		pass(time.Second)
		if got := bob.status(ada.member()); got != "offline" {
			w.Errorf("%s; want offline", got)
		}
	})
}

// A member goes while the store is away: it is told when the store is back.
func TestGoneWhileTheStoreIsAway(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 5 * time.Second, 5 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
				settle()
				bob.news()
				one.faults.away()
				two.faults.away()
				ada.gone()
				pass(Blink + away)
				one.faults.heal()
				two.faults.heal()
				pass(5 * time.Second)
				if got := bob.status(ada.member()); got != "reconnecting" {
					w.Errorf("%s; want reconnecting", got)
				}
				pass(35 * time.Second)
				if got := bob.status(ada.member()); got != "offline" {
					w.Errorf("%s; want offline", got)
				}
				if got := len(bob.news()); got != 2 {
					w.Errorf("%d changes; want 2", got)
				}
				bob.open()
			})
		})
	}
}

// The grace ends while the store is away.
func TestGraceEndsWhileTheStoreIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		ada.gone()
		pass(Blink + 25*time.Second)
		one.faults.away()
		two.faults.away()
		pass(time.Minute)
		one.faults.heal()
		two.faults.heal()
		pass(10 * time.Second)
		if got := bob.status(ada.member()); got != "offline" {
			w.Errorf("%s; want offline", got)
		}
	})
}

// leases are Leases and Estate by the bubble's clock.
type leases struct {
	mu     sync.Mutex
	ends   map[string]time.Time
	served map[string]map[string]bool // sessions by the replica that announced them
}

// Orphans implements Estate. They come one at a time.
func (l *leases) Orphans(context.Context, int) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, sessions := range l.served {
		for session := range sessions {
			if time.Now().After(l.ends[id]) {
				return []string{session}, nil
			}
		}
	}
	return nil, nil
}

// Settle implements Estate.
func (l *leases) Settle(_ context.Context, sessions []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, served := range l.served {
		for _, session := range sessions {
			delete(served, session)
		}
	}
	return nil
}

// announce notes what a replica serves now.
func (l *leases) announce(r *replica) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.served == nil {
		l.served = make(map[string]map[string]bool)
	}
	l.served[r.incarnation] = make(map[string]bool)
	for _, p := range r.hub.Pools() {
		l.served[r.incarnation][p.Session()] = true
	}
}

func (l *leases) Renew(_ context.Context, id string, ttl time.Duration) (alive []string, late bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	late = now.After(l.ends[id])
	l.ends[id] = now.Add(ttl)
	for id, end := range l.ends {
		if now.Before(end) {
			alive = append(alive, id)
		}
	}
	return alive, late, nil
}

// counted are leases that count.
type counted struct {
	leases
	renewals atomic.Int64
}

func (c *counted) Renew(ctx context.Context, id string, ttl time.Duration) ([]string, bool, error) {
	c.renewals.Add(1)
	return c.leases.Renew(ctx, id, ttl)
}

// watch has a replica keep a lease until the test ends, or until the returned
// function is called.
func (r *replica) watch(l *leases) (stop func()) { return r.watchOn(l) }

// watchOn does it with any leases.
func (r *replica) watchOn(l interface {
	Leases
	Estate
}) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if err := r.Enlist(ctx, l); err != nil {
		r.w.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { r.Watch(ctx, l, l) })
	stop = func() { cancel(); done.Wait() }
	r.w.Cleanup(stop)
	return stop
}

// crash ends a replica as SIGKILL does.
func (r *replica) crash(stopWatch func(), l *leases) {
	stopWatch()
	r.cut()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[r.incarnation] = time.Now().Add(leaseTTL) // a killed process gives no lease up
}

func TestCrashOfAReplicaShowsOnce(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		dead, one, two := w.replica(), w.replica(), w.replica()
		stop := dead.watch(l)
		one.watch(l)
		two.watch(l)
		pass(2 * leaseTTL)
		ada, tab := dead.named("s", "Ada"), dead.named("s", "Tab")
		bob, cleo := one.named("s", "Bob"), two.named("s", "Cleo")
		two.again("s", tab)
		settle()
		bob.news()
		cleo.news()
		dead.crash(stop, l)
		pass(10 * time.Second)
		for _, f := range []*fake{bob, cleo} {
			if got := lines(f.news()); got != fmt.Sprintf("member.changed %s reconnecting", ada.member()) {
				w.Errorf("within 10 s: told %q", got)
			}
		}
		pass(31 * time.Second)
		for _, f := range []*fake{bob, cleo} {
			if got := lines(f.news()); got != fmt.Sprintf("member.changed %s offline", ada.member()) {
				w.Errorf("after the grace: told %q", got)
			}
			f.open()
		}
		if got := w.connections("s"); got != 3 {
			w.Errorf("the roster has %d connections; want 3", got)
		}
		pass(time.Hour)
		if got := append(bob.news(), cleo.news()...); len(got) != 0 {
			w.Errorf("later: told %v", got)
		}
	})
}

// A replica that was only stopped for a while is taken for dead, and its members
// are back when it goes on.
func TestReplicaThatWasTakenForDead(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		frozen, one := w.replica(), w.replica()
		stop := frozen.watch(l)
		one.watch(l)
		pass(2 * leaseTTL)
		ada, bob := frozen.named("s", "Ada"), one.named("s", "Bob")
		stop()
		pass(15 * time.Second)
		if got := bob.status(ada.member()); got != "reconnecting" {
			w.Errorf("%s; want reconnecting", got)
		}
		frozen.watch(l)
		pass(15 * time.Second)
		if got := bob.status(ada.member()); got != "online" {
			w.Errorf("%s; want online", got)
		}
		ada.open()
		pass(time.Hour)
		if got := bob.status(ada.member()); got != "online" {
			w.Errorf("%s; want online", got)
		}
	})
}

// Notes may get lost; what they said is found out by comparing.
func TestLostNotesAreFoundOut(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		one, two := w.replica(), w.replica()
		one.watch(l)
		two.watch(l)
		pass(2 * leaseTTL)
		owner := one.named("s", "Owner")
		bob, cleo := two.named("s", "Bob"), two.named("s", "Cleo")
		settle()
		two.faults.set(hooks{batch: func(fanout.Batch) bool { return false }})
		owner.command(1, "remove_member", fmt.Sprintf(`{"member":%q}`, bob.member()))
		fresh := one.resume("s", cleo)
		settle()
		two.faults.heal()
		bob.open()
		cleo.open()
		pass(20 * time.Second)
		bob.closed(wire.CloseRemoved)
		cleo.closed(wire.CloseReplaced)
		fresh.open()
		pass(time.Minute)
		if got := owner.status(cleo.member()); got != "online" {
			w.Errorf("%s; want online", got)
		}
		if got := w.connections("s"); got != 2 {
			w.Errorf("the roster has %d connections; want 2", got)
		}
	})
}
