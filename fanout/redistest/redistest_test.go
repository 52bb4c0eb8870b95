package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// asParent has the test binary start a server in the named directory, say where
// it is, and wait to be killed.
const asParent = "REDISTEST_PARENT_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asParent); dir != "" {
		s, err := NewServer(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.Addr())
		select {}
	}
	os.Exit(m.Run())
}

// want fails the test unless a command is answered with exactly this.
func want(t *testing.T, s *Server, answer string, command ...string) {
	t.Helper()
	got, err := s.Do(command...)
	if err != nil || got != answer {
		t.Fatalf("%v: answer %q, error %v; want %q", command, got, err, answer)
	}
}

// must fails the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDoReadsEveryKindOfAnswer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	want(t, s, "PONG", "PING")
	want(t, s, "3", "RPUSH", "list", "a", "", "b\r\nc")
	want(t, s, "a\n\nb\r\nc", "LRANGE", "list", "0", "-1")
	want(t, s, "", "GET", "nothing")
	if _, err := s.Do("INCR", "list"); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Fatalf("error %v; want WRONGTYPE", err)
	}
}

func TestRestartKeepsWhatWasPersisted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, after string
		options     []string
		end         func(*Server)
	}{
		{"crash with a log", "1", []string{"appendonly yes"}, (*Server).Kill},
		{"stop with a log", "1", []string{"appendonly yes"}, (*Server).Stop},
		{"crash without", "", nil, (*Server).Kill},
		{"stop without", "", nil, (*Server).Stop},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, test.options...)
			want(t, s, "OK", "SET", "key", "1")
			addr := s.Addr()
			test.end(s)
			if _, err := s.Do("PING"); err == nil {
				t.Fatal("an ended server answers")
			}
			must(t, s.Restart())
			if s.Addr() != addr {
				t.Fatalf("moved from %s to %s", addr, s.Addr())
			}
			want(t, s, test.after, "GET", "key")
		})
	}
}

func TestPausedServerAnswersLater(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Pause()
	conn, err := net.Dial("tcp", s.Addr())
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("PING\r\n"))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	r := bufio.NewReader(conn)
	if got, err := answer(r); err == nil {
		t.Fatalf("a paused server says %q", got)
	}
	s.Resume()
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if got, err := answer(r); err != nil || got != "PONG" {
		t.Fatalf("after resuming: %q, %v", got, err)
	}
	s.Pause() // the cleanup must end a paused server too
}

func TestPasswordIsAskedOfOthers(t *testing.T) {
	t.Parallel()
	s := Start(t, "requirepass hush")
	want(t, s, "PONG", "PING")
	s.password = ""
	if _, err := s.Do("PING"); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Fatalf("error %v; want NOAUTH", err)
	}
}

func TestBadOptionIsReportedInRedisWords(t *testing.T) {
	t.Parallel()
	_, err := NewServer(t.TempDir(), "no-such-directive 1")
	if err == nil || !strings.Contains(err.Error(), "no-such-directive") {
		t.Fatalf("error %v; want the log's line", err)
	}
}

func TestMissingBinaryNamesTheCommandThatInstallsIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := NewServer(t.TempDir())
	if err == nil || err.Error() != `redis-server not found: run "make setup"` {
		t.Fatalf("error %v", err)
	}
}

func TestServerEndsWithAKilledParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asParent+"="+t.TempDir())
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	addr, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	conn, err := net.Dial("tcp", strings.TrimSpace(addr))
	must(t, err)
	defer conn.Close()

	must(t, parent.Process.Kill())
	_ = parent.Wait()
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		_, _ = conn.Write([]byte("SHUTDOWN NOSAVE\r\n"))
		t.Fatalf("the server outlived its parent by %v: %v", patience, err)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	s := StartSentinel(t, "appendonly yes")
	first, err := s.Primary()
	must(t, err)
	want(t, first, "OK", "SET", "key", "1")

	for range 2 { // there and back
		must(t, s.Failover())
		now, err := s.Primary()
		must(t, err)
		want(t, now, "1", "GET", "key")
	}

	first.Kill()
	second, err := s.AwaitFailover(first)
	must(t, err)
	want(t, second, "1", "GET", "key")
	must(t, first.Restart())
	must(t, awaitLink(second, first))
}

func TestClusterServesEverySlot(t *testing.T) {
	t.Parallel()
	c := StartCluster(t)
	for key, node := range map[string]int{"b": 0, "c": 1, "a": 2} { // slots 3300, 7365, 15495
		want(t, c.Nodes[node], "OK", "SET", key, "1")
		other := c.Nodes[(node+1)%3]
		if _, err := other.Do("GET", key); err == nil || !strings.Contains(err.Error(), "MOVED") ||
			!strings.Contains(err.Error(), c.Nodes[node].Addr()) {
			t.Fatalf("GET %s elsewhere: %v; want MOVED to %s", key, err, c.Nodes[node].Addr())
		}
	}
	c.Nodes[1].Kill()
	must(t, c.Nodes[1].Restart())
	must(t, c.Await())
	want(t, c.Nodes[1], "", "GET", "c")
}
