package session

import (
	"context"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

const (
	// reconcileEvery is how often a session is looked at that has changed. What a lost
	// note did not tell is found out then.
	reconcileEvery = 10 * time.Second
	// roundSpan is the time over which a round is spread, and roundGap the longest
	// pause between two rooms. When a replica has died all its sessions are suspect at
	// once, and whoever is in them must not wait behind all that; and yet it is to be
	// seen within 10 s.
	roundSpan = 2500 * time.Millisecond
	roundGap  = 5 * time.Millisecond
	// reconcilesAtOnce is how many sessions are read together at most.
	reconcilesAtOnce = 4
)

// verdict is which replicas are alive, and whether those that are not are to be
// taken for dead.
type verdict struct {
	alive   map[string]bool
	judging bool
}

// rounds reconciles the rooms that are suspect, a few at a time, beside the
// renewals, which must not wait for it.
type rounds struct {
	hub     *fanout.Hub
	verdict atomic.Pointer[verdict] // the newest
	wake    chan struct{}           // of capacity 1, as anew
	anew    chan struct{}           // a round that is under way is to begin anew
	after   func(verdict)           // called behind a round
}

func newRounds(hub *fanout.Hub) rounds {
	return rounds{hub: hub, wake: make(chan struct{}, 1), anew: make(chan struct{}, 1)}
}

var phases = maphash.MakeSeed()

// mayCompare spreads the sessions over the turns of reconcileEvery: 1,250 busy ones,
// read at once, kept everybody in them waiting for 400 ms (BenchmarkFailover).
func (w *watch) mayCompare(p *fanout.Pool) bool {
	const turns = uint64(reconcileEvery / leaseRenew)
	return maphash.String(phases, p.Session())%turns == w.turns%turns
}

// misses reports whether something got lost on the way here since the last call.
func (r *room) misses() bool {
	before := r.missed
	r.missed = r.pool.Missed()
	return r.missed != before
}

// begin has the rooms that are suspect looked at: after the round that is under
// way, or at once.
func (r *rounds) begin(v verdict, atOnce bool) {
	r.verdict.Store(&v)
	signal(r.wake)
	if atOnce {
		signal(r.anew)
	}
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func (r *rounds) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
			if r.round(ctx) {
				r.after(*r.verdict.Load())
			}
		case <-ctx.Done():
			return
		}
	}
}

// see reconciles a room if it is suspect; otherwise it reports false. What fails
// waits for the next round.
func (r *rounds) see(room *room, done func()) bool {
	if !room.suspect.Swap(false) {
		return false
	}
	room.reconcile(*r.verdict.Load(), func(err error) {
		if err != nil {
			room.suspect.Store(true)
		}
		done()
	})
	return true
}

// round goes through the rooms that are suspect. It reports false if it has not
// come to an end, because ctx has, or because another one is to begin.
func (r *rounds) round(ctx context.Context) bool {
	select {
	case <-r.anew: // it does
	default:
	}
	rooms := r.suspects()
	places := make(chan struct{}, reconcilesAtOnce)
	leave := func() { <-places }
	began, gap := time.Now(), min(roundGap, roundSpan/time.Duration(max(1, len(rooms))))
	for i, room := range rooms {
		if i%reconcilesAtOnce == 0 && !r.pause(ctx, time.Until(began.Add(gap*time.Duration(i)))) {
			return false
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		if !r.see(room, leave) {
			leave()
		}
	}
	for range cap(places) { // until the last one is done
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (r *rounds) suspects() (rooms []*room) {
	for _, p := range r.hub.Pools() {
		if room := p.Owner().(*room); room.suspect.Load() {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// pause reports false if ctx ended, or another round is to begin.
func (r *rounds) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.anew:
		signal(r.wake)
		return false
	case <-ctx.Done():
		return false
	}
}

// reconcile compares the roster with what is here and with who is alive: it
// notes connections that the roster has lost, ends those whose seat is gone,
// and, if it is to judge, takes out those of replicas that are not alive. done
// hears when that has been settled.
func (r *room) reconcile(v verdict, done func(err error)) {
	r.pool.Look(&fanout.Look{Heard: true, Seen: func(st fanout.State, seen fanout.Seen) {
		ros := st.(*roster)
		if seen.Err != nil || !seen.Exists || seen.Head.Epoch != r.pool.Head().Epoch {
			done(seen.Err) // Lost brings everybody up to date, and seats them anew
			return
		}
		dead := ros.hasDead(v.alive)
		r.reconciled.Store(seen.Head.Rev)
		for _, p := range r.everyone() {
			m := ros.byID(p.member)
			switch {
			case p.over.Load():
			case m == nil:
				p.over.Store(true)
				p.conn.End(errRemoved)
			case m.has(p.ref()):
				p.tellPrivate(ros)
			case p.noted.Load() && m.hasClient(p.client):
				p.over.Store(true)
				p.conn.End(errReplaced)
			default:
				r.pool.Propose(p.connect(connected{p}))
			}
		}
		r.wake(ros)
		switch {
		case dead && v.judging:
			r.pool.Propose(&fanout.Proposal{To: buried(done), Decide: func(st fanout.State) (fanout.Change, error) {
				return st.(*roster).bury(v.alive, r.service.options.Grace, time.Now()), nil
			}})
			return
		case dead:
			r.suspect.Store(true)
		}
		done(nil)
	}})
}

// buried hears that the connections of dead replicas were taken out.
type buried func(err error)

func (b buried) Settled(_ *fanout.Proposal, s fanout.Settlement) { b(s.Err) }
