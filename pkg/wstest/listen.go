package wstest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Listener is a [net.Listener] whose connections are pairs of [net.Pipe]: no
// sockets, no ports, and no buffers, so a write waits until it is read. All
// methods may be called concurrently.
type Listener struct {
	dialed chan net.Conn
	closed chan struct{}

	mu    sync.Mutex
	ended bool
	open  map[*end]struct{} // both ends of every pipe that is not closed yet
}

// Listen returns a listener that [Listener.DialContext] connects to.
func Listen() *Listener {
	return &Listener{dialed: make(chan net.Conn), closed: make(chan struct{}), open: make(map[*end]struct{})}
}

// DialContext connects to l; network and address are ignored. It has the
// signature that http.Transport wants. It blocks until the connection is
// accepted, ctx ends, or l is closed ([net.ErrClosed]).
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := net.Pipe()
	near, far := &end{Conn: a, l: l}, &end{Conn: b, l: l}
	if !l.keep(near, far) {
		return nil, refused(net.ErrClosed)
	}
	var err error
	select {
	case l.dialed <- far:
		return near, nil
	case <-l.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, refused(errors.Join(err, near.Close(), far.Close()))
}

func refused(err error) error {
	return &net.OpError{Op: "dial", Net: "pipe", Addr: address{}, Err: err}
}

// Accept waits for the next connection. After Close it returns [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.dialed:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr returns an address that only has a name.
func (l *Listener) Addr() net.Addr { return address{} }

// Close stops l from accepting; connections that it has accepted stay.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		close(l.closed)
	}
	return nil
}

// Cut closes every connection, as a killed process or a cut cable does:
// without a word. New ones are still accepted.
func (l *Listener) Cut() {
	for _, e := range l.all() {
		e.Close()
	}
}

// Connections returns the number of connections that neither side has closed.
func (l *Listener) Connections() int { return len(l.all()) / 2 }

func (l *Listener) all() []*end {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make([]*end, 0, len(l.open))
	for e := range l.open {
		ends = append(ends, e)
	}
	return ends
}

// keep takes note of a pipe; false after Close.
func (l *Listener) keep(a, b *end) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	a.other, b.other = b, a
	l.open[a], l.open[b] = struct{}{}, struct{}{}
	return true
}

// end is one end of a pipe.
type end struct {
	net.Conn
	l     *Listener
	other *end
}

// Close closes this end; the other end then reads io.EOF.
func (e *end) Close() error {
	e.l.mu.Lock()
	delete(e.l.open, e)
	delete(e.l.open, e.other)
	e.l.mu.Unlock()
	return e.Conn.Close()
}

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "pipe" }
