package wstest

import (
	"context"
	"errors"
	"log"
	"net/http"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// Server is an [http.Server] behind a [Listener]. All methods may be called
// concurrently.
type Server struct {
	*Listener
	URL string // ws://plenum.test; a base for what [Server.Client] dials

	client *http.Client
}

// NewServer serves handler until the test ends. It then stops accepting, cuts
// every connection, and waits for the server's own goroutine and for handlers
// that have not returned.
func NewServer(t testing.TB, handler http.Handler) *Server {
	t.Helper()
	l := Listen()
	transport := &http.Transport{DialContext: l.DialContext, DisableCompression: true}
	s := &Server{Listener: l, URL: "ws://plenum.test", client: &http.Client{Transport: transport}}

	running := &running{handler: handler}
	srv := &http.Server{Handler: running, ErrorLog: log.New(t.Output(), "wstest: ", 0)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	t.Cleanup(func() {
		srv.Close()
		l.Cut()
		transport.CloseIdleConnections()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("wstest: serving ended with %v", err)
		}
		running.end()
	})
	return s
}

// running is a handler that can be waited for.
type running struct {
	handler http.Handler

	mu    sync.Mutex // guards ended, and that nothing is added to calls after it
	ended bool
	calls sync.WaitGroup
}

func (r *running) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !r.begin() {
		return
	}
	defer r.calls.Done()
	r.handler.ServeHTTP(w, req)
}

func (r *running) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.calls.Add(1)
	}
	return !r.ended
}

func (r *running) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.calls.Wait()
}

// Client returns an HTTP client whose every request reaches s, whatever its
// host; it suits websocket.DialOptions.HTTPClient.
func (s *Server) Client() *http.Client { return s.client }

// Dial opens a WebSocket; target is a path and a query. The options may be nil;
// their HTTPClient is replaced. A failure ends the test. It must be called from
// the test's own goroutine, like t.FailNow.
func (s *Server) Dial(t testing.TB, target string, opts *websocket.DialOptions) *Conn {
	t.Helper()
	conn, resp, err := s.TryDial(t.Context(), target, opts)
	if err != nil {
		t.Fatalf("wstest: dialing %s: %v (%s)", target, err, status(resp))
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &Conn{Conn: conn, t: t}
}

// TryDial is [Server.Dial] for a handshake that may be refused; the caller
// closes the connection.
func (s *Server) TryDial(ctx context.Context, target string, opts *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	var o websocket.DialOptions
	if opts != nil {
		o = *opts
	}
	o.HTTPClient = s.client
	return websocket.Dial(ctx, s.URL+target, &o)
}

func status(resp *http.Response) string {
	if resp == nil {
		return "no response"
	}
	return resp.Status
}
