package session

import (
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// sayAgain is the pause before a session is told again, when the store was away.
const sayAgain = time.Second

// goodbye takes out of the roster what is no more: a connection that has ended,
// or the seat of a joiner who gave up. Nobody else would, as long as this
// replica lives; so it is said until it is settled.
type goodbye struct {
	*Participant
	decide func(r *roster) fanout.Change
}

// goodbye has the session told, after a while. It takes over one use of the pool.
func (s *Service) goodbye(p *Participant, after time.Duration, decide func(r *roster) fanout.Change) {
	g := &goodbye{p, decide}
	s.count(1)
	s.delay(g, after)
}

// count counts goodbyes that begin, and those that are settled.
func (s *Service) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goodbyes += n
	s.countedLocked()
}

func (s *Service) countedLocked() {
	if !s.stopping || s.goodbyes > 0 {
		return
	}
	select {
	case <-s.said:
	default:
		close(s.said)
	}
}

func (s *Service) delay(g *goodbye, d time.Duration) {
	if !s.wait(g, d) {
		g.say()
	}
}

// wait reports false when there is nothing to wait for.
func (s *Service) wait(g *goodbye, d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || d == 0 {
		return false
	}
	s.delayed[g] = time.AfterFunc(d, func() {
		s.mu.Lock()
		delete(s.delayed, g)
		s.mu.Unlock()
		g.say()
	})
	return true
}

// hurry returns the goodbyes that still waited. Nothing waits any more.
func (s *Service) hurry() (waited []*goodbye) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.countedLocked()
	for g, timer := range s.delayed {
		if timer.Stop() {
			delete(s.delayed, g)
			waited = append(waited, g)
		}
	}
	return waited
}

func (g *goodbye) say() {
	g.pool.Propose(&fanout.Proposal{To: g, Decide: func(s fanout.State) (fanout.Change, error) {
		return g.decide(s.(*roster)), nil
	}})
}

// Settled implements fanout.Settler. It lets the pool go when the session knows.
func (g *goodbye) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown) {
		g.service.delay(g, sayAgain)
		return
	}
	g.pool.Close()
	g.service.count(-1)
}
