package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind/document"
	"github.com/plenum-gateway/plenum/gateway/session"
)

// gone is a log that cannot be reached while it is away.
type gone struct {
	fanout.Log
	away   bool
	orders []string // that operators gave to this replica

	service *session.Service
}

func (g *gone) Append(ctx context.Context, id string, a *fanout.Append) (fanout.Appended, error) {
	if g.away {
		return fanout.Appended{}, fanout.ErrUnavailable
	}
	return g.Log.Append(ctx, id, a)
}

func (g *gone) Read(ctx context.Context, id string, q *fanout.Query) (fanout.View, error) {
	if g.away {
		return fanout.View{}, fanout.ErrUnavailable
	}
	return g.Log.Read(ctx, id, q)
}

func TestSessionsAreMadeAndRead(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		header, made := request(t, routes, "POST", "/api/sessions", `{"id":"doc","kind":"document","options":{"document":{"a":1}}}`, 201)
		if header.Get("Location") != "/api/sessions/doc" || made["id"] != "doc" || made["kind"] != "document" || made["epoch"] == "" {
			t.Errorf("%v, %v", header, made)
		}
		_, read := request(t, routes, "GET", "/api/sessions/doc", "", 200)
		if state, _ := read["state"].(map[string]any); state["a"] != 1.0 || read["epoch"] != made["epoch"] || len(read["members"].([]any)) != 0 {
			t.Errorf("%v", read)
		}
		_, drawn := request(t, routes, "POST", "/api/sessions", `{}`, 201)
		if id, _ := drawn["id"].(string); len(id) < 10 || drawn["kind"] != "broadcast" {
			t.Errorf("%v", drawn)
		}
		request(t, routes, "GET", "/api/sessions/"+drawn["id"].(string), "", 200)
	})
}

func TestSessionRefusals(t *testing.T) {
	serving(t, func(t *testing.T, log *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"there"}`, 201)
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/api/sessions", `{"id":"there"}`, 409},
			{"POST", "/api/sessions", `{"id":"a b"}`, 400},
			{"POST", "/api/sessions", `{"id":7}`, 400},
			{"POST", "/api/sessions", `{"kind":"poker"}`, 400},
			{"POST", "/api/sessions", `{"kind":"document","options":7}`, 400},
			{"POST", "/api/sessions", `{"kind":"document","options":{"document":"` + strings.Repeat("x", document.MaxSize) + `"}}`, 400},
			{"POST", "/api/sessions", ``, 400},
			{"POST", "/api/sessions", `{`, 400},
			{"POST", "/api/sessions", `{"id":"` + strings.Repeat("x", maxBody) + `"}`, 413},
			{"GET", "/api/sessions/nobody", "", 404},
			{"GET", "/api/sessions/a%20b", "", 400},
		} {
			request(t, routes, c.method, c.path, c.body, c.status)
		}
		if _, refused := request(t, routes, "POST", "/api/sessions", `{"kind":"poker"}`, 400); !strings.Contains(refused["detail"].(string), "broadcast, document") {
			t.Errorf("the refusal does not tell the kinds that there are: %v", refused)
		}
		log.away = true
		for _, c := range []struct{ method, path string }{{"GET", "/api/sessions/there"}, {"POST", "/api/sessions"}, {"PATCH", "/api/sessions/there"},
			{"DELETE", "/api/sessions/there"}, {"GET", "/api/sessions/there/events"}} {
			header, _ := request(t, routes, c.method, c.path, `{}`, 503)
			if header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", c.method)
			}
		}
	})
}

func TestHealthRoutes(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready"} {
			if _, answer := request(t, routes, "GET", path, "", 200); answer["status"] != want {
				t.Errorf("%s: %v", path, answer)
			}
		}
		if _, answer := request(t, routes, "GET", "/api/version", "", 200); answer["version"] != "v1.2.3" {
			t.Errorf("%v", answer)
		}
	})
}
