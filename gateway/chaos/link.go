package chaos

import (
	"context"
	"net"
	"sync"
	"time"
)

// link is a TCP proxy that can be broken. Its methods may be called concurrently.
type link struct {
	target   string
	listener net.Listener
	flow     gate // shut: nothing passes, and nothing new is connected
	pipes    sync.WaitGroup

	mu      sync.Mutex // guards the following
	open    map[*pipe]struct{}
	refuses bool
	closed  bool
}

// pipe is one connection through a link.
type pipe struct {
	link     *link
	near     net.Conn // of who connected
	far      net.Conn // to the target; nil while it is being made
	backward gate     // shut: nothing passes from the target
	done     chan struct{}
	once     sync.Once
}

// newLink listens on a port of its own and passes connections on to target.
// [link.close] ends it.
func newLink(target string) (*link, error) {
	listener, err := (&net.ListenConfig{Control: segments}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{target: target, listener: listener, open: make(map[*pipe]struct{})}
	l.pipes.Go(l.accept)
	return l, nil
}

func (l *link) addr() string { return l.listener.Addr().String() }

func (l *link) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		p := &pipe{link: l, near: conn, done: make(chan struct{})}
		if !l.add(p) {
			cut(conn, true)
			continue
		}
		l.pipes.Go(p.run)
	}
}

func (l *link) add(p *pipe) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuses || l.closed {
		return false
	}
	l.open[p] = struct{}{}
	return true
}

// run connects and passes on until either side ends.
func (p *pipe) run() {
	defer p.end(false)
	if !p.link.flow.pass(p.done) {
		return
	}
	far, err := (&net.Dialer{Timeout: 10 * time.Second, Control: segments}).Dial("tcp", p.link.target)
	if err != nil || !p.connected(far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(p.near, far, nil) })
	both.Go(func() { p.pass(far, p.near, &p.backward) })
	both.Wait()
}

// connected reports false, and closes the connection, if the pipe has ended.
func (p *pipe) connected(far net.Conn) bool {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if _, ok := p.link.open[p]; !ok {
		far.Close()
		return false
	}
	p.far = far
	return true
}

func (p *pipe) pass(from, to net.Conn, own *gate) {
	defer p.end(false)
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if own != nil && !own.pass(p.done) || !p.link.flow.pass(p.done) {
			return
		}
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (p *pipe) end(reset bool) {
	p.once.Do(func() {
		p.link.mu.Lock()
		delete(p.link.open, p)
		far := p.far
		p.link.mu.Unlock()
		close(p.done)
		cut(p.near, reset)
		if far != nil {
			cut(far, reset)
		}
	})
}

// all returns the pipes there are.
func (l *link) all() []*pipe {
	l.mu.Lock()
	defer l.mu.Unlock()
	pipes := make([]*pipe, 0, len(l.open))
	for p := range l.open {
		pipes = append(pipes, p)
	}
	return pipes
}

// cutAll ends all connections.
func (l *link) cutAll(reset bool) {
	for _, p := range l.all() {
		p.end(reset)
	}
}

// refuse has new connections refused, or taken again.
func (l *link) refuse(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = yes
}

// mute holds back what the target sends to whoever connected from addr, which is
// the link's own end of the connection as the target sees it. It reports
// whether there is such a connection.
func (l *link) mute(addr string) (unmute func(), ok bool) {
	for _, p := range l.all() {
		l.mu.Lock()
		far := p.far
		l.mu.Unlock()
		if far != nil && far.LocalAddr().String() == addr {
			p.backward.close()
			return p.backward.open, true
		}
	}
	return nil, false
}

// close ends the link and all its connections.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.listener.Close()
	l.cutAll(false)
	l.pipes.Wait()
}
