package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// The way from one Redis to a Cluster that the runbook describes: stop the
// replica, copy the keys, start it with the new URL. Members come back by
// themselves, by an exact replay, and go on.
func TestFromOneRedisToACluster(t *testing.T) {
	t.Parallel()
	one, cluster := redistest.Start(t), redistest.StartCluster(t)
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	g := startGateway(t, listen, "PLENUM_REDIS_URL="+one.URL(), "PLENUM_DRAIN_TIMEOUT=1s")
	var members []*member
	for i := range 5 { // in slots of several nodes
		members = append(members, everyone(t, 2, fmt.Sprintf("moves-%d", i), []string{g.URL()})...)
	}
	allTalk(t, members, 5, 20*time.Millisecond)
	g.Term()
	g.Wait(t)
	out, err := exec.Command("redis-cli", "--cluster", "import", cluster.Nodes[0].Addr(), "--cluster-from", one.Addr(), "--cluster-copy").CombinedOutput()
	if err != nil || strings.Contains(string(out), "ERR") {
		t.Fatalf("redis-cli --cluster import: %v\n%s", err, out)
	}
	startGateway(t, listen, "PLENUM_REDIS_URL="+cluster.URL())
	for _, m := range members {
		m.welcomed(t, 2)
		m.enter(func() { m.errs = nil }) // that there was no other replica to go to
	}
	allTalk(t, members, 5, 20*time.Millisecond)
	for i := 0; i < len(members); i += 2 {
		allCaughtUp(t, members[i:i+2])
		judge(t, members[i:i+2])
	}
	for _, m := range members {
		m.look(func() {
			if m.resumed != len(m.replicas)-1 {
				t.Errorf("%s: of %d welcomes %d were replays", m.name, len(m.replicas), m.resumed)
			}
		})
	}
}
