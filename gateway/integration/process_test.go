package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test runs; it ends with the test, and with the
// process of the tests. Its methods may be called concurrently.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    *logbook      // what it writes
	exited chan struct{} // closed when it is gone
}

// startProcess runs a program. Its log is shown if the test fails. parting is
// the signal that it gets when the process of the tests is killed.
func startProcess(t testing.TB, name string, cmd *exec.Cmd, parting syscall.Signal) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, log: new(logbook), exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.WaitDelay = time.Second // for children that outlive it and have its output
	cmd.SysProcAttr = signalledByParent(parting)
	begun := make(chan error)
	go p.run(begun)
	if err := <-begun; err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the log of %s (pid %d) ends with:\n%s", name, p.pid(), p.log.tail())
		}
	})
	return p
}

// run starts the process and waits for it. The signal that ends the process with
// its parent comes when the thread that started it ends, which the runtime may
// let happen at any time; so this goroutine keeps its thread for as long as it
// waits.
func (p *process) run(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	begun <- err
	if err == nil {
		_ = p.cmd.Wait() // ProcessState says how it ended
		close(p.exited)
		p.log.ring()
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // fails only if it is gone already
}

// over reports whether the process is gone.
func (p *process) over() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Kill ends the process as a crash does, and returns when it is gone.
func (p *process) Kill() {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Wait waits for the process to end and returns its exit code.
func (p *process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("waited %v for %s to end", patience, p.name)
		return 0
	}
}

// descriptors is how many files and sockets the process has open.
func (p *process) descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid()))
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return len(open)
}

// bell wakes those who wait for a change.
type bell struct {
	mu   sync.Mutex
	next chan struct{} // closed at the next change; nil while nobody waits
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// await looks at every change until ok is satisfied. It is called by the
// test's own goroutine, and fails the test when that takes too long.
func (b *bell) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		change := b.heard() // before looking: what changes while we look is seen too
		if ok() {
			return
		}
		select {
		case <-change:
		case <-late:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// poll asks again and again, ever more seldom, until ok returns nil: for what rings no bell.
func poll(t testing.TB, what string, ok func() error) {
	t.Helper()
	late := time.After(patience)
	for pause := 10 * time.Millisecond; ; pause = min(pause*5/4, 100*time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-late:
			t.Fatalf("waited %v for %s: %v", patience, what, err)
		}
	}
}

// logbook keeps what a process writes.
type logbook struct {
	bell
	mu   sync.Mutex
	text []byte
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.text = append(l.text, p...)
	l.mu.Unlock()
	l.ring()
	return len(p), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func (l *logbook) tail() string {
	text := l.String()
	return text[max(0, len(text)-8000):]
}

// takeFrom takes out everything from the first mark on.
func (l *logbook) takeFrom(mark string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := bytes.Index(l.text, []byte(mark))
	if at < 0 {
		return ""
	}
	taken := string(l.text[at:])
	l.text = l.text[:at]
	return taken
}

// await waits until the text is as it should be.
func (l *logbook) await(t testing.TB, what string, ok func(text string) bool) {
	t.Helper()
	l.bell.await(t, what, func() bool { return ok(l.String()) })
}

var (
	portsMu sync.Mutex
	ports   = make(map[int]bool) // handed out by freePort
)

// freePort finds a port that nobody listens on and that no other test was
// given, below those that systems hand out to outgoing connections: who comes
// back to it finds it free.
func freePort(t testing.TB) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := 24_000 + rand.IntN(6_000)
		if ports[port] {
			continue
		}
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			l.Close()
			ports[port] = true
			return port
		}
	}
	t.Fatal("found no free port")
	return 0
}
