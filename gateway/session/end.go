package session

import (
	"context"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const eventEnded = "session.ended"

var errEnded = &wire.Error{Code: wire.CodeSessionEnded, Close: wire.CloseSessionEnded, Message: "the session was ended"}

// End ends a session: its members get the event session.ended and are closed
// with 4504, on all replicas, and its log is removed. With at, it does so only
// if the session is at that position. Errors: ErrNone, ErrMoved, or one of
// package fanout.
func (s *Service) End(ctx context.Context, id string, at *wire.Position) error {
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return err
	}
	defer pool.Close()
	answer := make(settlements, 1)
	pool.Propose(&fanout.Proposal{End: true, At: (*fanout.Position)(at), To: answer, Decide: func(st fanout.State) (c fanout.Change, err error) {
		if !st.(*roster).exists {
			return c, ErrNone
		}
		appendEvent(&c, body(eventEnded, "", struct{}{}, time.Now()))
		appendNote(&c, note{Ended: true})
		return c, nil
	}})
	select {
	case s := <-answer:
		if err = outcome(s.Err); errors.Is(err, ErrNone) && s.Tried {
			return nil // only the answer was lost
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish ends everybody here: the epoch that they are in is over. What was to be
// told goes out first. They are detached, because the session may begin anew
// with people who are none of theirs.
func (r *room) finish(epoch string) {
	r.mu.Lock()
	r.ended = epoch
	r.mu.Unlock()
	r.pool.Flush()
	for _, p := range r.everyone() {
		p.finish()
	}
	r.endTaps()
}

func (p *Participant) finish() {
	if p.over.Swap(true) {
		return
	}
	p.conn.End(errEnded)
	p.detach()
}

// missedEnd ends everybody here if they are in an epoch that was ended, and
// nobody told this replica. It reports whether nothing is left of the session.
func (r *room) missedEnd(seen fanout.Seen) (over bool) {
	if epoch := r.pool.Head().Epoch; epoch == "" || seen.Ended != epoch {
		return false
	}
	r.finish(seen.Ended)
	if !seen.Exists {
		r.pool.Restart(fanout.Head{}, func(fanout.Subscriber) {})
	}
	return !seen.Exists
}

// unknown is the refusal of a seat that the session does not have.
func (a *arrival) unknown(seen fanout.Seen) error {
	since := a.join.Since
	if seen.Ended != "" && (!seen.Exists || since != nil && since.Epoch == seen.Ended) {
		return errEnded
	}
	return errSeatUnknown
}
