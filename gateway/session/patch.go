package session

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// ErrNoPatch tells that sessions of this kind cannot be patched.
var ErrNoPatch = errors.New("sessions of this kind cannot be patched; the kind document can")

// Patch applies a JSON merge patch (RFC 7396) to the state of a session, and
// returns the session behind it. With at, it does so only if the session is at
// that position. Errors: ErrNone, ErrMoved, ErrNoPatch, a *wire.Error for what
// is wrong with the patch, or one of package fanout.
func (s *Service) Patch(ctx context.Context, id string, patch json.RawMessage, at *wire.Position) (Snapshot, error) {
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return Snapshot{}, err
	}
	defer pool.Close()
	p := &patching{id: id, patch: patch, at: time.Now(), done: make(answers, 1)}
	pool.Owner().(*room).requestBackend(&fanout.Proposal{At: (*fanout.Position)(at), To: p, Decide: p.decide})
	if err := outcome(p.done.wait(ctx)); err != nil {
		return Snapshot{}, err
	}
	if p.repeated {
		return s.snapshot(ctx, pool) // the answer of the log was lost
	}
	return p.after, nil
}

// patching is a patch under way. Its methods run on the desk's goroutine.
type patching struct {
	id    string
	patch json.RawMessage
	at    time.Time

	roster   *roster
	after    Snapshot
	repeated bool
	done     answers
}

func (p *patching) decide(st fanout.State) (change fanout.Change, err error) {
	p.roster = st.(*roster)
	if !p.roster.exists {
		return change, ErrNone
	}
	state, ok := p.roster.state.(kind.Patcher)
	if !ok {
		return change, ErrNoPatch
	}
	result, err := state.Patch(p.patch)
	if err != nil {
		return change, err
	}
	p.roster.take(&change, result, speaker{}, p.at)
	return change, nil
}

// Settled implements fanout.Settler.
func (p *patching) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if p.repeated = s.Repeated; s.Err == nil && !s.Repeated {
		p.after = p.roster.snapshot(p.id, s.Head.Position)
	}
	p.done <- s.Err
}
