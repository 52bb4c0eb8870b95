package session

import (
	"context"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

var errSeatUnknown = &wire.Error{Code: wire.CodeSeatUnknown, Close: wire.CloseJoinRefused,
	Message: "no member of this session has that seat"}

// Join lets a connection into a session. It returns when the welcome has been
// handed to the connection and the session knows of it, or with a *wire.Error
// that says how to refuse it. ctx bounds the wait for the welcome.
//
// What the client sends behind the welcome is to be read after that: by then no
// other connection of this client has anything under way, so that what it is
// told of its requests here is the truth everywhere.
func (s *Service) Join(ctx context.Context, session string, j *wire.Join, conn Conn) error {
	return s.JoinAs(ctx, session, j, Person{}, conn)
}

// JoinAs is Join for somebody who has proved who they are.
func (s *Service) JoinAs(ctx context.Context, session string, j *wire.Join, who Person, conn Conn) error {
	err := s.join(ctx, session, who.join(j), who, conn)
	if err != nil {
		s.Stats.Refused.Add(1)
		if j.Since != nil {
			s.Stats.Denied.Add(1)
		}
		return ending(err)
	}
	s.Stats.Present.Add(1)
	return nil
}

func (s *Service) join(ctx context.Context, session string, j *wire.Join, who Person, conn Conn) error {
	if j.Seat == "" && j.Name == "" && who.Subject == "" {
		return errNameless
	}
	pool, err := s.hub.Open(ctx, session)
	if err != nil {
		return err
	}
	p := &Participant{service: s, pool: pool, room: pool.Owner().(*room), conn: conn, name: j.Name, client: j.Client,
		number: s.numbers.Add(1), at: time.Now().UnixMilli()}
	p.by = s.incarnation + ":" + itoa(int(p.number))
	a := &arrival{Participant: p, join: j, who: who, secret: j.Seat, done: make(chan error, 1)}
	if who.Subject != "" {
		a.arrive()
	} else if j.Seat == "" {
		if err := a.mayTry(); err != nil {
			pool.Close()
			return err
		}
		a.secret, p.seat = newSeat()
		p.member = "m_" + randomID(10)
		p.scope = p.seat + " " + p.client
		a.sit()
	} else {
		p.seat = seatHash(j.Seat)
		p.scope = p.seat + " " + p.client
		a.look()
	}
	select {
	case err = <-a.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
		if !a.giveUp() {
			err = <-a.done
		}
	}
	if err != nil {
		a.refused()
	}
	return err
}

// arrival is a join under way. Its methods run on the desk's goroutine.
type arrival struct {
	*Participant
	join   *wire.Join
	who    Person // empty: nobody had to prove anything
	drawn  string // the id of a new seat of theirs
	secret string
	roster *roster    // with the new seat
	done   chan error // of capacity 1

	// Guarded by mu.
	pending bool                          // a request for a place in the roster is under way
	undo    func(r *roster) fanout.Change // takes out what it got; nil if nothing
}

// mayTry refuses a passcode where too many wrong ones were tried.
func (a *arrival) mayTry() error {
	ok, wait := a.room.mayTry()
	if ok || a.join.Passcode == "" {
		return nil
	}
	return &wire.Error{Code: wire.CodeSlowDown, Close: wire.CloseTooFast, Retry: true, After: wait,
		Message: "too many wrong passcodes were tried in this session"}
}

// giveUp ends the wait for a welcome. It reports false when that is being sent.
func (a *arrival) giveUp() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.welcomed {
		return false
	}
	a.gone = true
	return true
}

// refused lets everything go when the joiner was not welcomed. What the roster
// has of it, or is about to get, is taken out again.
func (a *arrival) refused() {
	a.over.Store(true)
	a.mu.Lock()
	a.gone = true
	undo, pending := a.undo, a.pending
	a.mu.Unlock()
	switch {
	case undo != nil:
		a.service.goodbye(a.Participant, 0, undo)
	case !pending:
		a.pool.Close()
	}
}

// ask hands in a request for a place in the roster, unless the joiner has given up.
func (a *arrival) ask(pr *fanout.Proposal) {
	if a.asks() {
		a.pool.Propose(pr)
	}
}

func (a *arrival) asks() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = !a.gone
	return a.pending
}

// answered notes what became of it. It reports true if the joiner has not
// waited for that; then the caller lets go of everything.
func (a *arrival) answered(undo func(r *roster) fanout.Change) (gone bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.gone {
		a.pending, a.undo = false, undo
	}
	return a.gone
}

// sit asks for a new seat.
func (a *arrival) sit() {
	o := &a.service.options
	j := kind.Join{Member: a.member, Name: a.name, Role: a.join.Role, Passcode: a.join.Passcode}
	a.ask(&fanout.Proposal{Client: a.scope, By: a.by, Create: o.CreateOnJoin, To: seating{a}, Decide: func(s fanout.State) (fanout.Change, error) {
		a.roster = s.(*roster)
		if a.who.Subject != "" {
			return a.seatPerson(j, o, time.Now())
		}
		return a.roster.seatNew(a.Participant, j, o, time.Now())
	}})
}

// seating hears whether a new seat was given.
type seating struct{ *arrival }

func (t seating) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	var e *wire.Error
	if t.join.Passcode != "" && errors.As(s.Err, &e) {
		t.room.triedWrongly()
	}
	t.seated(s, func(r *roster) fanout.Change {
		if t.returned {
			return t.disconnected(r)
		}
		if m := r.byID(t.member); m != nil {
			return r.quit(m, reasonLeft, time.Now())
		}
		return fanout.Change{}
	})
}

