package session

import (
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// maxInFlight bounds the requests of one connection that wait for the log.
const maxInFlight = 256

// Participant is one connection of a member in a session. Publish, Command, Known
// and Leave are called by one goroutine at a time; Gone once, after them. Behind
// may be called concurrently.
type Participant struct {
	service *Service
	room    *room
	pool    *fanout.Pool
	conn    Conn

	member  string // id
	name    string // for a log that has forgotten it
	claimed string // the name that a token says; empty if none does
	seat    string // hash of the secret
	client  string
	scope   string // of this client's refs in the log
	by      string // names the connection there
	number  uint64
	at      int64 // when it asked to join, milliseconds since 1970
	index   int   // in room.local

	over     atomic.Bool  // the seat or the connection is taken away; nothing to tell
	noted    atomic.Bool  // the roster has had this connection
	inFlight atomic.Int32 // publishes and commands that wait for the log
	taken    fanout.Taken // which refs of the client took effect before this connection came,
	takenBy  uint64       // up to which offset; set before anything is read from it
	leaving  bool         // the leave was handed in

	reserves func(event string) bool // events that it must not publish; set before it is welcomed

	// The desk's.
	replaces []connRef // of this client, ended here when this one came
	returned bool      // a person's seat was there after all
	told     []byte    // what the kind has told this member alone, last

	mu       sync.Mutex       // guards the following
	welcomed bool             // it was attached, or got a piece of its replay
	link     *fanout.Link     // nil while not attached
	partway  *fanout.Position // of the last piece of a replay, as long as the next one is due
	gone     bool             // never to be attached again
}

var errGone = errors.New("the connection has ended")

// Member returns the member's id.
func (p *Participant) Member() string { return p.member }

func (p *Participant) ref() connRef {
	return connRef{Client: p.client, Replica: p.service.incarnation, Number: p.number, At: p.at}
}

// Deliver implements fanout.Subscriber.
func (p *Participant) Deliver(f *fanout.Frame) { p.conn.Deliver(f) }

// Session returns the session's id.
func (p *Participant) Session() string { return p.pool.Session() }

// Settle has a command count that the connection has dealt with itself: it is
// acknowledged, and its ref is taken.
func (p *Participant) Settle(ref uint64) {
	if !p.silent() && p.admit(ref) {
		p.pool.Propose(&fanout.Proposal{Client: p.scope, By: p.by, Ref: ref, To: p})
	}
}

// Refuse tells that a command will never count.
func (p *Participant) Refuse(e *wire.Error) { p.reject(e) }

// Publish tells everyone in the session. The message's slices are not kept.
func (p *Participant) Publish(m *wire.Publish) {
	if p.silent() {
		return
	}
	if e := p.mayPublish(m); e != nil {
		p.reject(e)
		return
	}
	at := time.Now().UnixMilli()
	event := wire.EventBody{At: at, Event: m.Event, From: p.member, Client: p.client, Ref: m.Ref, Data: m.Data}
	if m.Ephemeral {
		p.service.Stats.Passing.Add(1)
		event.Ref = 0
		key := ""
		if len(m.Key) > 0 {
			key = p.member + " " + string(m.Key)
		}
		passing := fanout.AppendEphemeral(nil, key, wire.AppendEventBody(nil, &event))
		p.pool.Propose(&fanout.Proposal{Change: fanout.Change{Passing: passing}})
		return
	}
	if !p.admit(m.Ref) {
		return
	}
	p.service.Stats.Publishes.Add(1)
	size := 128 + len(m.Event) + len(m.Data) + len(p.client)
	text := wire.AppendEventBody(make([]byte, 0, size), &event)
	p.pool.Propose(&fanout.Proposal{Client: p.scope, By: p.by, Ref: m.Ref, To: p,
		Change: fanout.Change{Events: 1, Records: fanout.AppendEvent(make([]byte, 0, len(text)+4), text)}})
}

// mayPublish refuses events that only the gateway, or the session's kind, may tell.
func (p *Participant) mayPublish(m *wire.Publish) *wire.Error {
	if reserved(m.Event) || p.reserves != nil && p.reserves(string(m.Event)) {
		return &wire.Error{Code: wire.CodeForbidden, Ref: m.Ref,
			Message: "members may not publish " + string(m.Event) + ": it is the session's own"}
	}
	return nil
}

// Command asks the session's kind. The message's slices are not kept.
func (p *Participant) Command(m *wire.Command) {
	if p.silent() {
		return
	}
	if !p.admit(m.Ref) {
		if p.taken.Has(m.Ref) { // who told the news is not known
			p.room.news([]string{p.member})
		}
		return
	}
	p.service.Stats.Commands.Add(1)
	c := &command{name: string(m.Command), data: append(json.RawMessage(nil), m.Data...), ref: m.Ref, from: p}
	p.pool.Propose(&fanout.Proposal{Client: p.scope, By: p.by, Ref: m.Ref, To: c, Decide: c.decide})
}

// silent reports whether the connection speaks for no member any more: what is
// still read from it until it is closed does not count.
func (p *Participant) silent() bool { return p.leaving || p.over.Load() }

// admit reports whether a request may be handed in, and answers if not. Of what
// came before this connection it is known what has become; of all else the log
// decides.
func (p *Participant) admit(ref uint64) bool {
	switch {
	case p.Known(ref):
		return false
	case p.inFlight.Load() >= maxInFlight:
		p.reject(&wire.Error{Code: wire.CodeSlowDown, Ref: ref, Retry: true, After: time.Second,
			Message: "too many requests wait for the store"})
		return false
	}
	p.inFlight.Add(1)
	return true
}

// Known answers a request that came before this connection did. It reports false
// if there is none of that ref: then it has not taken effect, and only this
// connection can bring it about.
func (p *Participant) Known(ref uint64) bool {
	switch {
	case ref == 0 || ref > p.taken.Last:
		return false
	case p.taken.Has(ref):
		p.service.Stats.Repeats.Add(1)
		p.conn.Send(wire.AppendAck(nil, ref, max(p.takenBy, p.pool.Head().Offset)))
	default:
		p.reject(refusal(fanout.ErrSkipped, ref))
	}
	return true
}

func (p *Participant) reject(e *wire.Error) {
	p.service.Stats.Rejected.Add(1)
	p.conn.Send(e.Encode())
}

// Settled implements fanout.Settler for publishes; see [command.Settled].
func (p *Participant) Settled(pr *fanout.Proposal, s fanout.Settlement) {
	p.inFlight.Add(-1)
	switch {
	case errors.Is(s.Err, fanout.ErrClaimed): // the client is told over its new connection; this one is being ended
	case s.Err != nil:
		e := refusal(s.Err, pr.Ref)
		if e.Close != 0 {
			p.conn.End(e)
			return
		}
		p.reject(e)
	case s.Repeated:
		p.service.Stats.Repeats.Add(1)
		p.conn.Send(wire.AppendAck(nil, pr.Ref, s.Last))
	case pr.Events == 0:
		p.conn.Send(wire.AppendAck(nil, pr.Ref, s.Last))
	}
}

// Leave gives up the seat. The connection is closed when that is done.
func (p *Participant) Leave() {
	p.leaving = true
	p.pool.Propose(&fanout.Proposal{To: leaving{p}, Decide: func(s fanout.State) (fanout.Change, error) {
		r := s.(*roster)
		if m := r.byID(p.member); m != nil {
			return r.quit(m, reasonLeft, time.Now()), nil
		}
		return fanout.Change{}, nil
	}})
}

// leaving ends the connection when its leave has been settled.
type leaving struct{ *Participant }

func (l leaving) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if s.Err != nil {
		l.conn.End(ending(s.Err))
		return
	}
	l.over.Store(true)
	l.conn.End(errLeft)
}

