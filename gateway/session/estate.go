package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// Estate is the sessions of replicas that are gone. Where all members of a
// session were on one of them, nobody is left who would notice.
type Estate interface {
	// Orphans returns sessions that replicas served whose leases have ended without
	// being given up, at most n, drawn at random: so several replicas share the work.
	Orphans(ctx context.Context, n int) (sessions []string, err error)
	// Settle tells that these were seen to.
	Settle(ctx context.Context, sessions []string) error
}

// orphansAtOnce is how many sessions a replica looks at together.
const orphansAtOnce = 64

// inherit looks at what replicas have left that are gone, once for each time
// that one went: behind the round in which the rooms here were, and beside the
// next rounds, which must not wait for it.
func (w *watch) inherit(ctx context.Context, v verdict) {
	if w.estate == nil || !v.judging || !w.gone.Load() || !w.inheriting.CompareAndSwap(false, true) {
		return
	}
	w.gone.Store(false)
	w.parts.Go(func() {
		defer w.inheriting.Store(false)
		w.takeOver(ctx)
	})
}

func (w *watch) takeOver(ctx context.Context) {
	for {
		sessions, err := w.estate.Orphans(ctx, orphansAtOnce)
		for try := 0; err != nil && try < 10 && pause(ctx, sayAgain); try++ {
			sessions, err = w.estate.Orphans(ctx, orphansAtOnce)
		}
		if err != nil || len(sessions) == 0 {
			return
		}
		w.adopt(ctx, sessions)
		if w.estate.Settle(ctx, sessions) != nil || ctx.Err() != nil {
			return // somebody else sees to them, or this replica when it looks again
		}
	}
}

// pause reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// adopt takes the connections of dead replicas out of sessions, a few at a time,
// and returns when that is done, or cannot be.
func (w *watch) adopt(ctx context.Context, sessions []string) {
	var visits sync.WaitGroup
	left := make(chan string)
	for range reconcilesAtOnce {
		visits.Go(func() {
			for id := range left {
				w.visit(ctx, id)
			}
		})
	}
	for _, id := range sessions {
		left <- id
	}
	close(left)
	visits.Wait()
}

func (w *watch) visit(ctx context.Context, id string) {
	pool, err := w.service.hub.Open(ctx, id)
	if err != nil {
		return
	}
	visited := make(chan struct{})
	if r := pool.Owner().(*room); r.occupied() {
		defer pool.Close()
		if !w.rounds.see(r, func() { close(visited) }) {
			return
		}
	} else {
		(&ward{room: r, visited: visited}).visit()
	}
	select {
	case <-visited:
	case <-ctx.Done():
	}
}

// ward is a session without members here that is kept until nobody in it is
// waited for: the room then has those offline whose grace is over.
type ward struct {
	*room
	next    int64         // when the next grace is over, as bury found it, milliseconds since 1970; 0: nobody is waited for
	visited chan struct{} // closed when the first visit is over
	once    sync.Once
}

// visit reads the session first: mostly there is nothing to take out, because
// everybody is back, or another replica was here.
func (w *ward) visit() {
	w.pool.Look(&fanout.Look{Seen: func(st fanout.State, seen fanout.Seen) {
		ros, alive := st.(*roster), w.service.alive.Load()
		switch {
		case seen.Err != nil && !errors.Is(seen.Err, fanout.ErrStopped):
			time.AfterFunc(sayAgain, w.visit)
		case seen.Err != nil || !seen.Exists || alive == nil:
			w.visitAgain(0)
		case ros.hasDead(*alive):
			w.bury(*alive)
		default:
			w.wake(ros)
			w.visitAgain(ros.nextExpiry())
		}
	}})
}

func (w *ward) bury(alive map[string]bool) {
	w.pool.Propose(&fanout.Proposal{To: w, Decide: func(st fanout.State) (fanout.Change, error) {
		ros := st.(*roster)
		c := ros.bury(alive, w.service.options.Grace, time.Now())
		w.next = ros.nextExpiry()
		w.wake(ros)
		return c, nil
	}})
}

// Settled implements fanout.Settler.
func (w *ward) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	switch {
	case errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown):
		time.AfterFunc(sayAgain, w.visit)
	case s.Err != nil:
		w.visitAgain(0)
	default:
		w.visitAgain(w.next)
	}
}

// visitAgain ends a visit. The next one is behind the end of a grace.
func (w *ward) visitAgain(next int64) {
	w.once.Do(func() { close(w.visited) })
	if next == 0 {
		w.pool.Close()
		return
	}
	time.AfterFunc(time.Until(time.UnixMilli(next))+time.Second+rand.N(sayAgain), w.visit)
}
