package chaos

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs. Its methods may be called concurrently.
type process struct {
	name    string
	command *exec.Cmd
	exited  chan struct{} // closed when it is gone

	mu     sync.Mutex
	paused bool // guarded by mu
}

// launch starts a program. What it says is added to the file log. On Linux the
// program gets the signal last when this process ends.
func launch(name, log string, last syscall.Signal, env []string, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log of %s: %w", name, err)
	}
	defer out.Close()
	p := &process{name: name, command: exec.Command(path, args...), exited: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = out, out
	p.command.Env = env
	p.command.SysProcAttr = own(last)
	begun := make(chan error)
	go p.run(begun)
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// run starts the program and waits for it. The signal that ends it with this
// process comes when the thread that started it ends, which the runtime may let
// happen at any time; so this goroutine keeps its thread for as long.
func (p *process) run(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.command.Start()
	begun <- err
	if err == nil {
		_ = p.command.Wait() // how it ended is asked of the ProcessState
	}
}

// signal sends a signal. One that would wait behind SIGSTOP is let through.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.command.Process.Signal(s) // fails only if it is gone already
	switch s {
	case syscall.SIGSTOP:
		p.paused = true
	case syscall.SIGCONT:
		p.paused = false
	default:
		if p.paused {
			p.paused = false
			_ = p.command.Process.Signal(syscall.SIGCONT)
		}
	}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// end sends a signal and waits until the program is gone. It is killed if that
// takes longer than patience, which is an error.
func (p *process) end(s syscall.Signal, patience time.Duration) error {
	p.signal(s)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timer.C:
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
	return fmt.Errorf("%s did not end within %v of %v", p.name, patience, s)
}

// result is how a program that is gone ended; nil for exit code 0.
func (p *process) result() error {
	<-p.exited
	if state := p.command.ProcessState; state != nil && !state.Success() {
		return errors.New(p.name + ": " + state.String())
	}
	return nil
}

// freePort finds a port that nobody listens on, below those that systems hand
// out to outgoing connections: a process that is down for a moment would
// otherwise find its port taken when it comes back.
func freePort() (int, error) {
	for range 100 {
		port := 22_000 + rand.IntN(10_000)
		l, err := net.Listen("tcp", loopback(port))
		if err == nil {
			l.Close()
			return port, nil
		}
	}
	return 0, errors.New("found no free port")
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// tail is the end of a file, for messages.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const most = 2000
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}
