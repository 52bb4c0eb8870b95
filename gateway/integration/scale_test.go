package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The cluster grows, crashes, heals and shrinks under members who talk. Who comes
// to the larger one is served by the new replicas too; who is on a replica that
// goes is moved; nobody misses anything.
func TestMakeClusterScale(t *testing.T) {
	t.Parallel()
	c := &localCluster{dir: filepath.Join(t.TempDir(), "cluster"), port: freePort(t), redisPort: freePort(t), replicas: freePorts(t, 5)}
	t.Cleanup(func() { _, _ = c.make("cluster-stop") }) // whatever became of the test
	c.must(t, "cluster")
	url := []string{fmt.Sprintf("http://127.0.0.1:%d", c.port)}
	members := everyone(t, 6, "scale", url)
	stop, talks := chatter(t, members, 200*time.Millisecond)

	c.scale(t, 5)
	later := everyone(t, 10, "scale", url)
	counts := served(later)
	if counts["replica-4"] == 0 || counts["replica-5"] == 0 {
		t.Errorf("nobody came to the new replicas: %v", counts)
	}
	c.crash(t, members, later)
	neverMoved := slices.DeleteFunc(slices.Concat(members, later), func(m *member) (moved bool) {
		m.look(func() { moved = len(m.replicas) > 1 })
		return moved
	})

	c.scale(t, 2)
	everybody := slices.Concat(members, later)
	for _, m := range everybody {
		m.until(t, "to be on a replica that stays", func() bool {
			now := last(m.replicas)
			return now == "replica-1" || now == "replica-2"
		})
	}
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range everybody {
		m.quiet(t)
	}
	allCaughtUp(t, everybody)
	judge(t, everybody)
	allSettledWell(t, everybody)
	onlyReplays(t, everybody)
	for _, m := range neverMoved { // by the crash: so no connection of theirs may have broken
		m.look(func() {
			if len(m.breaks) != 0 {
				t.Errorf("%s lost connections: %v", m.name, m.breaks)
			}
		})
	}
	c.refuses(t)
	c.must(t, "cluster-stop")
	for port := c.replicas; port < c.replicas+5; port++ {
		if listens(port) {
			t.Errorf("somebody listens on port %d", port)
		}
	}
}

// crash kills a replica, waits for its members to be elsewhere, and starts it
// again.
func (c *localCluster) crash(t *testing.T, groups ...[]*member) {
	t.Helper()
	c.verb(t, "kill", "4")
	if out, err := c.make("cluster-status"); err == nil || !strings.Contains(out, "replica-4") || !strings.Contains(out, "down") {
		t.Errorf("a replica was killed, and the status is: %v\n%s", err, out)
	}
	for _, m := range slices.Concat(groups...) {
		m.until(t, "not to be on the dead replica", func() bool { return last(m.replicas) != "replica-4" })
	}
	c.verb(t, "restart-replica", "4")
	c.whole(t)
}

// must runs make, which must succeed.
func (c *localCluster) must(t testing.TB, verb string, args ...string) string {
	t.Helper()
	out, err := c.make(verb, args...)
	if err != nil {
		t.Fatalf("make %s %s: %v\n%s", verb, strings.Join(args, " "), err, out)
	}
	return out
}

// whole waits until everything runs and is ready, and returns the status: on a
// busy machine a replica may miss a check of Redis.
func (c *localCluster) whole(t testing.TB) (status string) {
	t.Helper()
	poll(t, "the cluster to be whole", func() (err error) {
		if status, err = c.make("cluster-status"); err != nil {
			err = fmt.Errorf("%w\n%s", err, status)
		}
		return err
	})
	return status
}

// verb runs the script of the cluster, which must succeed.
func (c *localCluster) verb(t testing.TB, args ...string) {
	t.Helper()
	if out, err := c.command("deploy/cluster/cluster", args...).CombinedOutput(); err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// scale sets the number of replicas, and looks at the file that nginx reads.
func (c *localCluster) scale(t testing.TB, n int) {
	t.Helper()
	c.must(t, "cluster-scale", fmt.Sprintf("N=%d", n))
	text := readFile(t, filepath.Join(c.dir, "nginx", "upstream.conf"))
	var want []string
	for k := range n {
		want = append(want, fmt.Sprintf("server 127.0.0.1:%d max_fails=0;", c.replicas+k))
	}
	var got []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "server ") {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) || !strings.Contains(text, "least_conn;") {
		t.Errorf("with %d replicas the upstream file says\n%s", n, text)
	}
	if out := c.whole(t); strings.Count(out, "replica-") != n {
		t.Errorf("with %d replicas the status is\n%s", n, out)
	}
}

// refuses gives the script numbers that are none.
func (c *localCluster) refuses(t testing.TB) {
	t.Helper()
	for _, n := range []string{"0", "-1", "", "two", "1.5", "99999"} {
		if out, err := c.make("cluster-scale", "N="+n); err == nil || !strings.Contains(out, "not a number of replicas") {
			t.Errorf("make cluster-scale N=%s: %v\n%s", n, err, out)
		}
	}
}

// With the session as the key of a consistent hash all members of a session are
// on one replica, and when that dies, on another.
func TestHashKeepsASessionTogether(t *testing.T) {
	t.Parallel()
	both, again := pinned(t)
	proxy := runNginx(t, nginxSetup{replicas: addresses(both), changes: map[string]string{"\n    least_conn;": "\n    include hash.conf;"}})
	homes := make(map[string]int)
	for i := range 20 {
		members := everyone(t, 3, fmt.Sprintf("together-%d", i), []string{proxy.URL()})
		counts := served(members)
		if len(counts) != 1 {
			t.Errorf("a session is on %v", counts)
		}
		for home := range counts {
			homes[home]++
		}
	}
	if len(homes) != 2 {
		t.Errorf("all sessions are on %v", homes)
	}
	members := everyone(t, 6, "moves", []string{proxy.URL()})
	home := last(members[0].replicas)
	victim := slices.Index([]string{"first", "second"}, home)
	both[victim].Kill()
	for _, m := range members {
		m.until(t, "to be on the other replica", func() bool { return last(m.replicas) != home })
	}
	again(victim)
	allTalk(t, members, 5, 20*time.Millisecond)
	allCaughtUp(t, members)
	judge(t, members)
	onlyReplays(t, members)
}
