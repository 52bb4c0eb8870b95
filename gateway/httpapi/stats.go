package httpapi

import (
	"net/http"
	"time"

	"github.com/plenum-gateway/plenum/gateway/stats"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// figures answers the requests about statistics. They name no session and no
// member, so they ask for no key; the proxy keeps them from the public.
type figures struct{ collector *stats.Collector }

// get answers GET /api/stats.
func (f figures) get(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch scope := r.URL.Query().Get("scope"); scope {
	case "", "replica":
		report := f.collector.Report()
		answer(w, http.StatusOK, &report)
	case "fleet":
		fleet, err := f.collector.Fleet(r.Context())
		if err != nil {
			later(w, http.StatusServiceUnavailable, wire.CodeUnavailable, "the store is away, so only this replica's figures can be had: leave ?scope=fleet out", time.Second)
			return
		}
		answer(w, http.StatusOK, fleet)
	default:
		refuse(w, http.StatusBadRequest, codeBadQuery, "scope must be replica or fleet")
	}
}
