package session

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// room is what stands beside the pool of one session on this replica: its
// participants here. It implements fanout.Owner.
type room struct {
	service *Service
	pool    *fanout.Pool

	suspect    atomic.Bool   // the roster may be wrong about who is here; see rounds
	reconciled atomic.Uint64 // the revision that was compared last with what is here
	missed     uint64        // of the pool, at the last turn of the watch, whose it is
	heads      atomic.Pointer[headcount]

	telling sync.Mutex // held while everybody is told a new position; taken before the pool's and members' locks

	asking sync.Mutex // held while a backend's request gets its ref and is handed in
	asked  uint64     // the last one of these refs; guarded by asking

	mu    sync.Mutex // guards the following
	local []*Participant
	taps  map[*tap]struct{} // who looks on
	due   *time.Timer       // when somebody's grace is over
	dueAt time.Time
	alarm *time.Timer   // when the kind's deadline is reached
	armed kind.Deadline // that one
	paces map[string]*pace
	wrong pace   // passcodes
	ended string // the epoch that was ended last, as far as this replica knows
}

func newRoom(s *Service, p *fanout.Pool) *room {
	return &room{service: s, pool: p, wrong: pace{times: wrongTries, within: wrongTriesWithin}}
}

// State implements fanout.Owner.
func (r *room) State() fanout.State {
	return &roster{kinds: r.service.kinds, heads: &r.heads, newest: func() uint64 { return r.pool.Head().Rev }}
}

// note is what one replica tells the others beside the events.
type note struct {
	Replaced *connRef `json:"replaced,omitempty"` // this connection has been replaced
	Gone     string   `json:"gone,omitempty"`     // this member gave up, or lost, the seat
	Reason   string   `json:"reason,omitempty"`   // left, removed
	Check    int64    `json:"check,omitempty"`    // somebody's grace ends then, milliseconds since 1970
	Due      int64    `json:"due,omitempty"`      // the kind's deadline is then, with
	Token    uint64   `json:"token,omitempty"`    // that token
	News     []string `json:"news,omitempty"`     // these members have something private to hear;
	By       string   `json:"by,omitempty"`       // this replica's incarnation has told those it has
	Ended    bool     `json:"ended,omitempty"`    // the session is over
}

// Note implements fanout.Owner.
func (r *room) Note(b []byte) {
	var n note
	if json.Unmarshal(b, &n) != nil {
		return // of a newer version
	}
	if n.Replaced != nil && n.Replaced.Replica == r.service.incarnation {
		r.end(func(p *Participant) bool { return p.number == n.Replaced.Number }, errReplaced)
	}
	if n.Gone != "" {
		e := errRemoved
		if n.Reason == reasonLeft {
			e = errLeft
		}
		r.end(func(p *Participant) bool { return p.member == n.Gone }, e)
	}
	if n.Check != 0 {
		r.checkAt(time.UnixMilli(n.Check))
	}
	if n.Token != 0 {
		r.arm(kind.Deadline{At: time.UnixMilli(n.Due), Token: n.Token})
	}
	if len(n.News) > 0 && n.By != r.service.incarnation {
		r.news(n.News)
	}
	if n.Ended {
		r.finish(r.pool.Head().Epoch)
	}
}

var (
	errReplaced = &wire.Error{Code: wire.CodeReplaced, Close: wire.CloseReplaced,
		Message: "the same client has connected anew"}
	// A join that waited for the store while its client gave up and connected
	// anew must not end the newer connection. Its close code lets a client come
	// back, in case that the clocks of two replicas differ.
	errOvertaken = &wire.Error{Code: wire.CodeReplaced, Close: wire.CloseRebalanced, Retry: true,
		Message: "a newer connection of the same client is there already"}
	errRemoved = &wire.Error{Code: wire.CodeRemoved, Close: wire.CloseRemoved,
		Message: "this member was removed from the session"}
	errLeft = &wire.Error{Close: wire.CloseNormal, Message: "left"}
)

// end closes the participants that which picks. They are gone for the session already.
func (r *room) end(which func(p *Participant) bool, e *wire.Error) (ended []*Participant) {
	for _, p := range r.everyone() {
		if which(p) {
			p.over.Store(true)
			p.conn.End(e)
			ended = append(ended, p)
		}
	}
	return ended
}

