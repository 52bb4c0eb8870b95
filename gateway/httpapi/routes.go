// Package httpapi is the gateway's HTTP: every route on one screen.
package httpapi

import (
	"net/http"

	"github.com/plenum-gateway/plenum/gateway/apidoc"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/web"
)

// Parts is what the routes lead to.
type Parts struct {
	WebSocket http.Handler
	Sessions  *session.Service
	Health    *Health
	Version   string
	Access    Access
	Operators Operators
	Message   int // most bytes of a body that becomes an event
}

// Routes returns the handler of everything.
func Routes(p Parts) http.Handler { return p.Access.handler(table(p)) }

func table(p Parts) []route {
	sessions, ops := sessions{p.Sessions, p.Message, p.Access.Keys}, p.Operators
	return []route{
		{"POST /api/sessions", write, sessions.create},
		{"GET /api/sessions/{id}", read, sessions.get},
		{"PATCH /api/sessions/{id}", write, sessions.patch},
		{"DELETE /api/sessions/{id}", write, sessions.end},
		{"POST /api/sessions/{id}/events", write, sessions.publish},
		{"GET /api/sessions/{id}/events", read, sessions.history},
		{"GET /api/websocket", open, p.WebSocket.ServeHTTP},
		{"GET /api/version", open, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]string{"version": p.Version})
		}},
		{"GET /api/openapi.json", open, apidoc.Handler(apidoc.OpenAPI)},
		{"GET /api/asyncapi.json", open, apidoc.Handler(apidoc.AsyncAPI)},
		{"GET /healthz", open, p.Health.live},
		{"GET /readyz", open, p.Health.ready},
		{"GET /api/stats", open, figures{ops.Stats}.get},
		{"GET /metrics", open, ops.Stats.Handler().ServeHTTP},
		{"GET /api/ops/sessions", operator, ops.list},
		{"GET /api/ops/sessions/{id}", operator, ops.detail},
		{"GET /api/ops/sessions/{id}/tap", operator, ops.tap},
		{"DELETE /api/ops/sessions/{id}/members/{member}", operator, ops.remove},
		{"POST /api/ops/replicas/{name}/drain", operator, ops.drain},
		{"DELETE /api/ops/replicas/{name}/drain", operator, ops.serve},
		{"/api/", open, nothing},
		{"GET /", open, web.Handler().ServeHTTP},
	}
}

// nothing answers for paths of the API that there are not.
func nothing(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, codeNotFound, "the API has no "+r.URL.Path)
}
