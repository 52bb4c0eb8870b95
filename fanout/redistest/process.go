package redistest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// role is what a redis-server runs as: flags behind the configuration file, and
// the lines that come before a caller's options.
type role struct {
	flags []string
	lines []string
}

var (
	// Copied through a file, a replica gets writes as soon as it is online; copied
	// through a socket, only after its next report, up to a second later.
	plain    = role{lines: []string{`save ""`, "appendonly no", "repl-diskless-sync no"}}
	sentinel = role{flags: []string{"--sentinel"}}
)

// process is a running redis-server. A goroutine of its own waits for it and
// closes exited when it is gone.
type process struct {
	command *exec.Cmd
	pid     int
	exited  chan struct{}
	paused  bool // guarded by the server's lock
}

// startProcess runs redis-server with what it says going to the end of a file.
func startProcess(log string, args []string) (*process, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New(`redis-server not found: run "make setup"`)
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redistest: open log: %w", err)
	}
	defer out.Close()
	p := &process{command: exec.Command(path, args...), exited: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = out, out
	p.command.SysProcAttr = dieWithParent()
	begun := make(chan error)
	go p.run(begun)
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("redistest: start redis-server: %w", err)
	}
	return p, nil
}

// run starts the process and waits for it. The signal that ends the process with
// its parent comes when the thread that started it ends, which the runtime may let
// happen at any time; so this goroutine keeps its thread for as long as it waits.
func (p *process) run(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.command.Start()
	if err == nil {
		p.pid = p.command.Process.Pid
	}
	begun <- err
	if err == nil {
		_ = p.command.Wait() // how it ended is in its log
	}
}

func (p *process) signal(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal) // fails only if it is gone already
}
