package session

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Errors of the methods for backends.
var (
	ErrExists = errors.New("the session exists already")
	ErrNone   = errors.New("there is no such session")
	ErrMoved  = errors.New("the session is at another position")
)

// Snapshot is a session as everyone may see it.
type Snapshot struct {
	wire.SessionInfo
	Members json.RawMessage `json:"members"`
	State   json.RawMessage `json:"state"`
}

// Position is where the session stands.
func (s Snapshot) Position() wire.Position { return wire.Position{Epoch: s.Epoch, Offset: s.Offset} }

// Create makes a session. An empty id is drawn, an empty kind is the default. Errors: ErrExists, a
// *wire.Error for what is wrong with the request, or one of package fanout.
func (s *Service) Create(ctx context.Context, id, kindName string, options json.RawMessage) (Snapshot, error) {
	if id == "" {
		id = randomID(16)
	}
	if kindName == "" {
		kindName = s.options.DefaultKind
	}
	switch {
	case !wire.ValidSessionID(id):
		return Snapshot{}, &wire.Error{Code: wire.CodeBadSession, Message: "id must be 1 to 64 characters of A-Z a-z 0-9 _ -"}
	case s.kinds[kindName] == nil:
		return Snapshot{}, &wire.Error{Code: wire.CodeBadData, Message: "this gateway does not know the kind " + kindName +
			"; it knows " + strings.Join(slices.Sorted(maps.Keys(s.kinds)), ", ")}
	}
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return Snapshot{}, err
	}
	defer pool.Close()
	answer, now, tried := make(answers, 1), time.Now(), false
	pool.Propose(&fanout.Proposal{Create: true, To: answer, Decide: func(st fanout.State) (fanout.Change, error) {
		r := st.(*roster)
		switch mine := tried && r.info.Kind == kindName && r.info.Created == now.UnixMilli(); {
		case r.exists && mine:
			return fanout.Change{}, nil // done before, and only the answer was lost
		case r.exists:
			return fanout.Change{}, ErrExists
		}
		tried = true
		return fanout.Change{}, r.create(kindName, options, now)
	}})
	if err := answer.wait(ctx); err != nil {
		return Snapshot{}, err
	}
	return s.snapshot(ctx, pool)
}

// Snapshot returns a session. Errors: ErrNone, or one of package fanout.
func (s *Service) Snapshot(ctx context.Context, id string) (Snapshot, error) {
	v, err := s.hub.Read(ctx, id, &fanout.Query{})
	switch {
	case err != nil:
		return Snapshot{}, err
	case !v.Exists:
		return Snapshot{}, ErrNone
	}
	r := roster{kinds: s.kinds}
	if err := r.Load(v.Head, v.State); err != nil {
		return Snapshot{}, err
	}
	return r.snapshot(id, v.Position), nil
}

// snapshot is the roster as everyone may see it, at a position.
func (r *roster) snapshot(id string, at fanout.Position) Snapshot {
	return Snapshot{Members: r.membersJSON(), State: r.view(""), SessionInfo: wire.SessionInfo{
		ID: id, Kind: r.info.Kind, Epoch: at.Epoch, Offset: at.Offset}}
}

func (s *Service) snapshot(ctx context.Context, pool *fanout.Pool) (Snapshot, error) {
	answer, seen := make(answers, 1), make(chan Snapshot, 1)
	pool.Look(&fanout.Look{Seen: func(st fanout.State, now fanout.Seen) {
		r := st.(*roster)
		switch {
		case now.Err != nil:
			answer <- now.Err
		case !now.Exists:
			answer <- ErrNone
		default:
			seen <- r.snapshot(pool.Session(), now.Head.Position)
			answer <- nil
		}
	}})
	if err := answer.wait(ctx); err != nil {
		return Snapshot{}, err
	}
	return <-seen, nil
}

// requestBackend hands in a request of a backend, with a ref of this replica, so
// that it is recognised when the answer of the log was lost.
func (r *room) requestBackend(pr *fanout.Proposal) {
	r.asking.Lock()
	defer r.asking.Unlock()
	if r.asked == 0 {
		r.asked = uint64(time.Now().UnixMicro()) // above those of earlier rooms of the session
	}
	r.asked++
	pr.Client, pr.Ref = "backend "+r.service.incarnation, r.asked
	r.pool.Propose(pr)
}

// Closed reports whether a session keeps people out who know its id, so that
// only backends may see and change it over HTTP. One that does not exist does
// not. Errors are those of package fanout.
func (s *Service) Closed(ctx context.Context, id string) (bool, error) {
	v, err := s.hub.Read(ctx, id, &fanout.Query{})
	if err != nil || !v.Exists {
		return false, err
	}
	r := roster{kinds: s.kinds}
	if err := r.Load(v.Head, v.State); err != nil {
		return false, err
	}
	c, ok := r.state.(kind.Closed)
	return ok && c.Closed(), nil
}

// outcome turns what the log says of a backend's request into our errors.
func outcome(err error) error {
	switch {
	case errors.Is(err, fanout.ErrMissing):
		return ErrNone
	case errors.Is(err, fanout.ErrMoved):
		return ErrMoved
	}
	return err
}

// answers takes one answer of the desk. It has capacity 1.
type answers chan error

// Settled implements fanout.Settler.
func (a answers) Settled(_ *fanout.Proposal, s fanout.Settlement) { a <- s.Err }

func (a answers) wait(ctx context.Context) error {
	select {
	case err := <-a:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settlements takes one settlement whole. It has capacity 1.
type settlements chan fanout.Settlement

// Settled implements fanout.Settler.
func (c settlements) Settled(_ *fanout.Proposal, s fanout.Settlement) { c <- s }
