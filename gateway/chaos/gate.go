package chaos

import (
	"net"
	"sync"
	"syscall"
)

// gate is open until it is shut. Its methods may be called concurrently.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // guarded by mu; closed when the gate opens again; nil: open
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// pass waits until the gate is open. It reports false if done came first.
func (g *gate) pass(done <-chan struct{}) bool {
	for {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut == nil {
			return true
		}
		select {
		case <-shut:
		case <-done:
			return false
		}
	}
}

// cut closes a connection: with a reset, as a host does that has forgotten it,
// or with a goodbye, as a program that ends.
func cut(conn net.Conn, reset bool) {
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// segments has a socket take segments of the size that networks have, in place
// of the 64 KiB of the loopback. Kernels size the buffer of a sender by them: here
// it would be 2.6 MB, and a member that reads nothing would be noticed only after
// that. It is the Control of a [net.Dialer] or [net.ListenConfig].
func segments(_, _ string, c syscall.RawConn) error {
	const size = 1400
	var err error
	if failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, size) }); failed != nil {
		return failed
	}
	return err
}
