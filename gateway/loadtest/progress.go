package loadtest

import (
	"context"
	"math"
	"sync"
	"time"
)

// The phases of a run.
const (
	connecting = "connecting"
	underLoad  = "under load"
	settling   = "settling"
)

// Progress is how far a run has come.
type Progress struct {
	Phase        string // connecting, under load, settling
	Elapsed, Of  time.Duration
	Connected    int64 // members
	Users        int
	Sent, Failed int64   // messages
	Deliveries   int64   // of messages: one at each member
	Frames       int64   // that brought events to a member
	Received     int64   // bytes, by all members
	P50, P99     float64 // of the deliveries of the last second, in ms
}

// looks is what is known of a run under way.
type looks struct {
	mu     sync.Mutex // guards the following, and that progress is told one at a time
	phase  string
	began  time.Duration // of the phase
	of     time.Duration
	load   time.Duration // when the load began; 0: not yet
	course course
	lately Latency // of the last second
}

// enter begins a phase, and tells so.
func (r *run) enter(phase string, of time.Duration) {
	l := &r.looks
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase, l.began, l.of = phase, r.clock.now(), of
	if phase == underLoad {
		l.load = l.began
		l.course.begin(r.tally.sums())
	}
	r.tellLocked()
}

// look looks once a second how far the run has come, until ctx ends.
func (r *run) look(ctx context.Context) {
	l := &r.looks
	r.clock.pace(ctx, r.clock.now()+time.Second, time.Second, math.MaxInt64, func(time.Duration) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lately = latencyOf(r.meter.lately())
		if l.load > 0 {
			sums := r.tally.sums()
			sums.At = round((r.clock.now() - l.load).Seconds())
			sums.P50, sums.P99, sums.Max = l.lately.P50, l.lately.P99, l.lately.Max
			l.course.add(sums)
		}
		r.tellLocked()
	})
}

func (r *run) tellLocked() {
	if r.o.Progress == nil || r.looks.phase == "" {
		return
	}
	t, l := &r.tally, &r.looks
	r.o.Progress(Progress{Phase: l.phase, Elapsed: r.clock.now() - l.began, Of: l.of, Connected: t.connected.Load(), Users: len(r.members),
		Sent: t.sent.Load(), Failed: t.failed.Load(), Deliveries: t.deliveries.Load(), Frames: t.frames.Load(), Received: t.received.Load(),
		P50: l.lately.P50, P99: l.lately.P99})
}
