package fanout

import (
	"math/rand/v2"
	"time"
)

// How long a publish takes: from [Pool.Propose] to the moment when the frame with
// its event has been handed to every subscriber here, which is when the sockets
// were written. Only the replica that took the request measures it, with its own
// clock, so clocks that differ do not matter; the way to members on other replicas
// is the same. It costs a frame one look at the clock, and a pool the same few
// bytes however busy it is: of the requests whose events leave together one,
// drawn at random, stands for all. The longest is kept beside it.

// sample is a request that stands for n.
type sample struct {
	last   uint64        // the offset of its last event
	asked  time.Duration // by the wheel's clock
	n      int64
	oldest time.Duration // of the n, when the first was asked
}

// add has s stand for what o stands for, too: one of both is kept, drawn by
// how many it stands for.
func (s *sample) add(o sample) {
	if o.oldest == 0 {
		o.oldest = o.asked
	}
	oldest, n := o.oldest, s.n+o.n
	if s.n > 0 {
		oldest = min(oldest, s.oldest)
	}
	if rand.Int64N(n) >= s.n {
		*s = o
	}
	s.n, s.oldest = n, oldest
}

// timing is what a pool remembers for it.
type timing struct {
	waiting sample // in the log, and not in a frame yet
	leaving bool   // a frame was cut and is being delivered

	// The frame that was delivered last.
	offset uint64
	at     time.Duration
}

// timed takes what an append has brought into the log in an epoch. Its events
// may have been heard, framed and delivered before the log's answer came.
func (p *Pool) timed(epoch string, s sample) {
	if s.n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch t := &p.timing; {
	case epoch != p.head.Epoch || p.lost:
	case t.offset >= s.last:
		p.observe(s, t.at)
	case p.framed >= s.last && !t.leaving: // there was nobody to deliver it to
	default:
		t.waiting.add(s)
	}
}

// wrote tells that a frame up to offset, or one without durable events, has been
// delivered.
func (p *Pool) wrote(now time.Time, offset uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.timing
	if t.leaving = false; offset == 0 {
		return
	}
	t.offset, t.at = offset, p.hub.wheel.since(now)
	if t.waiting.n > 0 && t.waiting.last <= offset {
		p.observe(t.waiting, t.at)
		t.waiting = sample{}
	}
}

func (p *Pool) observe(s sample, at time.Duration) {
	p.hub.Stats.Publish.ObserveMany(at-s.asked, s.n)
	p.hub.Stats.Publish.Peak(at - s.oldest)
}
