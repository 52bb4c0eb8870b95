package app

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// manager is the end that systemd has of the socket.
func manager(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, func() string {
		t.Helper()
		var b [256]byte
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := conn.Read(b[:])
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestSystemdIsToldAndGetsSignsOfLife(t *testing.T) {
	path, next := manager(t)
	s, err := underSystemd(environment(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000"}))
	if err != nil {
		t.Fatal(err)
	}
	s.tell("READY=1")
	if got := next(); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.live(ctx)
	}()
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("told %q", got)
		}
	}
	cancel()
	<-ended
}

func TestWithoutSystemdNothingIsTold(t *testing.T) {
	s, err := underSystemd(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	s.tell("READY=1")
	s.live(t.Context()) // returns
	if _, err := underSystemd(environment(map[string]string{"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"})); err == nil {
		t.Error("a watchdog of \"soon\" is taken")
	}
	path, _ := manager(t)
	s, err = underSystemd(environment(map[string]string{"NOTIFY_SOCKET": path}))
	if err != nil || s.watchdog != 0 {
		t.Errorf("without a watchdog: %v, %v", s, err)
	}
	s.live(t.Context())
}

// The program as it is started: ready when it serves, stopping when it drains.
func TestAppTellsSystemd(t *testing.T) {
	path, next := manager(t)
	t.Setenv("NOTIFY_SOCKET", path)
	s, _, err := Load([]string{"PLENUM_LISTEN=127.0.0.1:0", "PLENUM_LOG_LEVEL=error"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), s, "test", NewLogger(s))
	if err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(stop, t.Context()) }()
	if got := next(); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	cancel()
	if got := next(); got != "STOPPING=1" {
		t.Errorf("told %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
