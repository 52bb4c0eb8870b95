package loadtest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// dials opens a connection, as net.Dialer does.
type dials func(ctx context.Context, network, address string) (net.Conn, error)

// socket is the connection of one member, which can be broken. Its methods may
// be called concurrently.
type socket struct {
	insecure bool
	dials    dials
	dialing  func()        // told before each attempt
	received *atomic.Int64 // bytes, of all members

	mu   sync.Mutex
	conn net.Conn // guarded by mu; the newest
}

// client returns an HTTP client whose connections are these.
func (s *socket) client() *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: s.dial, DisableKeepAlives: true,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	if s.insecure {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	return &http.Client{Transport: t}
}

func (s *socket) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.dialing()
	conn, err := s.dials(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return counted{conn, s.received}, nil
}

// counted is a connection of which the received bytes are counted.
type counted struct {
	net.Conn
	received *atomic.Int64
}

// Read implements net.Conn.
func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.received.Add(int64(n))
	return n, err
}

// drop closes the connection without a goodbye, as a network does that is gone.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}
