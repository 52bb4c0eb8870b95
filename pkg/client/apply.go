package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// adopt makes l the connection in use and applies its welcome.
func (c *Client) adopt(l *link) error {
	w := l.welcome
	c.mu.Lock()
	c.link = l
	c.watchLocked(l)
	c.member, c.limit = w.You.Member, w.Limits.Message
	if w.You.Seat != "" {
		c.seat = w.You.Seat
	}
	at := wire.Position{Epoch: w.Session.Epoch, Offset: w.Session.Offset}
	replace := !w.Resumed && !c.passedLocked(l, at)
	elsewhere := w.Resumed && (l.since == nil || *l.since != at)
	if elsewhere {
		c.position = wire.Position{} // a snapshot is the honest way on
	}
	c.mu.Unlock()
	if elsewhere {
		return fmt.Errorf("%w: resumed at %v, asked for %v", ErrProtocol, at, l.since)
	}

	c.status(Status{Phase: PhaseConnected, Replica: w.Replica})
	if c.o.OnWelcome != nil {
		c.o.OnWelcome(w)
	}
	if replace && c.o.OnState != nil {
		c.o.OnState(State{Reason: ReasonSnapshot, Session: w.Session, Members: w.Members, State: w.State})
	}

	c.mu.Lock()
	if replace {
		c.position = at
	}
	out := c.outbox.welcomed(w.Acked, !replace)
	out = append(out, c.outbox.tooBig(c.limit)...)
	l.open = true
	c.kickLocked()
	c.mu.Unlock()
	c.tell(out)
	return nil
}

// passedLocked reports whether the client is past the snapshot of a welcome
// already: while l was joining, the connection before it went on. A snapshot
// from before the join's position is something else: the log went back.
func (c *Client) passedLocked(l *link, at wire.Position) bool {
	return l.since != nil && l.since.Epoch == at.Epoch && c.position.Epoch == at.Epoch &&
		l.since.Offset <= at.Offset && at.Offset < c.position.Offset
}

// apply applies a message. An error ends the connection.
func (c *Client) apply(ctx context.Context, l *link, m *wire.ServerMessage) error {
	l.refusal = nil
	switch m.Type {
	case wire.TypeFrame:
		return c.events(m.Frame.Events)
	case wire.TypeAck:
		c.tell(c.locked(func() []settlement { return c.outbox.acknowledged(m.Ack.Ref, m.Ack.Offset, c.position.Offset) }))
	case wire.TypeError:
		c.refused(ctx, l, m.Error)
	case wire.TypePrivate:
		if c.o.OnPrivate != nil {
			c.o.OnPrivate(m.Private)
		}
	case wire.TypeState:
		c.replaced(ctx, l, m.State)
	case wire.TypeHeartbeat:
		c.heartbeat(l, m.Heartbeat)
	case wire.TypeDrain:
		c.mu.Lock()
		c.renewLocked(ctx, &renewal{old: l, after: time.Duration(max(0, m.Drain.After)) * time.Millisecond})
		c.mu.Unlock()
	}
	return nil
}

// events hands over what is new, in order.
func (c *Client) events(events []wire.Event) error {
	at := c.Position().Offset
	fresh := events[:0]
	var hole error
	for _, e := range events {
		if e.Offset > at+1 {
			hole = fmt.Errorf("%w: event %d follows event %d", ErrProtocol, e.Offset, at)
			break
		}
		if e.Offset == 0 || e.Offset == at+1 {
			fresh = append(fresh, e)
			at = max(at, e.Offset)
		}
	}
	if len(fresh) == 0 {
		return hole
	}
	// The callee may keep the slice and do with it what it likes, so what it carries for us is read first.
	refs := c.echoes(fresh)
	if c.o.OnEvents != nil {
		c.o.OnEvents(fresh)
	}
	c.tell(c.locked(func() (out []settlement) {
		c.position.Offset = at
		for _, e := range refs {
			out = append(out, c.outbox.echoed(e.ref, e.offset)...)
		}
		return append(out, c.outbox.reached(at)...)
	}))
	return hole
}

