package integration

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	reloadSessions = 100
	reloadMembers  = 50 // in each session
)

// A reload under 5,000 sockets: all of them stay and hear what is said after it,
// and whoever comes in its middle comes in. The old workers end when their last
// socket does.
func TestAReloadOfNginxKeepsSockets(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_HANDSHAKES=100000", "PLENUM_HEARTBEAT_INTERVAL=10m", "PLENUM_HEARTBEAT_TIMEOUT=20m")
	proxy := startNginx(t, both...)
	sessions := crowd(t, proxy.Addr)
	old := proxy.workers(t)

	stop, coming := newcomers(t, proxy.Addr)
	proxy.reload(t)
	stop()
	if n, err := coming(); err != nil {
		t.Errorf("somebody who came during the reload was not let in: %v", err)
	} else {
		t.Logf("%d came in during the reload", n)
	}
	for _, pid := range old {
		if title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || !strings.Contains(string(title), "shutting down") {
			t.Errorf("worker %d is gone or goes on: %q, %v", pid, title, err)
		}
	}
	inParallel(t, sessions, heardByAll)
	inParallel(t, sessions, func(s []*peer) (err error) {
		for _, p := range s {
			err = errors.Join(err, p.Close())
		}
		return err
	})
	poll(t, "the old workers to end", func() error {
		for _, pid := range proxy.workers(t) {
			for _, was := range old {
				if pid == was {
					return fmt.Errorf("worker %d is still there", pid)
				}
			}
		}
		return nil
	})
}

// crowd fills sessions through nginx.
func crowd(t *testing.T, addr string) [][]*peer {
	t.Helper()
	sessions := make([][]*peer, reloadSessions)
	for i := range sessions {
		sessions[i] = make([]*peer, reloadMembers)
	}
	began := time.Now()
	var number atomic.Int64
	inParallel(t, sessions, func(s []*peer) (err error) {
		session := fmt.Sprintf("reload-%d", number.Add(1))
		for i := range s {
			if s[i], _, err = joinPeer(t, addr, session, newcomer(fmt.Sprintf("member %d", i))); err != nil {
				return fmt.Errorf("%s, member %d: %w", session, i, err)
			}
		}
		return nil
	})
	t.Logf("%d members in %v", reloadSessions*reloadMembers, time.Since(began).Round(time.Millisecond))
	return sessions
}

// inParallel does something with each session, and fails the test if one fails.
func inParallel(t *testing.T, sessions [][]*peer, f func([]*peer) error) {
	t.Helper()
	errs := make([]error, len(sessions))
	var running sync.WaitGroup
	for i, s := range sessions {
		running.Go(func() { errs[i] = f(s) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// heardByAll has one member of a session say something, and waits until all others
// have it, with everything before it.
func heardByAll(session []*peer) error {
	speaker := session[0]
	if err := speaker.serves(1); err != nil {
		return err
	}
	for i, p := range session {
		for p.ledger.at.Offset < speaker.ledger.at.Offset {
			if _, err := p.next(); err != nil {
				return fmt.Errorf("member %d: %w", i, err)
			}
		}
	}
	return nil
}

// newcomers has people come one after the other until stop is called; coming
// returns how many came, and the first error.
func newcomers(t *testing.T, addr string) (stop func(), coming func() (int, error)) {
	var enough atomic.Bool
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	go func() {
		var r result
		for r.err == nil && !enough.Load() {
			var p *peer
			p, _, r.err = joinPeer(t, addr, fmt.Sprintf("meanwhile-%d", r.n/10), newcomer("comes meanwhile"))
			if r.err == nil {
				r.n++
				r.err = p.Close()
			}
		}
		results <- r
	}()
	t.Cleanup(func() { enough.Store(true) })
	return func() { enough.Store(true) }, func() (int, error) {
		r := <-results
		return r.n, r.err
	}
}

// When the old workers' time is over they cut what they have left. Members see
// 1006, come back through the new ones and have missed nothing.
func TestTheEndOfOldWorkersCostsNothing(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	proxy := runNginx(t, nginxSetup{replicas: addresses(both), changes: map[string]string{"worker_shutdown_timeout 1h;": "worker_shutdown_timeout 2s;"}})
	members := everyone(t, 12, "cut", []string{proxy.URL()})
	stop, talks := chatter(t, members, 150*time.Millisecond)
	proxy.reload(t)
	for _, m := range members {
		m.welcomed(t, 2)
	}
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		m.quiet(t)
	}
	allCaughtUp(t, members)
	judge(t, members)
	allSettledWell(t, members)
	onlyReplays(t, members)
}
