package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/gateway/fleet"
)

// resting is an operator's drain of a replica that goes on running: it is not
// ready, and has nobody, until the operator says otherwise or the process stops.
type resting struct {
	mu      sync.Mutex         // guards the following
	end     context.CancelFunc // of the drain that is under way, or has been carried out; nil: it serves
	stopped bool               // the process stops: orders come too late
	work    sync.WaitGroup
}

// obey carries out what an operator wants of this replica. It does not block.
func (a *App) obey(order string) {
	r := &a.resting
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopped:
	case order == fleet.OrderDrain && r.end == nil:
		ctx, cancel := context.WithTimeout(context.Background(), a.settings.DrainTimeout)
		r.end = cancel
		a.health.Drain()
		r.work.Go(func() { a.rest(ctx) })
	case order == fleet.OrderServe && r.end != nil:
		r.end()
		r.work.Wait()
		r.end = nil
		a.health.Serve()
		a.connections.Resume()
		a.log.Info("serving again, as an operator wants")
	}
}

// rest moves everybody elsewhere, and at the end of the time closes who is left.
func (a *App) rest(ctx context.Context) {
	began := time.Now()
	a.log.Info("draining, as an operator wants", zap.Int64("connections", a.connections.Stats.Open.Load()))
	a.connections.Drain(ctx, a.settings.DrainRate)
	if context.Cause(ctx) == context.Canceled {
		return // it is to serve again
	}
	a.connections.Evict()
	a.log.Info("drained; at rest until told to serve or to stop", zap.Duration("after", time.Since(began)))
}

// endRest waits for what an operator has begun, when the process stops.
func (a *App) endRest() {
	r := &a.resting
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.end != nil {
		r.end()
	}
	r.work.Wait()
}
