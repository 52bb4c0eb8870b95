package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// standIn stands in the place of a replica and tells what nginx made of what
// was sent to it. Its methods may be called concurrently.
type standIn struct {
	*httptest.Server
	status atomic.Int32 // what it answers

	mu       sync.Mutex
	requests []*http.Request
	conns    map[string]bool // remote addresses
}

func startStandIn(t testing.TB) *standIn {
	s := &standIn{conns: make(map[string]bool)}
	s.status.Store(http.StatusOK)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) addr() string { return s.Listener.Addr().String() }

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // what breaks it shows at the client
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.conns[r.RemoteAddr] = true
	s.mu.Unlock()
	w.WriteHeader(int(s.status.Load()))
}

// got returns what has come since the last call, and over how many connections.
func (s *standIn) got() (requests []*http.Request, conns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, conns = s.requests, len(s.conns)
	s.requests, s.conns = nil, make(map[string]bool)
	return requests, conns
}

// kept is a client that keeps its connections; it may be used by one goroutine.
func kept(t testing.TB) *http.Client {
	c := &http.Client{Transport: new(http.Transport), Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// status sends a request, and returns the status and the head of the answer.
func status(t testing.TB, c *http.Client, r *http.Request) (int, http.Header) {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The client's address is what nginx saw, not what somebody wrote; the host is
// the client's own, with its port; requests share connections.
func TestNginxPassesOnWhoAsks(t *testing.T) {
	t.Parallel()
	replica := startStandIn(t)
	proxy := runNginx(t, nginxSetup{replicas: []string{replica.addr()}, changes: map[string]string{"worker_processes auto;": "worker_processes 1;"}})
	c := kept(t)
	const asked = 20
	for range asked {
		r := request(t, "GET", proxy.URL()+"/api/version", "")
		r.Header.Set("X-Forwarded-For", "192.0.2.1, 198.51.100.7")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Connection", "Upgrade") // without a WebSocket, none is passed on
		r.Header.Set("Upgrade", "h2c")
		if got, _ := status(t, c, r); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	requests, conns := replica.got()
	if len(requests) != asked || conns != 1 {
		t.Errorf("%d requests came over %d connections; %d were sent, and one connection is enough", len(requests), conns, asked)
	}
	for _, r := range requests {
		h := r.Header
		if !slices.Equal(h.Values("X-Forwarded-For"), []string{"127.0.0.1"}) || h.Get("X-Forwarded-Proto") != "http" || r.Host != proxy.Addr {
			t.Fatalf("host %q, headers %v", r.Host, h)
		}
		if h.Get("Upgrade") != "" || h.Get("Connection") != "" {
			t.Fatalf("an upgrade that is no WebSocket was passed on: %v", h)
		}
	}
	// A handshake arrives as one.
	p, err := openPeer(t, proxy.Addr)
	if err == nil {
		err = p.put(handshake(proxy.Addr, "who"))
	}
	if err == nil {
		_, err = p.head()
	}
	if err != nil {
		t.Fatal(err)
	}
	requests, _ = replica.got()
	if len(requests) != 1 || requests[0].Header.Get("Upgrade") != "websocket" || !strings.EqualFold(requests[0].Header.Get("Connection"), "upgrade") {
		t.Fatalf("a handshake came as %+v", requests)
	}
}

// What a replica does not take goes to the next one, unless it may have had an
// effect.
func TestNginxAsksTheNextReplica(t *testing.T) {
	t.Parallel()
	both := []*standIn{startStandIn(t), startStandIn(t)}
	nobody := fmt.Sprintf("127.0.0.1:%d", freePort(t)) // a replica that has crashed
	proxy := runNginx(t, nginxSetup{replicas: []string{both[0].addr(), both[1].addr(), nobody}})
	both[0].status.Store(http.StatusServiceUnavailable) // drains
	c := kept(t)
	for i := range 30 {
		if got, _ := status(t, c, request(t, "GET", fmt.Sprintf("%s/api/websocket?session=s%d", proxy.URL(), i), "")); got != http.StatusOK {
			t.Fatalf("request %d was answered with %d; one of the replicas takes it", i, got)
		}
	}
	drains, _ := both[0].got()
	serves, _ := both[1].got()
	if len(serves) != 30 || len(drains) == 0 {
		t.Errorf("of 30 requests %d came to the replica that serves, and %d to the one that drains", len(serves), len(drains))
	}
	refused := 0
	for range 30 {
		got, _ := status(t, c, request(t, "POST", proxy.URL()+"/api/sessions", `{}`))
		if got == http.StatusServiceUnavailable {
			refused++
		} else if got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	drains, _ = both[0].got()
	serves, _ = both[1].got()
	if refused == 0 || refused != len(drains) || len(drains)+len(serves) != 30 {
		t.Errorf("30 POSTs: %d and %d came to replicas, %d were refused; none may be sent twice", len(drains), len(serves), refused)
	}
}

// What only operators may see reaches no replica, however it is written.
func TestNginxKeepsOperatorsPagesPrivate(t *testing.T) {
	t.Parallel()
	replica := startStandIn(t)
	proxy := runNginx(t, nginxSetup{replicas: []string{replica.addr()}})
	for _, path := range []string{"/metrics", "/metrics/", "/metrics?x=1", "/ops", "/ops/", "/ops/main.js", "/api/stats",
		"/api/stats?scope=fleet", "/api/ops", "/api/ops/sessions", "//metrics", "/./metrics", "/x/../metrics",
		"/%6detrics", "/x/%2e%2e/ops/", "/%6f%70%73/main.js", "/api//stats", "/api/sessions/..%2f..%2fmetrics", "/api/%2e%2e/metrics", "/ops%2fmain.js"} {
		// As it is written: a client of the library would put it in order.
		answer := raw(t, proxy.Addr, "GET "+path+" HTTP/1.1\r\nHost: "+proxy.Addr+"\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 404 ") {
			t.Errorf("GET %s: %.60q", path, answer)
		}
	}
	if requests, _ := replica.got(); len(requests) != 0 {
		t.Errorf("%d requests came to the replica: %v", len(requests), requests[0].URL)
	}
	for _, path := range []string{"/", "/opsimist", "/metrics2", "/api/statistics", "/api/sessions/ops", "/api/sessions/metrics/events", "/client/index.js"} {
		answer := raw(t, proxy.Addr, "GET "+path+" HTTP/1.1\r\nHost: "+proxy.Addr+"\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("GET %s: %.60q", path, answer)
		}
	}
}

// The optional server for operators passes them on, to who is allowed.
func TestNginxServesOperatorsElsewhere(t *testing.T) {
	t.Parallel()
	replica := startStandIn(t)
	inside := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	setup := nginxSetup{replicas: []string{replica.addr()}, enabled: []string{"operators.conf"}, changes: map[string]string{"127.0.0.1:8010": inside}}
	runNginx(t, setup)
	for _, path := range []string{"/ops/", "/metrics", "/api/stats"} {
		if got, _ := status(t, kept(t), request(t, "GET", "http://"+inside+path, "")); got != http.StatusOK {
			t.Errorf("GET %s: %d", path, got)
		}
	}
	setup.changes["allow 127.0.0.0/8;"] = "allow 192.0.2.0/24;"
	setup.changes["127.0.0.1:8010"] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	runNginx(t, setup)
	replica.got()
	if got, _ := status(t, kept(t), request(t, "GET", "http://"+setup.changes["127.0.0.1:8010"]+"/ops/", "")); got != http.StatusForbidden {
		t.Errorf("who is not allowed gets %d", got)
	}
	if requests, _ := replica.got(); len(requests) != 0 {
		t.Error("who is not allowed reaches a replica")
	}
}

// More ports than one pair of addresses has.
func TestNginxLeavesFromSeveralAddresses(t *testing.T) {
	t.Parallel()
	replica := startStandIn(t)
	proxy := runNginx(t, nginxSetup{replicas: []string{replica.addr()}, enabled: []string{"ports.conf"}, changes: map[string]string{"keepalive 32;": ""}})
	for range 40 {
		if got, _ := status(t, kept(t), request(t, "GET", proxy.URL(), "")); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	requests, _ := replica.got()
	from := make(map[string]int)
	for _, r := range requests {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		from[host]++
	}
	if from["127.0.0.2"] == 0 || from["127.0.0.3"] == 0 || len(from) != 2 {
		t.Errorf("connections came from %v", from)
	}
}

// raw sends bytes and returns all that is answered until the end.
func raw(t testing.TB, addr, text string) string {
	t.Helper()
	p, err := openPeer(t, addr)
	if err == nil {
		err = p.put([]byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	p.SetDeadline(deadline())
	_, _ = io.Copy(&answer, p) // a reset behind the answer is an end too
	return answer.String()
}