// enter adds a participant who was welcomed in an epoch. It reports whether that
// epoch was ended meanwhile.
func (r *room) enter(p *Participant, epoch string) (ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.index = len(r.local)
	r.local = append(r.local, p)
	return r.ended == epoch
}

func (r *room) exit(p *Participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.local) - 1
	r.local[p.index] = r.local[last]
	r.local[p.index].index = p.index
	r.local[last] = nil
	r.local = r.local[:last]
}

// checkAt has the roster checked for members whose grace is over. Every replica
// with members of the session does, each at a slightly different moment; the
// first does the work and the others find nothing to do.
func (r *room) checkAt(at time.Time) {
	at = at.Add(rand.N(500 * time.Millisecond))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due != nil && r.dueAt.Before(at) && time.Now().Before(r.dueAt) {
		return // that check finds the next one to come
	}
	if r.due != nil {
		r.due.Stop()
	}
	r.dueAt = at
	r.due = time.AfterFunc(time.Until(at), r.check)
}

func (r *room) check() {
	r.pool.Propose(&fanout.Proposal{To: checked{r}, Decide: func(s fanout.State) (fanout.Change, error) {
		ros := s.(*roster)
		if !ros.exists {
			return fanout.Change{}, nil
		}
		now := time.Now()
		change := ros.expire(now)
		ros.forget(&change, &r.service.options, now)
		ros.moved(&change, now)
		if next := ros.nextExpiry(); next != 0 {
			r.checkAt(time.UnixMilli(next))
		}
		return change, nil
	}})
}

// checked hears of a check. One that failed is made again.
type checked struct{ *room }

func (c checked) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown) {
		c.checkAt(time.Now().Add(sayAgain))
	}
}

// Lost implements fanout.Owner: everybody here gets the state as it is now.
func (r *room) Lost(ctx context.Context, why fanout.Loss) error {
	reason := wire.ReasonReset
	if why == fanout.LossBeyond {
		reason = wire.ReasonLagged
	}
	answer := make(chan error, 1)
	r.pool.Look(&fanout.Look{Seen: func(s fanout.State, seen fanout.Seen) {
		ros := s.(*roster)
		switch {
		case seen.Err != nil:
			answer <- seen.Err
		case r.missedEnd(seen):
			answer <- nil
		case !seen.Exists || why == fanout.LossReset && !r.seated(ros):
			r.reseat()
			answer <- errAgain
		default:
			r.end(func(p *Participant) bool { return !p.over.Load() && ros.byID(p.member) == nil }, errRemoved)
			r.tell(ros, seen.Head, reason)
			if reason == wire.ReasonReset {
				r.service.Stats.Resets.Add(1)
			}
			answer <- nil
		}
	}})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell restarts the pool at a head, with the state there for everybody.
func (r *room) tell(ros *roster, head fanout.Head, reason string) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.pool.Restart(head, func(to fanout.Subscriber) {
		switch to := to.(type) {
		case *Participant:
			to.conn.Start(to.stateMessage(ros, head, reason), head.Offset)
		case *tap:
			to.start(ros, head, reason)
		}
	})
}

var errAgain = errors.New("the session is being made anew")

// seated reports whether everybody here has a seat in the roster.
func (r *room) seated(ros *roster) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.local {
		if !p.over.Load() && ros.byID(p.member) == nil {
			return false
		}
	}
	return true
}

// reseat gives everybody here the seat back that a log without its past has
// forgotten. If there is no session at all it is made anew, first from what this
// replica knew.
func (r *room) reseat() {
	local := r.everyone()
	r.pool.Propose(&fanout.Proposal{Create: len(local) > 0, Decide: func(s fanout.State) (fanout.Change, error) {
		ros, now := s.(*roster), time.Now()
		if !ros.exists && len(local) > 0 && !ros.Revive() {
			if ros.former != nil {
				return fanout.Change{}, errAgain
			}
			if err := ros.create(r.service.options.DefaultKind, nil, now); err != nil {
				return fanout.Change{}, err
			}
		}
		var c fanout.Change
		for _, p := range local {
			if p.over.Load() || ros.byID(p.member) != nil {
				continue
			}
			m := &member{ID: p.member, Name: p.name, Seat: p.seat, Status: wire.StatusOnline,
				Joined: now.UnixMilli(), Conns: []connRef{p.ref()}}
			ros.add(m)
			appendEvent(&c, body(eventJoined, "", ros.shown(m), now))
		}
		ros.moved(&c, now)
		return c, nil
	}})
}
