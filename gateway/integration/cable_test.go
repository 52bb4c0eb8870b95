package integration

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// cable is the way to a gateway: a TCP proxy that can be pulled out, and that
// can go silent. Its methods may be called concurrently.
type cable struct {
	Addr   string // host:port
	target string

	mu      sync.Mutex // guards the following
	strands map[*strand]struct{}
	out     bool
}

// strand is one connection through a cable.
type strand struct {
	near, far net.Conn
	silent    atomic.Bool // what comes is thrown away, from both sides
}

// startCable leads to a gateway until the test ends.
func startCable(t testing.TB, target string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Addr: listener.Addr().String(), target: target, strands: make(map[*strand]struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.lead(near) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.pull()
		running.Wait()
	})
	return c
}

// URL is the gateway's address by way of the cable.
func (c *cable) URL() string { return "http://" + c.Addr }

// pull ends all connections, and new ones as soon as they come, until plug.
func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = true
	for s := range c.strands {
		s.end()
	}
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = false
}

// silence has nothing pass any more over the connections that there are, which
// stay open. New ones work.
func (c *cable) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.strands {
		s.silent.Store(true)
	}
}

func (c *cable) lead(near net.Conn) {
	far, err := net.Dial("tcp", c.target)
	if err != nil {
		near.Close()
		return
	}
	s := &strand{near: near, far: far}
	defer s.end()
	c.mu.Lock()
	if c.out {
		c.mu.Unlock()
		return
	}
	c.strands[s] = struct{}{}
	c.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() { s.pass(far, near) })
	s.pass(near, far)
	back.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.strands, s)
}

func (s *strand) pass(from, to net.Conn) {
	defer s.end()
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if s.silent.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (s *strand) end() {
	s.near.Close()
	s.far.Close()
}
