package connection

import (
	"context"
	"sync"
	"time"
)

// longestTurn is how long whoever goes through the turnstile keeps others out, so
// that a store that answers slowly does not hold up those who come.
const longestTurn = 4 * time.Millisecond

// turnstile lets a few handshakes and joins go on at once. When a replica dies
// thousands come together, and all of them at work at once leave no processor to
// the events of those who are in. Joins of one session go through together, as they
// share reads and appends; and joins go before handshakes, as they are further.
//
// Measured with BenchmarkFailover and -failover-jitter 100ms on two cores: the others'
// median went from 1.4 ms to 155, and goes to 2 or 3; the last was back after 2.8 s,
// and is after 2.7 to 3.4.
//
// Its methods may be called concurrently.
type turnstile struct {
	mu         sync.Mutex // guards the following, and what parties hold
	free       int        // turns
	joins      []*party   // waiting, the first first; some may be over
	handshakes []*party   // the same
	sessions   map[string]*party
}

// party has one turn.
type party struct {
	session string        // empty: a handshake
	here    int           // who wait, or have not left
	goes    chan struct{} // closed when it is let through; nil if it was at once
	open    bool
	over    bool // its turn has ended, or nobody waits for it any more
	timer   *time.Timer
}

// newTurnstile has that many turns.
func newTurnstile(turns int) *turnstile {
	return &turnstile{free: turns, sessions: make(map[string]*party)}
}

// enter waits for a turn: for a join of a session, or, without one, for a handshake.
// leave is to be called at its end, unless ctx has ended before it began.
func (t *turnstile) enter(ctx context.Context, session string) (leave func(), err error) {
	p, wait := t.come(session)
	if wait {
		select {
		case <-p.goes:
		case <-ctx.Done():
			t.leave(p)
			return nil, context.Cause(ctx)
		}
	}
	return func() { t.leave(p) }, nil
}

func (t *turnstile) come(session string) (p *party, wait bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p = t.sessions[session]
	switch {
	case p != nil:
	case session == "":
		p = new(party)
		t.handshakes = append(t.handshakes, p)
	default:
		p = &party{session: session}
		t.sessions[session] = p
		t.joins = append(t.joins, p)
	}
	p.here++
	t.pass()
	if p.open {
		return p, false
	}
	if p.goes == nil {
		p.goes = make(chan struct{})
	}
	return p, true
}

func (t *turnstile) leave(p *party) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.here--; p.here == 0 {
		t.end(p)
	}
}

// pass lets through whom there are turns for.
func (t *turnstile) pass() {
	for t.free > 0 {
		p := next(&t.joins)
		if p == nil {
			p = next(&t.handshakes)
		}
		if p == nil {
			return
		}
		t.free--
		p.open = true
		if p.goes != nil {
			close(p.goes)
		}
		p.timer = time.AfterFunc(longestTurn, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.end(p)
		})
	}
}

// next takes the first that is not over; nil if there is none.
func next(queue *[]*party) *party {
	for len(*queue) > 0 {
		p := (*queue)[0]
		(*queue)[0] = nil
		if *queue = (*queue)[1:]; !p.over {
			return p
		}
	}
	return nil
}

// end ends a party's turn, if that has not ended yet. Who comes now for its
// session waits for another one.
func (t *turnstile) end(p *party) {
	if p.over {
		return
	}
	p.over = true
	if p.session != "" {
		delete(t.sessions, p.session)
	}
	if p.open {
		p.timer.Stop()
		t.free++
		t.pass()
	}
}
