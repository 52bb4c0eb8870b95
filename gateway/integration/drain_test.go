package integration

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// drainTimeout leaves time to look at a replica that drains.
const drainTimeout = 5 * time.Second

// A deploy: one replica after the other is told to stop and started anew, while
// everybody talks. Nobody's connection breaks, nothing is lost or doubled.
func TestADeployMovesMembersAndLosesNothing(t *testing.T) {
	t.Parallel()
	both, again := pinned(t, "PLENUM_DRAIN_TIMEOUT="+drainTimeout.String())
	proxy := startNginx(t, both...)
	members := everyone(t, 12, "deploy", []string{proxy.URL()})
	stop, talks := chatter(t, members, 150*time.Millisecond)
	for i, name := range []string{"first", "second"} {
		if len(on(members, name)) == 0 {
			t.Fatalf("nobody is on the %s replica", name)
		}
		retire(t, both[i], name, proxy, members)
		again(i)
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
	for _, m := range members {
		m.look(func() {
			if len(m.breaks) != 0 || len(m.replicas) < 2 {
				t.Errorf("%s was on %v and lost connections: %v", m.name, m.replicas, m.breaks)
			}
		})
	}
	t.Logf("welcomes: %v", served(members))
}

// retire tells a replica to stop. One of its members will not go; so there is
// time to look at it.
func retire(t *testing.T, g *gateway, name string, proxy *nginx, members []*member) {
	t.Helper()
	stayer, w, err := joinPeer(t, g.Addr, "deploy", newcomer("stays "+name))
	if err == nil {
		err = stayer.serves(1) // so it is in, for good
	}
	if err != nil {
		t.Fatal(err)
	}
	g.Term()
	g.awaitReady(t, http.StatusServiceUnavailable) // while it drains: afterwards nobody answers
	if status, _, err := get(g.URL() + "/healthz"); err != nil || status != http.StatusOK {
		t.Errorf("while it drains the replica is alive, but /healthz answers %d, %v", status, err)
	}
	_, err = dialPeer(t, g.Addr, "deploy")
	if err == nil {
		t.Error("a replica that drains takes new members")
	}
	for _, m := range members {
		m.until(t, "to be moved", func() bool { return last(m.replicas) != name })
	}
	late := join(t, "deploy", "comes while "+name+" drains", []string{proxy.URL()})
	late.welcomed(t, 1)

	if m, err := stayer.await("drain"); err != nil || m.After < 0 {
		t.Errorf("no drain message for who stays: %+v, %v", m, err)
	}
	if end := stayer.end(); end.code != wire.CloseDrained {
		t.Errorf("who stays: %v", end)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("the replica ended with exit code %d", code)
	}
	back := joinMessage{Client: w.You.Client, Seat: w.You.Seat, Since: &stayer.ledger.at}
	_, m, err := joinPeer(t, proxy.Addr, "deploy", back)
	if err != nil || !m.Resumed {
		t.Errorf("who stayed comes back: %+v, %v", m, err)
	}
}

// A second signal does not wait for anybody, and is still a good end.
func TestASecondSignalLeavesAtOnce(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			g := startGateway(t)
			var peers []*peer
			for i := range 5 {
				p, _, err := joinPeer(t, g.Addr, "hurry", newcomer(fmt.Sprintf("stays %d", i)))
				if err == nil {
					err = p.serves(1) // so it is in, for good
				}
				if err != nil {
					t.Fatal(err)
				}
				peers = append(peers, p)
			}
			g.signal(signal)
			for _, p := range peers {
				if _, err := p.await("drain"); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			g.signal(signal)
			for _, p := range peers[1:] { // the first one has fallen asleep
				if end := p.end(); end.code != wire.CloseDrained {
					t.Error(end)
				}
			}
			if code := g.Wait(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Alone on the embedded log there is nowhere to go: members are told so, and
// wait for the next one.
func TestAReplicaAloneSaysGoodbye(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "PLENUM_DRAIN_TIMEOUT=1s")
	m := join(t, "alone", "only one", []string{g.URL()}, func(o *client.Options) { o.Backoff.Max = 200 * time.Millisecond })
	m.welcomed(t, 1)
	g.Term()
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	m.until(t, "to be closed with 4000", func() bool {
		for _, err := range m.breaks {
			if closed, ok := errors.AsType[*client.Closed](err); ok && closed.Code == wire.CloseDrained {
				return true
			}
		}
		return false
	})
}
