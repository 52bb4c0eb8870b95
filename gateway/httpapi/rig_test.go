package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/connection"
	"github.com/plenum-gateway/plenum/gateway/fleet"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/gateway/kind/document"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/stats"
)

// message bounds what becomes an event in these tests.
const message = 65536

// parts are what a gateway has, without sockets. They end with the test.
func parts(t *testing.T) (Parts, *gone) {
	log := &gone{Log: memlog.New(memlog.Options{History: 64})}
	service := session.New(session.Options{CreateOnJoin: true, Kinds: []kind.Kind{broadcast.Kind{}, document.Kind{}}, DefaultKind: "broadcast", Capacity: 50, Grace: time.Minute})
	hub := fanout.New(log, connection.Codec{}, service.Owner, fanout.Options{})
	service.Attach(hub)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		hub.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	log.service = service
	health := new(Health)
	collector := stats.New(stats.Replica{Name: "one", ID: service.Incarnation(), Version: "v1.2.3"}, stats.Sources{Log: &hub.Stats,
		Sessions: &service.Stats, Connections: new(connection.Stats), Census: service.Census, Draining: health.Draining,
		StoreAway: health.Away, Ping: &health.Ping, Host: stats.NewHost(ctx)}, nil)
	alone := &fleet.Alone{ID: service.Incarnation(), Serving: service.Serving, Obey: func(order string) { log.orders = append(log.orders, order) }}
	return Parts{WebSocket: http.NotFoundHandler(), Sessions: service, Health: health, Version: "v1.2.3", Message: message,
		Operators: Operators{Sessions: service, Stats: collector, Lists: alone, Orders: alone, Log: zap.NewNop()}}, log
}

// serving runs test with all routes, in virtual time.
func serving(t *testing.T, test func(t *testing.T, log *gone, routes http.Handler)) {
	guarded(t, Access{}, test)
}

// operated is serving where operators have the key "secret".
func operated(t *testing.T, test func(t *testing.T, log *gone, routes http.Handler)) {
	guarded(t, Access{Keys: auth.NewKeys([]string{"secret"})}, test)
}

// guarded is serving where not everybody may do everything.
func guarded(t *testing.T, a Access, test func(t *testing.T, log *gone, routes http.Handler)) {
	synctest.Test(t, func(t *testing.T) {
		p, log := parts(t)
		p.Access = a
		test(t, log, Routes(p))
	})
}

// do sends a request with headers, which are pairs. A body is JSON unless they
// say otherwise.
func do(t *testing.T, routes http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, r)
	return w
}

// request is answered with JSON and a status, or the test fails.
func request(t *testing.T, routes http.Handler, method, path, body string, status int, headers ...string) (header http.Header, answer map[string]any) {
	t.Helper()
	w := do(t, routes, method, path, body, headers...)
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	want := "application/json"
	if status >= 400 {
		want = "application/problem+json"
	}
	if got := w.Header().Get("Content-Type"); w.Code != status || w.Body.Len() > 0 && got != want {
		t.Errorf("%s %s %.60s %q: %d %s %s; want %d", method, path, body, headers, w.Code, got, w.Body, status)
	}
	if status >= 400 && (answer["status"] != float64(status) || answer["detail"] == "" || answer["title"] == "" || answer["code"] == "") {
		t.Errorf("%s %s: problem %v", method, path, answer)
	}
	return w.Header(), answer
}
