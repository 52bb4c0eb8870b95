package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nginx is a running nginx with the repository's deploy/nginx, in front of
// replicas.
type nginx struct {
	*process
	Addr string // host:port
	dir  string // its prefix, with its configuration
}

// URL is where members connect.
func (n *nginx) URL() string { return "http://" + n.Addr }

// nginxSetup is what differs from place to place.
type nginxSetup struct {
	replicas []string          // their addresses
	listen   string            // listen.conf with ADDR for the address; empty: plain HTTP
	changes  map[string]string // in nginx.conf and upstream.conf: what a test cannot wait for, or an option
	enabled  []string          // of optional/
}

// startNginx runs nginx in front of replicas until the test ends and returns
// when it listens.
func startNginx(t testing.TB, replicas ...*gateway) *nginx {
	t.Helper()
	return runNginx(t, nginxSetup{replicas: addresses(replicas)})
}

func addresses(replicas []*gateway) (addrs []string) {
	for _, g := range replicas {
		addrs = append(addrs, g.Addr)
	}
	return addrs
}

// runNginx is startNginx with a setup of its own.
func runNginx(t testing.TB, s nginxSetup) *nginx {
	t.Helper()
	path := nginxPath(t)
	n := &nginx{Addr: fmt.Sprintf("127.0.0.1:%d", freePort(t)), dir: t.TempDir()}
	n.configure(t, s)
	cmd := exec.Command(path, "-p", n.dir, "-c", "nginx.conf", "-g", "daemon off;")
	n.process = startProcess(t, "nginx", cmd, syscall.SIGTERM)
	t.Cleanup(func() { // before it is killed, which would leave its workers
		n.signal(syscall.SIGTERM)
		n.Wait(t)
		if t.Failed() {
			t.Logf("nginx's error log:\n%s", readFile(t, filepath.Join(n.dir, "log", "nginx-error.log")))
		}
	})
	poll(t, "nginx to listen at "+n.Addr, func() error {
		if n.over() {
			t.Fatal("nginx ended at once")
		}
		conn, err := net.Dial("tcp", n.Addr)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return n
}

// configure writes the files of deploy/nginx with what differs here.
func (n *nginx) configure(t testing.TB, s nginxSetup) {
	t.Helper()
	for _, name := range []string{"log", "temp", "enabled"} {
		if err := os.MkdirAll(filepath.Join(n.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const from = "../../deploy/nginx/"
	files := map[string]string{
		"nginx.conf":    readFile(t, from+"nginx.conf"),
		"upstream.conf": upstream(t, readFile(t, from+"upstream.conf"), s.replicas),
		"hash.conf":     readFile(t, from+"hash.conf"),
	}
	if s.listen == "" {
		s.listen = "listen ADDR backlog=4096;\n"
	}
	files["listen.conf"] = strings.ReplaceAll(s.listen, "ADDR", n.Addr)
	for _, name := range s.enabled {
		files["enabled/"+name] = readFile(t, from+"optional/"+name)
	}
	for old, changed := range s.changes {
		found := false
		for name, text := range files {
			if strings.Contains(text, old) {
				found = true
				files[name] = strings.ReplaceAll(text, old, changed)
			}
		}
		if !found {
			t.Fatalf("nothing in deploy/nginx says %q", old)
		}
	}
	for name, text := range files {
		writeFile(t, n.dir, name, text)
	}
}

// reload has nginx take up its files as they are now, and returns when the old
// workers take nobody in any more.
func (n *nginx) reload(t testing.TB) {
	t.Helper()
	old := n.workers(t)
	n.signal(syscall.SIGHUP)
	poll(t, "nginx to retire its workers", func() error {
		for _, pid := range old {
			title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && !strings.Contains(string(title), "shutting down") {
				return fmt.Errorf("worker %d still takes members in", pid)
			}
		}
		return nil
	})
}

// workers returns the processes that serve, those that are shutting down too.
func (n *nginx) workers(t testing.TB) (pids []int) {
	t.Helper()
	for _, field := range strings.Fields(readFile(t, fmt.Sprintf("/proc/%d/task/%d/children", n.pid(), n.pid()))) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func nginxPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} { // Debian has it where only root looks
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal(`nginx not found: run "make setup"`)
	return ""
}

var serverLine = regexp.MustCompile(`(?m)^(\s*server )[^ ;]+(.*;)\n`)

// upstream puts replicas in the place of those that the file names, each with
// the parameters of its first one.
func upstream(t testing.TB, file string, replicas []string) string {
	t.Helper()
	first := serverLine.FindStringSubmatch(file)
	if first == nil {
		t.Fatal("deploy/nginx/upstream.conf names no server")
	}
	var servers strings.Builder
	for _, addr := range replicas {
		fmt.Fprintf(&servers, "%s%s%s\n", first[1], addr, first[2])
	}
	at := serverLine.FindStringIndex(file)[0]
	rest := serverLine.ReplaceAllString(file[at:], "")
	return file[:at] + servers.String() + rest
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
