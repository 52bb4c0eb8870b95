package chaos

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// sockets are the connections of one member, which can be broken. Its methods
// may be called concurrently.
type sockets struct {
	dials gate // shut: none is made
	reads gate // shut: nothing is read
	sends gate // shut: nothing is written

	mu   sync.Mutex // guards the following
	open map[*socket]struct{}
}

// socket is one connection of a member.
type socket struct {
	net.Conn
	owner   *sockets
	done    chan struct{}
	once    sync.Once
	swallow gate // shut: nothing comes, and what is sent is gone
}

// client returns an HTTP client whose connections are these.
func (s *sockets) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.dial, DisableKeepAlives: true,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}
}

func (s *sockets) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if !s.dials.pass(ctx.Done()) {
		return nil, ctx.Err()
	}
	conn, err := (&net.Dialer{Control: segments}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(16 << 10) // what is not read shall be noticed soon
	}
	c := &socket{Conn: conn, owner: s, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*socket]struct{})
	}
	s.open[c] = struct{}{}
	return c, nil
}

func (s *sockets) all() []*socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*socket, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	return all
}

// drop closes all connections without a goodbye of the WebSocket.
func (s *sockets) drop(reset bool) {
	for _, c := range s.all() {
		c.end(reset)
	}
}

// halfOpen makes the connections there are lead nowhere, though they stay open.
func (s *sockets) halfOpen() {
	for _, c := range s.all() {
		c.swallow.close()
	}
}

// sleep stops everything, as a laptop does whose lid is closed; wake goes on.
func (s *sockets) sleep() { s.dials.close(); s.reads.close(); s.sends.close() }

func (s *sockets) wake() { s.dials.open(); s.reads.open(); s.sends.open() }

// Read implements net.Conn.
func (c *socket) Read(b []byte) (int, error) {
	if !c.passes(&c.owner.reads) {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b)
	if !c.passes(&c.owner.reads) {
		return 0, net.ErrClosed
	}
	return n, err
}

// passes waits until the member reads, and for ever if the connection leads nowhere.
func (c *socket) passes(g *gate) bool { return g.pass(c.done) && c.swallow.pass(c.done) }

// Write implements net.Conn.
func (c *socket) Write(b []byte) (int, error) {
	if !c.owner.sends.pass(c.done) {
		return 0, net.ErrClosed
	}
	if c.leadsNowhere() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *socket) leadsNowhere() bool {
	c.swallow.mu.Lock()
	defer c.swallow.mu.Unlock()
	return c.swallow.shut != nil
}

// Close implements net.Conn.
func (c *socket) Close() error {
	c.end(false)
	return nil
}

func (c *socket) end(reset bool) {
	c.once.Do(func() {
		c.owner.mu.Lock()
		delete(c.owner.open, c)
		c.owner.mu.Unlock()
		close(c.done)
		cut(c.Conn, reset)
	})
}
