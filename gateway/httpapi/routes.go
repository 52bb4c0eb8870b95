// Package httpapi is the gateway's HTTP: every route on one screen.
package httpapi

import (
	"net/http"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/stats"
	"github.com/plenum-gateway/plenum/gateway/web"
)

// Routes returns the handler of everything.
func Routes(websocket http.Handler, service *session.Service, health *Health, collector *stats.Collector, version string) http.Handler {
	sessions := sessions{service}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/sessions", sessions.create)
	mux.HandleFunc("GET /api/sessions/{id}", sessions.get)
	mux.Handle("GET /api/websocket", websocket)
	mux.HandleFunc("GET /healthz", health.live)
	mux.HandleFunc("GET /readyz", health.ready)
	mux.HandleFunc("GET /api/stats", figures{collector}.get)
	mux.Handle("GET /metrics", collector.Handler())
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"version": version})
	})
	mux.Handle("GET /", web.Handler())
	return mux
}
