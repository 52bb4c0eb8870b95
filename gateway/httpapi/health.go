package httpapi

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout/latency"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Health is what an orchestrator asks. Its methods may be called concurrently.
type Health struct {
	// Store tells whether the log can be reached. It is set before use.
	Store func(ctx context.Context) error
	// Ping is how long the answers took.
	Ping latency.Histogram

	draining atomic.Bool
	away     atomic.Bool
}

const (
	checkEvery  = 2 * time.Second
	checkWithin = time.Second
)

// Watch looks after the store until ctx ends.
func (h *Health) Watch(ctx context.Context, log *zap.Logger) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		check, cancel := context.WithTimeout(ctx, checkWithin)
		asked := time.Now()
		err := h.Store(check)
		cancel()
		if err == nil {
			h.Ping.Observe(time.Since(asked))
		}
		if away := err != nil; ctx.Err() == nil && h.away.Swap(away) != away {
			if away {
				log.Error("the store is away", zap.Error(err))
			} else {
				log.Info("the store is back")
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Drain makes the replica not ready.
func (h *Health) Drain() { h.draining.Store(true) }

// Serve takes Drain back.
func (h *Health) Serve() { h.draining.Store(false) }

// Draining reports whether the replica takes nobody in any more.
func (h *Health) Draining() bool { return h.draining.Load() }

// Away reports whether the store did not answer when it was asked last.
func (h *Health) Away() bool { return h.away.Load() }

// live answers as long as the process can.
func (h *Health) live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

// ready answers 200 if new members may be sent here.
func (h *Health) ready(w http.ResponseWriter, _ *http.Request) {
	switch {
	case h.draining.Load():
		refuse(w, http.StatusServiceUnavailable, wire.CodeDrained, "this replica is draining")
	case h.away.Load():
		refuse(w, http.StatusServiceUnavailable, wire.CodeUnavailable, "the store is away")
	default:
		answer(w, http.StatusOK, map[string]string{"status": "ready"})
	}
}
