package client

import (
	"context"
	"time"
)

// renewal makes the next connection while the old one is in use, so that
// nothing stands still: join anew, and let go of the old one once the new one
// is welcomed. Both are the same client, so the gateway may close the old one
// earlier, which is as good.
type renewal struct {
	old   *link
	after time.Duration
	doubt uint64 // if not 0: only if a request up to this one is still unsettled

	// Guarded by the client's lock.
	timer    *time.Timer
	started  bool
	failures int

	done chan struct{} // closed when next is final
	next *link         // nil if it came to nothing
}

// renewLocked plans r. It takes the place of one that has not started, unless
// that one is surer; one that has started serves as well.
func (c *Client) renewLocked(ctx context.Context, r *renewal) {
	if c.link != r.old || r.old.closed {
		return
	}
	if c.renewal != nil {
		if c.renewal.started || r.doubt != 0 && c.renewal.doubt == 0 {
			return
		}
		c.renewal.timer.Stop()
	}
	r.done = make(chan struct{})
	c.renewal = r
	r.timer = time.AfterFunc(r.after, func() { c.renew(ctx, r) })
}

// renew runs on the timer's goroutine; [Client.successor] waits for it.
func (c *Client) renew(ctx context.Context, r *renewal) {
	if !c.startRenewal(r) {
		return
	}
	defer close(r.done)
	next, err := c.dial(ctx)
	if err == nil {
		r.next = next
		r.old.conn.CloseNow()
		return
	}
	// The old connection still works, and will tell if there is no hope.
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewal == r && ctx.Err() == nil {
		c.renewal = nil
		c.renewLocked(ctx, &renewal{old: r.old, doubt: r.doubt, failures: r.failures + 1,
			after: c.o.Backoff.wait(r.failures+1, err, c.o.Rand)})
	}
}

func (c *Client) startRenewal(r *renewal) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewal != r {
		return false
	}
	if r.doubt != 0 && !c.outbox.waits(r.doubt) {
		c.renewal = nil
		return false
	}
	r.started = true
	return true
}

// successor ends the use of the connection in use and returns the one that was
// made to follow it; nil if there is none. It waits for one that is being made.
func (c *Client) successor() *link {
	c.mu.Lock()
	r := c.renewal
	c.renewal, c.link = nil, nil
	started := r != nil && r.started
	if r != nil && !started {
		r.timer.Stop()
	}
	c.mu.Unlock()
	if !started {
		return nil
	}
	<-r.done
	return r.next
}