// seated goes on when the roster has the connection. undo takes it out again,
// if the joiner is not welcomed after all.
func (a *arrival) seated(s fanout.Settlement, undo func(r *roster) fanout.Change) {
	if s.Err != nil && !errors.Is(s.Err, fanout.ErrUnknown) {
		undo = nil
	}
	switch gone := a.answered(undo); {
	case gone && undo != nil:
		a.service.goodbye(a.Participant, 0, undo)
		return
	case gone:
		a.pool.Close()
		return
	case s.Err != nil:
		a.done <- s.Err
		return
	}
	a.noted.Store(true)
	a.taken, a.takenBy = s.Taken, s.Head.Offset
	a.seen(a.roster, fanout.Seen{Exists: true, Head: s.Head}) // the roster is the one at that head
}

// look reads the session for a welcome.
func (a *arrival) look() {
	l := &fanout.Look{Client: a.scope, Seen: a.seen}
	if since := a.join.Since; since != nil {
		l.History, l.After = true, since.Offset
	}
	a.pool.Look(l)
}

func (a *arrival) seen(s fanout.State, seen fanout.Seen) {
	r, o := s.(*roster), &a.service.options
	if seen.Err != nil {
		a.done <- seen.Err
		return
	}
	m := r.bySeat(a.seat)
	switch {
	case !seen.Exists || m == nil:
		if err := a.unknown(seen); a.who.Subject == "" || a.join.Seat != "" && err == errEnded {
			a.done <- err
			return
		}
		if err := a.mayTry(); err != nil {
			a.done <- err
			return
		}
		a.sit() // whoever has a token needs no secret to be let in
		return
	case !r.admits(m, o.Capacity):
		a.done <- full(o)
		return
	}
	a.welcome(r, m, seen)
}

// connect is the request that the roster notes the connection of a seat. It ends
// what other connections of the client have under way.
func (p *Participant) connect(to fanout.Settler) *fanout.Proposal {
	return &fanout.Proposal{Client: p.scope, By: p.by, To: to, Decide: func(s fanout.State) (fanout.Change, error) {
		return s.(*roster).connect(p, &p.service.options, time.Now())
	}}
}

// connected hears that the roster has noted a connection that was welcomed before.
type connected struct{ *Participant }

func (c connected) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	switch {
	case s.Err == nil:
		c.noted.Store(true)
	case !c.over.Load(): // the last place went to somebody else meanwhile, or the store is away
		c.conn.End(ending(s.Err))
	}
}

// entering is a connection that was welcomed and waits for that.
type entering struct{ *arrival }

func (e entering) Settled(pr *fanout.Proposal, s fanout.Settlement) {
	connected{e.Participant}.Settled(pr, s)
	e.taken, e.takenBy = s.Taken, s.Head.Offset
	e.done <- nil
}

// welcome lets the connection in at what was seen. If the pool cannot take it
// there, it looks again.
func (a *arrival) welcome(r *roster, m *member, seen fanout.Seen) {
	a.member, a.name = m.ID, m.Name
	w := a.service.options.Welcome
	w.Replica = a.service.options.Replica
	w.You = wire.You{Member: m.ID, Seat: a.seatOf(m), Client: a.client}
	w.Acked = seen.Ref
	at, events, more := seen.Head.Position, []fanout.Event(nil), false
	since := a.since(m)
	if since != nil && seen.Complete && since.Epoch == seen.Head.Epoch && since.Offset <= seen.Head.Offset {
		w.Resumed = true
		at, events, more = fanout.Position(*since), seen.Events, seen.More
	} else {
		w.Members, w.State = r.membersJSON(), r.view(m.ID)
		a.knows(r)
	}
	a.reserves = a.service.reserves(r.info.Kind)
	w.Session = a.sessionInfo(r, at)
	message := w.Encode()
	switch err := a.attach(at, events, more, func() {
		a.conn.Joined(a.Participant)
		a.conn.Start(message, at.Offset)
	}); err {
	case nil:
		a.arrived(r, m, at.Epoch, w.Resumed)
	case errGone: // the joiner has given up
	default:
		time.AfterFunc(lookAgain, a.look)
	}
}

// arrived is called once for each connection that was let in.
func (a *arrival) arrived(r *roster, m *member, epoch string, resumed bool) {
	stats := &a.service.Stats
	switch {
	case resumed:
		stats.Resumes.Add(1)
	case a.join.Since != nil && a.join.Seat != "":
		stats.Snapshots.Add(1)
	case a.join.Seat != "":
		stats.Returns.Add(1)
	default:
		stats.Joins.Add(1)
	}
	ended := a.room.end(func(o *Participant) bool { return o.member == a.member && o.client == a.client && o.at <= a.at }, errReplaced)
	for _, o := range ended {
		a.replaces = append(append(a.replaces, o.ref()), o.replaces...)
	}
	if a.room.enter(a.Participant, epoch) {
		a.finish()
	}
	known := m.has(a.ref())
	if !known {
		a.pool.Propose(a.connect(entering{a}))
	}
	if alive := a.service.alive.Load(); alive != nil && r.hasDead(*alive) {
		a.room.suspect.Store(true)
	}
	a.room.wake(r)
	a.tellPrivate(r)
	if known {
		a.done <- nil
	}
}
