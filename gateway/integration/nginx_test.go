package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// nginx is a running nginx with the repository's deploy/nginx, in front of
// replicas.
type nginx struct {
	*process
	Addr string // host:port
}

// URL is where members connect.
func (n *nginx) URL() string { return "http://" + n.Addr }

// startNginx runs nginx until the test ends and returns when it listens. Only
// what differs from place to place is made here: listen.conf and upstream.conf.
func startNginx(t testing.TB, replicas ...*gateway) *nginx {
	t.Helper()
	path := nginxPath(t)
	dir := t.TempDir()
	for _, name := range []string{"log", "temp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, dir, "nginx.conf", readFile(t, "../../deploy/nginx/nginx.conf"))
	writeFile(t, dir, "upstream.conf", upstream(t, readFile(t, "../../deploy/nginx/upstream.conf"), replicas))
	n := &nginx{Addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	writeFile(t, dir, "listen.conf", fmt.Sprintf("listen %s backlog=4096;\n", n.Addr))

	cmd := exec.Command(path, "-p", dir, "-c", "nginx.conf", "-g", "daemon off;")
	n.process = startProcess(t, "nginx", cmd, syscall.SIGTERM)
	t.Cleanup(func() { // before it is killed, which would leave its workers
		n.signal(syscall.SIGTERM)
		n.Wait(t)
		if t.Failed() {
			t.Logf("nginx's error log:\n%s", readFile(t, filepath.Join(dir, "log", "nginx-error.log")))
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
func upstream(t testing.TB, file string, replicas []*gateway) string {
	t.Helper()
	first := serverLine.FindStringSubmatch(file)
	if first == nil {
		t.Fatal("deploy/nginx/upstream.conf names no server")
	}
	var servers strings.Builder
	for _, g := range replicas {
		fmt.Fprintf(&servers, "%s%s%s\n", first[1], g.Addr, first[2])
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
