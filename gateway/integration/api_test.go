package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/gateway/apidoc/apidoctest"
)

const (
	sessionsPath = "/api/sessions"
	sessionPath  = "/api/sessions/{id}"
	eventsPath   = "/api/sessions/{id}/events"
	socketPath   = "/api/websocket"
)

// examiner sends requests to gateways and holds the answers against the
// OpenAPI document. The test's own goroutine uses it.
type examiner struct {
	testing.TB
	*apidoctest.HTTP
}

// ask sends a request and fails the test unless it is answered with the status,
// as the document says. Headers are pairs; a body is JSON unless they say
// otherwise.
func (x examiner) ask(g *gateway, status int, method, path, id, body string, headers ...string) http.Header {
	x.Helper()
	template, query, _ := strings.Cut(path, "?")
	url := g.URL() + strings.ReplaceAll(template, "{id}", id)
	if query != "" {
		url += "?" + query
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		x.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := requests.Do(r)
	if err != nil {
		x.Fatal(err)
	}
	return x.judge(status, method, template, r.Header, body, res)
}

func (x examiner) judge(status int, method, template string, header http.Header, body string, res *http.Response) http.Header {
	x.Helper()
	defer res.Body.Close()
	var text []byte
	if res.StatusCode != http.StatusSwitchingProtocols {
		var err error
		if text, err = io.ReadAll(res.Body); err != nil {
			x.Fatal(err)
		}
	}
	if res.StatusCode != status {
		x.Errorf("%s %s %.80s %v: %d %s; want %d", method, template, body, header, res.StatusCode, text, status)
	}
	e := apidoctest.Exchange{Method: method, Path: template, Header: header, Body: []byte(body), Good: status < 300, Status: res.StatusCode, Answer: res.Header, Text: text}
	if err := x.Check(e); err != nil {
		x.Error(err)
	}
	return res.Header
}

// each asks every route about sessions.
func (x examiner) each(g *gateway, status int) {
	x.Helper()
	x.ask(g, status, "POST", sessionsPath, "", `{}`)
	x.ask(g, status, "GET", sessionPath, "s", "")
	x.ask(g, status, "PATCH", sessionPath, "s", `{}`)
	x.ask(g, status, "DELETE", sessionPath, "s", "")
	x.ask(g, status, "POST", eventsPath, "s", `{"event":"e"}`)
	x.ask(g, status, "GET", eventsPath, "s", "")
}

const (
	listPath   = "/api/ops/sessions"
	detailPath = "/api/ops/sessions/{id}"
	tapPath    = "/api/ops/sessions/{id}/tap"
	memberPath = "/api/ops/sessions/{id}/members/{member}"
	drainPath  = "/api/ops/replicas/{name}/drain"
)

// eachOfOperators asks every route for operators.
func (x examiner) eachOfOperators(g *gateway, status int, headers ...string) {
	x.Helper()
	for _, path := range []string{listPath, detailPath, tapPath} {
		x.ask(g, status, "GET", path, "s", "", headers...)
	}
	x.ask(g, status, "DELETE", memberPath, "s", "", headers...)
	x.ask(g, status, "POST", drainPath, "gw", "", headers...)
	x.ask(g, status, "DELETE", drainPath, "gw", "", headers...)
}

// operators does what operators do.
func (x examiner) operators(g *gateway, key ...string) {
	x.Helper()
	somebody := listen(x, g, "watched", `{"type":"join","client":"a","name":"Ada"}`)
	x.ask(g, 200, "GET", listPath, "", "", key...)
	x.ask(g, 400, "GET", listPath+"?limit=0", "", "", key...)
	x.ask(g, 200, "GET", detailPath, "watched", "", key...)
	x.tap(g, key...)
	for _, path := range []string{detailPath, tapPath} {
		x.ask(g, 404, "GET", path, "nobody", "", key...)
		x.ask(g, 400, "GET", path, "a%20b", "", key...)
	}
	x.askFor(g, 404, "DELETE", memberPath, "watched", "m_nobody", key...)
	x.askFor(g, 400, "DELETE", memberPath, "a%20b", "m_nobody", key...)
	x.askFor(g, 204, "DELETE", memberPath, "watched", somebody.member(), key...)
	var own struct{ Replica struct{ ID string } }
	getJSON(x, g.URL()+"/api/stats", &own)
	for _, method := range []string{"POST", "DELETE"} {
		x.askFor(g, 404, method, drainPath, "", "nobody", key...)
		x.askFor(g, 409, method, drainPath, "", "twin", key...) // there are two of that name
		x.askFor(g, 202, method, drainPath, "", own.Replica.ID, key...)
	}
}

// askFor is ask for a path with two names in it.
func (x examiner) askFor(g *gateway, status int, method, path, id, name string, headers ...string) {
	x.Helper()
	r, err := http.NewRequest(method, g.URL()+strings.NewReplacer("{id}", id, "{member}", name, "{name}", name).Replace(path), nil)
	if err != nil {
		x.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := requests.Do(r)
	if err != nil {
		x.Fatal(err)
	}
	x.judge(status, method, path, r.Header, "", res)
}

// tap looks on at a session for a line.
func (x examiner) tap(g *gateway, key ...string) {
	x.Helper()
	r, err := http.NewRequestWithContext(x.Context(), "GET", g.URL()+strings.Replace(tapPath, "{id}", "watched", 1), nil)
	if err != nil {
		x.Fatal(err)
	}
	r.Header.Set(key[0], key[1])
	res, err := requests.Do(r)
	if err != nil {
		x.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadBytes('\n')
	if err != nil {
		x.Fatal(err)
	}
	if err := x.Check(apidoctest.Exchange{Method: "GET", Path: tapPath, Status: res.StatusCode, Answer: res.Header, Text: line}); err != nil {
		x.Error(err)
	}
}

// handshakeHeaders are those of RFC 6455, section 4.1.
var handshakeHeaders = []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}

// Every route and every answer of the OpenAPI document, by gateways as they run.
func TestTheAPIIsAsDocumented(t *testing.T) {
	t.Parallel()
	h, err := apidoctest.NewHTTP()
	if err != nil {
		t.Fatal(err)
	}
	x := examiner{t, h}
	redis := redistest.Start(t)
	open := startGateway(t, "PLENUM_REDIS_URL="+redis.URL(), "PLENUM_CONNECTIONS=1", "PLENUM_REPLICA=twin")
	ops, key := startGateway(t, "PLENUM_REDIS_URL="+redis.URL(), "PLENUM_REPLICA=twin", "PLENUM_API_KEYS="+strings.Repeat("k", 40)), "Bearer "+strings.Repeat("k", 40)
	slow := x.slowBodies(open)

	x.sessions(open)
	x.events(open)
	x.operators(ops, "Authorization", key)
	x.eachOfOperators(ops, 401)
	x.eachOfOperators(open, 403)
	for _, path := range []string{"/api/stats", "/api/stats?scope=fleet", "/metrics", "/healthz", "/readyz", "/api/version", "/api/openapi.json", "/api/asyncapi.json"} {
		x.ask(open, 200, "GET", path, "", "")
	}
	x.ask(open, 400, "GET", "/api/stats?scope=world", "", "")
	x.ask(open, 426, "GET", socketPath+"?session=s", "", "")
	x.ask(open, 400, "GET", socketPath+"?session=s", "", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13")
	x.sockets(open)

	x.each(startGateway(t, "PLENUM_API_KEYS="+strings.Repeat("k", 40), "PLENUM_API_READ=key"), 401)
	x.each(startGateway(t, "PLENUM_AUTH_ALGORITHM=HS256", "PLENUM_AUTH_SECRET="+strings.Repeat("s", 40)), 403)
	limited := startGateway(t, "PLENUM_API_RATE=0.01", "PLENUM_API_BURST=1", "PLENUM_ADDRESS_HANDSHAKES=0.01")
	x.ask(limited, 404, "GET", sessionPath, "s", "")
	x.each(limited, 429)
	x.eachOfOperators(limited, 429)
	x.ask(limited, 426, "GET", socketPath+"?session=s", "", "")
	x.ask(limited, 429, "GET", socketPath+"?session=s", "", "", handshakeHeaders...)

	slow()
	redis.Kill()
	x.each(open, 503)
	x.eachOfOperators(ops, 503, "Authorization", key)
	x.ask(open, 503, "GET", "/api/stats?scope=fleet", "", "")
	open.awaitReady(t, 503)
	x.ask(open, 503, "GET", "/readyz", "", "")
	if unseen := x.Unseen(); len(unseen) > 0 {
		t.Errorf("answers of the document that nobody has seen:\n%s", strings.Join(unseen, "\n"))
	}
}

func (x examiner) sessions(g *gateway) {
	x.Helper()
	tag := x.ask(g, 201, "POST", sessionsPath, "", `{"id":"doc","kind":"document","options":{"document":{"a":1}}}`).Get("ETag")
	x.ask(g, 201, "POST", sessionsPath, "", `{"id":"plain","kind":"broadcast"}`)
	x.ask(g, 409, "POST", sessionsPath, "", `{"id":"doc"}`)
	x.ask(g, 400, "POST", sessionsPath, "", `{"id":"a b"}`)
	x.ask(g, 413, "POST", sessionsPath, "", `{"id":"`+strings.Repeat("x", 1<<20)+`"}`)
	x.ask(g, 415, "POST", sessionsPath, "", `{}`, "Content-Encoding", "gzip")
	x.ask(g, 200, "GET", sessionPath, "doc", "")
	x.ask(g, 304, "GET", sessionPath, "doc", "", "If-None-Match", tag)
	x.ask(g, 404, "GET", sessionPath, "nobody", "")
	x.ask(g, 400, "GET", sessionPath, "a%20b", "")

	x.ask(g, 200, "PATCH", sessionPath, "doc", `{"b":2}`, "If-Match", tag, "Content-Type", "application/merge-patch+json")
	x.ask(g, 412, "PATCH", sessionPath, "doc", `{"b":3}`, "If-Match", tag)
	x.ask(g, 400, "PATCH", sessionPath, "doc", `{`)
	x.ask(g, 404, "PATCH", sessionPath, "nobody", `{}`)
	x.ask(g, 405, "PATCH", sessionPath, "plain", `{}`)
	x.ask(g, 413, "PATCH", sessionPath, "doc", `"`+strings.Repeat("x", 70_000)+`"`)
	x.ask(g, 415, "PATCH", sessionPath, "doc", `{}`, "Content-Type", "text/plain")

	x.ask(g, 412, "DELETE", sessionPath, "doc", "", "If-Match", tag)
	x.ask(g, 204, "DELETE", sessionPath, "doc", "")
	x.ask(g, 404, "DELETE", sessionPath, "doc", "")
	x.ask(g, 400, "DELETE", sessionPath, "a%20b", "")
}

func (x examiner) events(g *gateway) {
	x.Helper()
	x.ask(g, 201, "POST", eventsPath, "plain", `{"event":"e","data":{"n":1}}`, "Idempotency-Key", "k")
	x.ask(g, 200, "POST", eventsPath, "plain", `{"event":"e","data":{"n":1}}`, "Idempotency-Key", "k")
	x.ask(g, 422, "POST", eventsPath, "plain", `{"event":"e","data":{"n":2}}`, "Idempotency-Key", "k")
	x.ask(g, 201, "POST", eventsPath, "plain", `{"event":"e"}`)
	x.ask(g, 400, "POST", eventsPath, "plain", `{"event":"E"}`)
	x.ask(g, 403, "POST", eventsPath, "plain", `{"event":"member.left"}`)
	x.ask(g, 404, "POST", eventsPath, "nobody", `{"event":"e"}`)
	x.ask(g, 413, "POST", eventsPath, "plain", `{"event":"e","data":"`+strings.Repeat("x", 70_000)+`"}`)
	x.ask(g, 415, "POST", eventsPath, "plain", `{"event":"e"}`, "Content-Type", "application/x-www-form-urlencoded")

	x.ask(g, 200, "GET", eventsPath, "plain", "")
	if link := x.ask(g, 200, "GET", eventsPath+"?limit=1", "plain", "").Get("Link"); !strings.Contains(link, `rel="next"`) {
		x.Errorf("Link: %q", link)
	}
	x.ask(g, 400, "GET", eventsPath+"?limit=0", "plain", "")
	x.ask(g, 404, "GET", eventsPath, "nobody", "")
	x.ask(g, 410, "GET", eventsPath+"?epoch=over", "plain", "")
}

// sockets has a gateway that takes one connection take it.
func (x examiner) sockets(g *gateway) {
	x.Helper()
	r, err := http.NewRequest("GET", g.URL()+socketPath+"?session=s", nil)
	if err != nil {
		x.Fatal(err)
	}
	for i := 0; i+1 < len(handshakeHeaders); i += 2 {
		r.Header.Set(handshakeHeaders[i], handshakeHeaders[i+1])
	}
	res, err := requests.Do(r)
	if err != nil {
		x.Fatal(err)
	}
	x.ask(g, 503, "GET", socketPath+"?session=s", "", "", handshakeHeaders...)
	x.judge(101, "GET", socketPath, r.Header, "", res) // and closes it
}

// slowBodies begins requests whose bodies do not come, and returns what waits
// for their answers.
func (x examiner) slowBodies(g *gateway) (wait func()) {
	x.Helper()
	type asked struct{ method, template string }
	answers := make(map[asked]*http.Response)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, a := range []asked{{"POST", sessionsPath}, {"PATCH", sessionPath}, {"POST", eventsPath}} {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			x.Fatal(err)
		}
		x.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", a.method, strings.ReplaceAll(a.template, "{id}", "slow"), g.Addr)
		all.Go(func() {
			conn.SetReadDeadline(time.Now().Add(patience))
			var text bytes.Buffer
			io.Copy(&text, conn) // until it is closed
			res, err := http.ReadResponse(bufio.NewReader(&text), nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				answers[a] = res
			}
		})
	}
	return func() {
		x.Helper()
		all.Wait()
		for a, res := range answers {
			x.judge(408, a.method, a.template, nil, "", res)
		}
		if len(answers) != 3 {
			x.Errorf("of 3 slow requests %d were answered", len(answers))
		}
	}
}
