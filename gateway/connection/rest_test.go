package connection

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A drained server can be left by everybody, and go on afterwards.
func TestDrainedServerServesAgain(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		stubborn := r.dial("s", nil)
		stubborn.join("")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r.Drain(ctx, 500) // it does not move
		stubborn.isOpen()
		r.Evict()
		stubborn.closed(wire.CloseDrained)
		r.refused(http.StatusServiceUnavailable)
		if refused, draining := r.Stats.Refused.Load(), r.Stats.RefusedDraining.Load(); refused != 1 || draining != 1 {
			r.Errorf("%d refused, %d because it drains; want one of each", refused, draining)
		}
		r.Resume()
		back := r.dial("s", nil)
		back.join("")
		back.isOpen()
		if told := r.Stats.Drains.Load(); told != 1 {
			r.Errorf("%d were asked to move; want 1", told)
		}
	})
}

// A server that is stopping does not go on because of an order that came late.
func TestStoppingServerStaysStopped(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.CloseAll(context.Background())
		r.Resume()
		r.refused(http.StatusServiceUnavailable)
	})
}
