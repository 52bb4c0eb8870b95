package redistest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of this package: for a server to be ready, for an
// answer, for an orderly end, for a cluster or a sentinel to agree.
const patience = 20 * time.Second

// Server is one redis-server, or one sentinel. Its methods may be called
// concurrently; those that start, end or stop the process take turns.
type Server struct {
	port     int
	dir      string
	args     []string // of redis-server, the configuration file first
	password string

	mu      sync.Mutex
	process *process // guarded by mu; nil until the first start
}

// Start runs a redis-server until the test ends, and returns when it answers.
// Each option is a line of redis.conf, for instance "appendonly yes". Without
// options nothing is persisted. If the server cannot run, the test fails.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	s, err := NewServer(t.TempDir(), options...)
	return started(t, s, err)
}

// NewServer is [Start] for programs: it keeps configuration, log and data in the
// existing directory dir, and the caller ends the server with [Server.Stop].
func NewServer(dir string, options ...string) (*Server, error) {
	return newServer(dir, plain, options)
}

// started hands a server over to the test that asked for it.
func started(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// newServer picks a port and starts a server on it. A port that was free can be
// taken by the time the server binds it, for tests of several packages run at
// once, so it tries again on another one.
func newServer(dir string, as role, options []string) (*Server, error) {
	for attempt := 1; ; attempt++ {
		s, err := configure(dir, as, options)
		if err != nil {
			return nil, err
		}
		err = s.Restart()
		if err == nil {
			return s, nil
		}
		s.Kill()
		if attempt == 5 || !strings.Contains(s.log(), "Address already in use") {
			return nil, err
		}
	}
}

// configure writes the configuration of a server on a free port. Servers rewrite
// theirs (a sentinel does at once), so it is written only here, never at a restart.
func configure(dir string, as role, options []string) (*Server, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "redis.conf")
	s := &Server{port: port, dir: dir, args: append([]string{path}, as.flags...)}
	lines := append([]string{
		"bind 127.0.0.1",
		fmt.Sprintf("port %d", port),
		fmt.Sprintf("dir %q", dir),
	}, as.lines...)
	lines = append(lines, options...)
	for _, line := range lines {
		if password, ok := strings.CutPrefix(line, "requirepass "); ok {
			s.password = strings.TrimSpace(password)
		}
	}
	err = os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
	if err != nil {
		return nil, fmt.Errorf("redistest: write configuration: %w", err)
	}
	return s, nil
}

// Addr is the server's host:port; it stays the same over restarts.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Dir is the directory that holds its configuration, log and data.
func (s *Server) Dir() string { return s.dir }

// URL is redis://host:port, without a password even if one is required.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Kill ends the server by SIGKILL, as a crash does, and returns when it is gone.
// It does nothing if the server is not running.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGKILL)
}

// Stop ends the server as an operator does, by SIGTERM, so that it saves what it
// was told to save, and returns when it is gone. A server that is paused, or that
// does not end in 20 s, is killed.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGTERM)
}

// Pause stops the server by SIGSTOP: connections stay open, nothing is answered.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		s.process.signal(syscall.SIGSTOP)
		s.process.paused = true
	}
}

// Resume lets a paused server go on, by SIGCONT.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		s.process.signal(syscall.SIGCONT)
		s.process.paused = false
	}
}

// Restart starts the server on its old port with its old data and configuration
// and returns when it answers and has loaded its data; a server that is still
// running is stopped first. What the data is depends on the options: nothing
// survives without "appendonly yes" or a "save" line.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(syscall.SIGTERM)
	p, err := startProcess(filepath.Join(s.dir, "redis.log"), s.args)
	if err != nil {
		return err
	}
	s.process = p
	err = await(fmt.Sprintf("redis-server at %s to answer", s.Addr()), func() error {
		select {
		case <-p.exited:
			return final{errors.New("it exited")}
		default:
			return s.ready(p.pid)
		}
	})
	if err != nil {
		return fmt.Errorf("%w\nits log ends with:\n%s", err, s.log())
	}
	return nil
}

// ready says whether the process pid, and not another one that happens to listen
// there, answers on the server's port and has loaded its data.
func (s *Server) ready(pid int) error {
	info, err := s.Do("INFO")
	switch {
	case err != nil:
		return err
	case !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", pid)):
		return errors.New("another process answers")
	case strings.Contains(info, "\nloading:1"):
		return errors.New("it is loading its data")
	}
	return nil
}

// running says whether there is a process to signal. It needs the lock.
func (s *Server) running() bool {
	if s.process == nil {
		return false
	}
	select {
	case <-s.process.exited:
		return false
	default:
		return true
	}
}

// end signals the process and waits until it is gone. It needs the lock.
func (s *Server) end(signal syscall.Signal) {
	if !s.running() {
		return
	}
	if s.process.paused {
		signal = syscall.SIGKILL
	}
	s.process.signal(signal)
	late := time.AfterFunc(patience, func() { s.process.signal(syscall.SIGKILL) })
	defer late.Stop()
	<-s.process.exited
}

// log is the end of what the server wrote, for messages.
func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
	return string(text[max(0, len(text)-2000):])
}
