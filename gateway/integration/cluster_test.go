package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// localCluster is what "make cluster" starts, with ports and a directory of its
// own.
type localCluster struct {
	dir       string
	port      int
	redisPort int
	replicas  int // the first one's port
	settings  []string
}

// make runs make with a verb, as somebody at a terminal does.
func (c *localCluster) make(verb string, args ...string) (string, error) {
	out, err := c.command("make", append([]string{"--no-print-directory", verb}, args...)...).CombinedOutput()
	return string(out), err
}

// command is one in the repository's directory, about this cluster.
func (c *localCluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "../.."
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PLENUM_") && !strings.HasPrefix(variable, "MAKE") && !strings.HasPrefix(variable, "MFLAGS") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "PLENUM_CLUSTER_DIR="+c.dir, fmt.Sprintf("PLENUM_CLUSTER_PORT=%d", c.port),
		fmt.Sprintf("PLENUM_CLUSTER_REDIS_PORT=%d", c.redisPort), fmt.Sprintf("PLENUM_CLUSTER_REPLICA_PORT=%d", c.replicas))
	cmd.Env = append(cmd.Env, c.settings...)
	return cmd
}

func (c *localCluster) ports() []int {
	return []int{c.port, c.redisPort, c.replicas, c.replicas + 1, c.replicas + 2}
}

// freePorts finds several ports in a row that nobody listens on and that no
// other test was given.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	for range 100 {
		if first := freePort(t); takePorts(first+1, n-1) {
			return first
		}
	}
	t.Fatalf("found no %d free ports in a row", n)
	return 0
}

// takePorts takes n ports from first on, or none.
func takePorts(first, n int) bool {
	portsMu.Lock()
	defer portsMu.Unlock()
	for port := first; port < first+n; port++ {
		if ports[port] || listens(port) {
			return false
		}
	}
	for port := first; port < first+n; port++ {
		ports[port] = true
	}
	return true
}

func listens(port int) bool {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// The promise of the README: one command starts a whole Plenum on this machine,
// and one ends all of it.
func TestMakeClusterStartsAndStops(t *testing.T) {
	t.Parallel()
	c := &localCluster{dir: filepath.Join(t.TempDir(), "cluster"), port: freePort(t), redisPort: freePort(t), replicas: freePorts(t, 3)}
	t.Cleanup(func() { _, _ = c.make("cluster-stop") }) // whatever became of the test
	if out, err := c.make("cluster"); err != nil || !strings.Contains(out, fmt.Sprintf("http://127.0.0.1:%d", c.port)) {
		t.Fatalf("make cluster: %v\n%s", err, out)
	}
	leaders := c.leaders(t)
	if len(leaders) != 5 { // Redis, three replicas, nginx
		t.Errorf("there are %d processes: %v", len(leaders), leaders)
	}
	if out, err := c.make("cluster-status"); err != nil {
		t.Errorf("make cluster-status: %v\n%s", err, out)
	}
	if out, err := c.make("cluster"); err == nil || !strings.Contains(out, "make cluster-stop") {
		t.Errorf("a second make cluster must say how to end the first: %v\n%s", err, out)
	}
	share(t, c)

	began := time.Now()
	if out, err := c.make("cluster-stop"); err != nil {
		t.Errorf("make cluster-stop: %v\n%s", err, out)
	}
	t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
	for _, left := range sessions(t) {
		if leaders[left.session] {
			t.Errorf("process %d %q still runs", left.pid, left.name)
		}
	}
	for _, port := range c.ports() {
		if listens(port) {
			t.Errorf("somebody listens on port %d", port)
		}
	}
	if _, err := c.make("cluster-status"); err == nil {
		t.Error("make cluster-status finds something that runs")
	}
}

// share has 12 members share a session through nginx.
func share(t *testing.T, c *localCluster) {
	t.Helper()
	members := everyone(t, 12, "cluster", []string{fmt.Sprintf("http://127.0.0.1:%d", c.port)})
	allTalk(t, members, 10, 20*time.Millisecond)
	allCaughtUp(t, members)
	judge(t, members)
	allSettledWell(t, members)
	neverLost(t, members)
	counts := served(members)
	t.Logf("welcomes: %v", counts)
	if len(counts) != 3 {
		t.Errorf("all three replicas must serve members: %v", counts)
	}
}

// leaders returns the processes that the cluster has noted; each leads a session.
func (c *localCluster) leaders(t testing.TB) map[int]bool {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(c.dir, "pid", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[int]bool)
	for _, note := range notes {
		first, _, _ := strings.Cut(readFile(t, note), " ")
		pid, err := strconv.Atoi(first)
		if err != nil {
			t.Fatalf("%s: %v", note, err)
		}
		found[pid] = true
	}
	return found
}

// running is a process of this machine.
type running struct {
	pid, session int
	name         string
}

// sessions returns the processes of this machine with the sessions that they
// belong to, see proc(5).
func sessions(t testing.TB) (found []running) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		open, close := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
		fields := strings.Fields(string(text[close+1:]))
		pid, err := strconv.Atoi(strings.TrimSpace(string(text[:open])))
		if err != nil || len(fields) < 4 || fields[0] == "Z" {
			continue
		}
		session, err := strconv.Atoi(fields[3])
		if err != nil {
			t.Fatalf("%s: %v", stat, err)
		}
		found = append(found, running{pid, session, string(text[open+1 : close])})
	}
	return found
}
