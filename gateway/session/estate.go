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
// that one went; beside the renewals, which must not wait for it.
func (w *watch) inherit(ctx context.Context) {
	if w.estate == nil || !w.gone || !w.inheriting.CompareAndSwap(false, true) {
		return
	}
	w.gone = false
	w.parts.Go(func() {
		defer w.inheriting.Store(false)
		w.service.inherit(ctx, w.estate)
	})
}

func (s *Service) inherit(ctx context.Context, e Estate) {
	for {
		sessions, err := e.Orphans(ctx, orphansAtOnce)
		for try := 0; err != nil && try < 10 && pause(ctx, sayAgain); try++ {
			sessions, err = e.Orphans(ctx, orphansAtOnce)
		}
		if err != nil || len(sessions) == 0 {
			return
		}
		s.adopt(ctx, sessions)
		if e.Settle(ctx, sessions) != nil || ctx.Err() != nil {
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

// adopt takes the connections of dead replicas out of sessions, and returns when
// that is done, or cannot be.
func (s *Service) adopt(ctx context.Context, sessions []string) {
	var visits sync.WaitGroup
	for _, id := range sessions {
		visits.Go(func() {
			pool, err := s.hub.Open(ctx, id)
			if err != nil {
				return
			}
			w := &ward{room: pool.Owner().(*room), visited: make(chan struct{})}
			w.visit()
			select {
			case <-w.visited:
			case <-ctx.Done():
			}
		})
	}
	visits.Wait()
}

// ward is a session without members here that is kept until nobody in it is
// waited for: the room then has those offline whose grace is over.
type ward struct {
	*room
	next    int64         // when the next grace is over, milliseconds since 1970; 0: nobody is waited for
	visited chan struct{} // closed when the first visit is over
	once    sync.Once
}

func (w *ward) visit() {
	w.pool.Propose(&fanout.Proposal{To: w, Decide: func(st fanout.State) (c fanout.Change, err error) {
		ros, alive := st.(*roster), w.service.alive.Load()
		w.next = 0
		if ros.exists && alive != nil {
			c = ros.bury(*alive, w.service.options.Grace, time.Now())
			w.next = ros.nextExpiry()
			w.wake(ros)
		}
		return c, nil
	}})
}

// Settled implements fanout.Settler.
func (w *ward) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown) {
		time.AfterFunc(sayAgain, w.visit)
		return
	}
	w.once.Do(func() { close(w.visited) })
	switch {
	case s.Err == nil && w.next != 0:
		time.AfterFunc(time.Until(time.UnixMilli(w.next))+time.Second+rand.N(sayAgain), w.visit)
	default:
		w.pool.Close()
	}
}
