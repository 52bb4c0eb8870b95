package loadtest

import (
	"context"
	"time"
)

// clock is the time of a run. Tests have one of their own.
type clock struct {
	now   func() time.Duration                            // since the run began; it never goes back
	sleep func(ctx context.Context, d time.Duration) bool // false: ctx ended first
}

func newClock() clock {
	began := time.Now()
	return clock{now: func() time.Duration { return time.Since(began) }, sleep: sleep}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// pace calls do for each moment of a schedule, from first on, one in every
// interval, until end or until ctx ends. The schedule waits for nobody: what is
// late, be it a timer or what do does, is made up for at once, and do is told
// when it was due.
func (c clock) pace(ctx context.Context, first, every, end time.Duration, do func(due time.Duration)) {
	for due := first; due < end; due += every {
		if wait := due - c.now(); wait > 0 && !c.sleep(ctx, wait) || ctx.Err() != nil {
			return
		}
		do(due)
	}
}

// until looks again and again until ok, or until ctx ends or the moment late has
// come. It reports whether it was ok.
func (c clock) until(ctx context.Context, late time.Duration, ok func() bool) bool {
	const between = 20 * time.Millisecond
	for !ok() {
		if c.now() >= late || !c.sleep(ctx, between) {
			return false
		}
	}
	return true
}
