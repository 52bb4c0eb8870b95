package loadtest

import (
	"context"
	"math"
	"sync"
	"time"
)

// Second is what happened in a moment of the run: a second, or more of them
// together in a long run.
type Second struct {
	At         float64 `json:"at"` // seconds since the load began, when it ended
	Connected  int64   `json:"connected"`
	Sent       int64   `json:"sent"`
	Succeeded  int64   `json:"succeeded"`
	Failed     int64   `json:"failed"`
	Deliveries int64   `json:"deliveries"`
	P50        float64 `json:"p50"` // of what was delivered in it, in ms
	P99        float64 `json:"p99"`
	Max        float64 `json:"max"`
}

// Progress is how far a run has come.
type Progress struct {
	Phase        string // connecting, under load, settling
	Elapsed, Of  time.Duration
	Connected    int64 // members
	Users        int
	Sent, Failed int64   // messages
	P50, P99     float64 // of the deliveries of the last second, in ms
}

const underLoad = "under load"

// seconds is the course of a run. Its methods may be called concurrently.
type seconds struct {
	mu    sync.Mutex // guards the following
	phase string
	began time.Duration // of the phase
	of    time.Duration
	load  time.Duration // when the load began; 0: not yet
	list  []Second
	last  Second // sums at the last look
	step  int    // looks in one; 0 is 1
	open  int    // looks in the newest
}

// enter begins a phase.
func (s *seconds) enter(phase string, now, of time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.began, s.of = phase, now, of
	if phase == underLoad {
		s.load = now
	}
}

// look looks once a second how far the run has come, until ctx ends.
func (r *run) look(ctx context.Context) {
	r.clock.pace(ctx, r.clock.now()+time.Second, time.Second, math.MaxInt64, func(time.Duration) {
		p := r.glance()
		if r.o.Progress != nil {
			r.o.Progress(p)
		}
	})
}

// glance looks at what has happened since the last look.
func (r *run) glance() Progress {
	lately := r.meter.lately()
	now, t := r.clock.now(), &r.tally
	l := latencyOf(lately)
	sums := Second{Connected: t.connected.Load(), Sent: t.sent.Load(), Succeeded: t.settled.Load(), Failed: t.failed.Load(),
		Deliveries: t.deliveries.Load(), P50: l.P50, P99: l.P99, Max: l.Max}
	s := &r.seconds
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load > 0 {
		sums.At = round((now - s.load).Seconds())
		s.addLocked(sums)
	}
	return Progress{Phase: s.phase, Elapsed: now - s.began, Of: s.of, Connected: sums.Connected, Users: len(r.members),
		Sent: sums.Sent, Failed: sums.Failed, P50: l.P50, P99: l.P99}
}

// mostSeconds is how many moments are kept apart: as many as a picture shows.
const mostSeconds = 1200

// addLocked adds a second to the course. In a long run moments are joined.
func (s *seconds) addLocked(sums Second) {
	next := sums
	next.Sent -= s.last.Sent
	next.Succeeded -= s.last.Succeeded
	next.Failed -= s.last.Failed
	next.Deliveries -= s.last.Deliveries
	s.last = sums
	if s.open < s.step {
		s.open++
		s.list[len(s.list)-1].join(next)
		return
	}
	s.list, s.open = append(s.list, next), 1
	if len(s.list) == mostSeconds {
		s.halveLocked()
	}
}

// halveLocked joins pairs.
func (s *seconds) halveLocked() {
	for i := range s.list[:len(s.list)/2] {
		s.list[i] = s.list[2*i]
		s.list[i].join(s.list[2*i+1])
	}
	s.list = s.list[:len(s.list)/2]
	s.step = 2 * max(1, s.step)
	s.open = s.step
}

// join adds what came right behind. Of percentiles the worse one stands.
func (s *Second) join(next Second) {
	s.At, s.Connected = next.At, next.Connected
	s.Sent += next.Sent
	s.Succeeded += next.Succeeded
	s.Failed += next.Failed
	s.Deliveries += next.Deliveries
	s.P50, s.P99, s.Max = max(s.P50, next.P50), max(s.P99, next.P99), max(s.Max, next.Max)
}

// course returns the moments so far.
func (s *seconds) course() []Second {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}