// Gone tells that the connection has ended. The others see it after the blink,
// if the member has not come back by then.
func (p *Participant) Gone() {
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	p.detach()
	p.room.exit(p)
	p.service.Stats.Present.Add(-1)
	if p.over.Load() {
		p.pool.Close()
		return
	}
	p.service.goodbye(p, Blink, p.disconnected)
}

// disconnected is the change that a connection is gone.
func (p *Participant) disconnected(r *roster) fanout.Change {
	return r.disconnect(p, p.service.options.Grace, time.Now())
}

func (p *Participant) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detachLocked()
}

func (p *Participant) detachLocked() {
	if p.link != nil {
		p.pool.Detach(p.link)
		p.link = nil
	}
}

// attach subscribes the connection behind a position; first is called before
// any frame is delivered. If more was to be read than it was given, the
// connection gets that piece only, and is subscribed later.
func (p *Participant) attach(from fanout.Position, read []fanout.Event, more bool, first func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone || p.over.Load():
		return errGone
	case more:
		p.welcomed = true
		p.pieceLocked(from, read, first)
		return nil
	}
	link, err := p.pool.Attach(p, from, read, first)
	if err == nil {
		p.welcomed, p.link = true, link
	}
	return err
}

// pieceLocked delivers a piece of a long replay. The next one follows when the
// socket has taken it, see Behind; so what waits for a connection is bounded
// however much it has missed.
func (p *Participant) pieceLocked(from fanout.Position, read []fanout.Event, first func()) {
	first()
	p.pool.Replay(p, read)
	p.partway = &from
	p.conn.More()
}

func (p *Participant) stateMessage(r *roster, head fanout.Head, reason string) []byte {
	p.knows(r)
	return (&wire.StateMessage{Session: p.sessionInfo(r, head.Position), Members: r.membersJSON(),
		State: r.view(p.member), Reason: reason}).Encode()
}

func (p *Participant) sessionInfo(r *roster, at fanout.Position) wire.SessionInfo {
	return wire.SessionInfo{ID: p.pool.Session(), Kind: r.info.Kind, Epoch: at.Epoch, Offset: at.Offset}
}

func itoa(n int) string { return strconv.Itoa(n) }