// echo is an event of one of this client's requests.
type echo struct{ ref, offset uint64 }

// echoes finds this client's requests. Another member could have joined with
// the same client, so the event must be from this one, or the gateway's own.
func (c *Client) echoes(events []wire.Event) []echo {
	var out []echo
	member := c.Member()
	for _, e := range events {
		number, ours := strings.CutPrefix(e.Ref, c.id)
		if !ours || number == "" || number[0] != ':' || e.From != "" && e.From != member {
			continue
		}
		if ref, err := strconv.ParseUint(number[1:], 10, 64); err == nil {
			out = append(out, echo{ref, e.Offset})
		}
	}
	return out
}

// replaced takes a snapshot in place. What was sent before it may have had its
// answer in what was skipped, or may be gone with the log; the gateway says
// which in a welcome, so the client gets itself a new one if answers stay away.
func (c *Client) replaced(ctx context.Context, l *link, s *wire.StateMessage) {
	if c.o.OnState != nil {
		c.o.OnState(State{Reason: s.Reason, Session: s.Session, Members: s.Members, State: s.State})
	}
	c.tell(c.locked(func() []settlement {
		c.position = wire.Position{Epoch: s.Session.Epoch, Offset: s.Session.Offset}
		out := c.outbox.replaced()
		if c.outbox.waits(l.sent) {
			wait := time.Second + time.Duration(c.o.Rand()*float64(time.Second))
			c.renewLocked(ctx, &renewal{old: l, after: wait, doubt: l.sent})
		}
		return out
	}))
}

// heartbeat answers at once. At the second one all replays are long over.
func (c *Client) heartbeat(l *link, h *wire.HeartbeatMessage) {
	l.beats++
	c.tell(c.locked(func() (out []settlement) {
		l.beat = &wire.Heartbeat{At: h.At, Offset: c.position.Offset}
		c.kickLocked()
		if l.beats == 2 {
			out = c.outbox.replaced()
		}
		return out
	}))
}

// refused deals with an error message.
func (c *Client) refused(ctx context.Context, l *link, e *wire.Error) {
	if e.Ref == 0 && e.Code == wire.CodeTokenExpiring && c.o.Token != nil {
		c.refresh(ctx, l)
		return
	}
	if e.Ref == 0 {
		l.refusal = e
		if !c.expects(e) {
			c.report(e)
		}
	}
	c.tell(c.locked(func() []settlement {
		if e.Code == wire.CodeSlowDown || c.o.Retry && e.Retry {
			c.pauseLocked(max(e.After, c.o.Backoff.First))
		}
		r := c.outbox.take(e.Ref)
		switch {
		case r == nil:
			return nil
		case c.o.Retry && e.Retry:
			c.outbox.add(r)
			return nil
		}
		return []settlement{settled(r, 0, e)}
	}))
}

// expects reports whether a refusal is the end of a connection whose successor
// is being made.
func (c *Client) expects(e *wire.Error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.Code == wire.CodeReplaced && c.renewal != nil && c.renewal.started
}

// pauseLocked keeps requests back for a time.
func (c *Client) pauseLocked(d time.Duration) {
	if c.unpause != nil {
		c.unpause.Stop()
	}
	c.paused = true
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.unpause == timer {
			c.paused = false
			c.kickLocked()
		}
	})
	c.unpause = timer
}

// locked calls f with the lock, and lets a writer see what it did.
func (c *Client) locked(f func() []settlement) []settlement {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := f()
	c.kickLocked()
	return out
}

// tell tells outcomes. It is called without the lock, on the goroutine of Run.
func (c *Client) tell(out []settlement) {
	for _, s := range out {
		if s.request.own {
			c.refreshed(s.Err)
			continue
		}
		if s.request.result != nil {
			s.request.result <- s.Settled
		}
		if c.o.OnSettled != nil {
			c.o.OnSettled(s.Settled)
		}
	}
}

func (c *Client) status(s Status) {
	if c.o.OnStatus != nil {
		c.o.OnStatus(s)
	}
}

func (c *Client) report(err error) {
	if c.o.OnError != nil {
		c.o.OnError(err)
	}
}
