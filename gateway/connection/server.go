package connection

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/limit"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Options of a server. All must be set, but for Origins and what follows.
type Options struct {
	MessageLimit int // bytes of a message from a client
	Backlog      int // bytes that wait for a connection
	Rate         float64
	RateBurst    int
	Connections  int // on this replica; past it a handshake gets 503
	Handshakes   int // a second; more wait for their turn, and past a few seconds get 503
	JoinTimeout  time.Duration
	Heartbeat    time.Duration // between two heartbeats
	Timeout      time.Duration // silence past it at a heartbeat is a miss
	Misses       int           // that many close the connection
	Origins      auth.Origins  // of pages that may connect, beside the gateway's own

	Tokens             *auth.Tokens  // nil: nobody has to prove who they are
	Proxies            limit.Proxies // that are believed for whom they ask
	AddressHandshakes  float64       // a second, from one address; ten seconds' worth at once; 0: any
	AddressConnections int           // at once, from one address on this replica; 0: any
}

// Server accepts connections and lets them into sessions. It is the handler of
// the WebSocket's path; its methods may be called concurrently.
type Server struct {
	Stats Stats

	sessions *session.Service
	options  Options
	log      *zap.Logger
	wheel    *wheel
	gate     *rate.Limiter // of handshakes
	turns    *turnstile
	arrivals *limit.Rates[netip.Prefix]
	present  *limit.Counts[netip.Prefix]
	poller   *poller // nil: connections wait in goroutines

	tasks sync.WaitGroup // the goroutines of connections; adding is guarded by mu

	mu       sync.Mutex // guards the following
	conns    map[*Conn]struct{}
	draining bool
	stopping bool
}

// New returns a server. It works while [Server.Run] runs.
func New(sessions *session.Service, options Options, log *zap.Logger) (*Server, error) {
	s := newServer(sessions, options, log)
	var err error
	s.poller, err = newPoller()
	return s, err
}

// newServer returns a server whose connections wait in goroutines.
func newServer(sessions *session.Service, options Options, log *zap.Logger) *Server {
	s := &Server{sessions: sessions, options: options, log: log, conns: make(map[*Conn]struct{})}
	s.Stats.init()
	s.wheel = newWheel(options.Heartbeat, s.beat)
	s.gate = rate.NewLimiter(rate.Limit(options.Handshakes), max(1, options.Handshakes/10))
	s.turns = newTurnstile(runtime.GOMAXPROCS(0))
	s.arrivals = limit.NewRates[netip.Prefix](options.AddressHandshakes, max(1, int(10*options.AddressHandshakes)))
	s.present = limit.NewCounts[netip.Prefix](options.AddressConnections)
	return s
}

// Run sends the heartbeats and watches idle connections until ctx ends. Close
// the connections before that, see [Server.Drain].
func (s *Server) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { s.wheel.run(ctx) })
	if s.poller != nil {
		parts.Go(func() { s.poller.run(ctx) })
	}
	parts.Wait()
}

// ServeHTTP implements http.Handler: the opening handshake.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := limit.Group(s.options.Proxies.Client(r))
	if wait := s.arrivals.Take(from, time.Now()); wait > 0 && !s.drains() {
		s.refuse(w, http.StatusTooManyRequests, wire.CodeSlowDown, errHasty, wait)
		return
	}
	leave, refused := s.queue(r.Context())
	var c *Conn
	if refused == nil {
		defer leave()
		c, refused = s.reserve(from)
	}
	if refused == errDraining {
		s.Stats.RefusedDraining.Add(1)
	}
	switch {
	case refused == errGreedy:
		s.refuse(w, http.StatusTooManyRequests, wire.CodeSlowDown, refused, time.Minute)
		return
	case refused != nil:
		s.refuse(w, http.StatusServiceUnavailable, wire.CodeUnavailable, refused, time.Second)
		return
	}
	if err := s.accept(c, w, r); err != nil {
		s.Stats.Refused.Add(1)
		s.release(c)
		return
	}
	s.Stats.Accepted.Add(1)
	refusal := s.check(r)
	if s.admit(c) {
		refusal = errStopping
	}
	sessionID := r.URL.Query().Get("session")
	c.run(func() { c.begin(sessionID, refusal) })
}

// reserve counts a connection in, before it is accepted.
func (s *Server) reserve(from netip.Prefix) (*Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return nil, errDraining
	case len(s.conns) >= s.options.Connections:
		return nil, errOverload
	case !s.present.Enter(from):
		return nil, errGreedy
	}
	c := newConn(s)
	c.from = from
	s.conns[c] = struct{}{}
	s.tasks.Add(1)
	s.Stats.Open.Add(1)
	return c, nil
}

// admit tells that a connection's handshake is done. It reports whether the
// server is closing all connections; this one was not among them.
func (s *Server) admit(c *Conn) (stopping bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.accepted = true
	return s.stopping
}

// drains reports whether nobody may join any more.
func (s *Server) drains() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

func (s *Server) release(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.present.Leave(c.from)
	s.tasks.Done()
	s.Stats.Open.Add(-1)
}

func (s *Server) accept(c *Conn, w http.ResponseWriter, r *http.Request) error {
	h := &hijacker{ResponseWriter: w, wrap: func(conn net.Conn) *socket {
		conn.SetDeadline(time.Time{}) // the HTTP server's
		return newSocket(conn, s.options.Backlog, c)
	}}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       subprotocol(r),
		InsecureSkipVerify: true, // a browser cannot see a refused handshake: the origin is checked behind it
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     c.pinged,
		OnPongReceived:     c.ponged,
	})
	if err != nil {
		return err
	}
	ws.SetReadLimit(-1) // Conn.readAll has the limit: the library's ends the connection without a word
	c.socket, c.ws = h.got, ws
	return nil
}

// Drain lets nobody in any more, and asks every connection to move to another
// replica, each in its own slot, perSecond of them a second. It returns when all
// have, or at the end of ctx.
func (s *Server) Drain(ctx context.Context, perSecond int) {
	s.mu.Lock()
	s.draining = true
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		if c.joined.Load() {
			conns = append(conns, c)
		}
	}
	s.mu.Unlock()
	for i, c := range conns {
		after := time.Duration(i) * time.Second / time.Duration(perSecond)
		s.Stats.Drains.Add(1)
		c.Send((&wire.Drain{After: after.Milliseconds(), Reason: "deploy"}).Encode())
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for s.Stats.Open.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// CloseAll closes every connection with 4000 and waits until they have ended,
// or ctx.
func (s *Server) CloseAll(ctx context.Context) {
	s.mu.Lock()
	s.draining, s.stopping = true, true
	for c := range s.conns {
		if c.accepted {
			c.run(func() { c.End(errStopping) })
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.abort()
	}
}

var errStopping = &wire.Error{Code: wire.CodeDrained, Close: wire.CloseDrained, Message: "this replica stops; resume on another one"}

// abort cuts what is left.
func (s *Server) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.accepted {
			c.socket.Conn.Close()
		}
	}
}
