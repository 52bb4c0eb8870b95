package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A backup is restored with Sentinel as the runbook says: into the primary's
// directory, and the replica's emptied.
func TestRestoreWithSentinel(t *testing.T) {
	t.Parallel()
	redis := redistest.StartSentinel(t, "appendonly yes", "appendfsync always")
	primary, err := redis.Primary()
	if err != nil {
		t.Fatal(err)
	}
	all := redis.Servers()
	if all[1] == primary {
		all = []*redistest.Server{all[1], all[0]} // the primary starts first
	}
	restored(t, redis.URL(), all[:1], all, func() error { return os.RemoveAll(filepath.Join(all[1].Dir(), "appendonlydir")) })
}

// In a Cluster each primary has a backup of its own, and all are restored.
func TestRestoreInACluster(t *testing.T) {
	t.Parallel()
	redis := redistest.StartCluster(t, "appendonly yes", "appendfsync always")
	restored(t, redis.URL(), redis.Nodes[:], redis.Nodes[:], func() error { return nil })
}

// restored backs up the primaries, has members say what will be lost, stops all
// servers, restores the primaries, does the rest, and starts all servers in order.
// The members stay with their gateway, are told that the past is gone, and go on.
func restored(t *testing.T, url string, primaries, all []*redistest.Server, rest func() error) {
	g := startGateway(t, "PLENUM_REDIS_URL="+url)
	var sessions [][]*member
	for i := range 5 { // in slots of several nodes
		sessions = append(sessions, everyone(t, 2, fmt.Sprintf("kept-%d", i), []string{g.URL()}))
		allTalk(t, sessions[i], 5, 20*time.Millisecond)
	}
	dir := t.TempDir()
	backup := func(i int) string { return filepath.Join(dir, fmt.Sprint(i, ".rdb")) }
	for i, s := range primaries {
		host, port, _ := strings.Cut(s.Addr(), ":")
		script(t, "backup", backup(i), "-h", host, "-p", port)
	}
	before := make([]wire.Position, len(sessions))
	for i, members := range sessions {
		allTalk(t, members, 5, 20*time.Millisecond)
		allCaughtUp(t, members)
		before[i] = members[0].Position()
	}
	for _, s := range all {
		s.Stop()
	}
	for i, s := range primaries {
		script(t, "restore", backup(i), s.Dir())
	}
	if err := rest(); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if err := s.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	for i, members := range sessions {
		for _, m := range members {
			m.until(t, "to be told that the past is gone", func() bool {
				last := m.states[len(m.states)-1]
				return last.Reason == wire.ReasonReset && last.Session.Epoch != before[i].Epoch && last.Session.Offset < before[i].Offset
			})
		}
		allTalk(t, members, 5, 20*time.Millisecond)
		allCaughtUp(t, members)
		neverLost(t, members)
	}
}

// script runs a script of deploy/redis, which must succeed.
func script(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command("../../deploy/redis/"+name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
