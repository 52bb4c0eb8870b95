package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// ErrNoMember tells that a session has no such member.
var ErrNoMember = errors.New("the session has no such member")

// Detail is a session as operators see it: who is in it, over which connections.
// The kind's state is not in it.
type Detail struct {
	wire.SessionInfo
	Created int64
	Owner   string // member id; may be empty
	Members []Seat // in the order in which they joined
}

// Seat is a member with all connections, on whichever replicas.
type Seat struct {
	wire.Member
	Joined      int64
	Until       int64 // when reconnecting becomes offline; 0 otherwise
	Connections []Connection
}

// Connection is one connection of a member.
type Connection struct {
	Client  string
	Replica string // the incarnation of its process
	Since   int64  // when it asked to join
}

// Detail returns a session. Errors: ErrNone, or one of package fanout. Times are in
// milliseconds since 1970.
func (s *Service) Detail(ctx context.Context, id string) (Detail, error) {
	v, err := s.hub.Read(ctx, id, &fanout.Query{})
	switch {
	case err != nil:
		return Detail{}, err
	case !v.Exists:
		return Detail{}, ErrNone
	}
	r := roster{kinds: s.kinds}
	if err := r.Load(v.Head, v.State); err != nil {
		return Detail{}, err
	}
	d := Detail{Created: r.info.Created, Owner: r.info.Owner, SessionInfo: wire.SessionInfo{
		ID: id, Kind: r.info.Kind, Epoch: v.Epoch, Offset: v.Offset}}
	for _, m := range r.members {
		seat := Seat{Member: r.shown(m), Joined: m.Joined, Until: m.Until}
		for _, c := range m.Conns {
			seat.Connections = append(seat.Connections, Connection{c.Client, c.Replica, c.At})
		}
		d.Members = append(d.Members, seat)
	}
	return d, nil
}

// Remove takes a member out of a session, as its owner may: the others see
// member.left, and the member's connections are closed with 4505, on all replicas.
// Errors: ErrNone, ErrNoMember, or one of package fanout.
func (s *Service) Remove(ctx context.Context, id, member string) error {
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return err
	}
	defer pool.Close()
	answer, tried := make(answers, 1), false
	pool.Propose(&fanout.Proposal{To: answer, Decide: func(st fanout.State) (fanout.Change, error) {
		r := st.(*roster)
		switch m := r.byID(member); {
		case !r.exists:
			return fanout.Change{}, ErrNone
		case m != nil:
			tried = true
			return r.quit(m, reasonRemoved, time.Now()), nil
		case tried:
			return fanout.Change{}, nil // done before, and only the answer was lost
		}
		return fanout.Change{}, ErrNoMember
	}})
	return outcome(answer.wait(ctx))
}

// Serving returns the ids of the sessions with a connection on this replica, in order.
func (s *Service) Serving() []string {
	var ids []string
	for _, p := range s.hub.Pools() {
		if p.Owner().(*room).occupied() {
			ids = append(ids, p.Session())
		}
	}
	slices.SortFunc(ids, cmp.Compare)
	return ids
}

func (r *room) occupied() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.local) > 0
}
