// Package httpapi is the gateway's HTTP: every route on one screen.
package httpapi

import (
	"net/http"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/web"
)

// Routes returns the handler of everything.
func Routes(websocket http.Handler, service *session.Service, health *Health, operators Operators, version string) http.Handler {
	sessions := sessions{service}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/sessions", sessions.create)
	mux.HandleFunc("GET /api/sessions/{id}", sessions.get)
	mux.Handle("GET /api/websocket", websocket)
	mux.HandleFunc("GET /healthz", health.live)
	mux.HandleFunc("GET /readyz", health.ready)
	mux.HandleFunc("GET /api/stats", figures{operators.Stats}.get)
	mux.Handle("GET /metrics", operators.Stats.Handler())
	mux.HandleFunc("GET /api/ops/sessions", operators.guarded(operators.list))
	mux.HandleFunc("GET /api/ops/sessions/{id}", operators.guarded(operators.detail))
	mux.HandleFunc("GET /api/ops/sessions/{id}/tap", operators.guarded(operators.tap))
	mux.HandleFunc("DELETE /api/ops/sessions/{id}/members/{member}", operators.guarded(operators.remove))
	mux.HandleFunc("POST /api/ops/replicas/{name}/drain", operators.guarded(operators.drain))
	mux.HandleFunc("DELETE /api/ops/replicas/{name}/drain", operators.guarded(operators.serve))
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"version": version})
	})
	mux.Handle("GET /", web.Handler())
	return mux
}
