package session

import (
	"slices"
	"time"
)

// pace limits how often something happens: so many times within a while. It
// belongs to a room, whose lock guards it.
type pace struct {
	times  int
	within time.Duration
	took   []tick // the newest last, at most times
}

type tick struct {
	what string
	at   time.Time
}

// free reports whether it may happen now, and otherwise how long to wait.
func (p *pace) free(now time.Time) (ok bool, wait time.Duration) {
	p.took = slices.DeleteFunc(p.took, func(t tick) bool { return now.Sub(t.at) >= p.within })
	if len(p.took) < p.times {
		return true, 0
	}
	return false, p.within - now.Sub(p.took[0].at)
}

// allow is free, and counts what it allows. What was allowed lately is allowed
// again: it is the same, sent again.
func (p *pace) allow(what string, now time.Time) (ok bool, wait time.Duration) {
	if slices.ContainsFunc(p.took, func(t tick) bool { return t.what == what }) {
		return true, 0
	}
	if ok, wait = p.free(now); ok {
		p.took = append(p.took, tick{what, now})
	}
	return ok, wait
}

// idle reports whether nothing happened lately.
func (p *pace) idle(now time.Time) bool {
	return len(p.took) == 0 || now.Sub(p.took[len(p.took)-1].at) >= p.within
}

// maxPaces is when a room looks for paces to let go.
const maxPaces = 256

// mayGive reports whether a member may give a command that comes at a limited
// rate, and otherwise how long to wait.
func (r *room) mayGive(member, command, ref string, times int, within time.Duration) (ok bool, wait time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.paces) >= maxPaces {
		for key, p := range r.paces {
			if p.idle(now) {
				delete(r.paces, key)
			}
		}
	}
	key := member + " " + command
	p := r.paces[key]
	if p == nil {
		if r.paces == nil {
			r.paces = make(map[string]*pace)
		}
		p = &pace{times: times, within: within}
		r.paces[key] = p
	}
	return p.allow(ref, now)
}

// Passcodes that may be tried wrongly in a session, on this replica.
const (
	wrongTries       = 20
	wrongTriesWithin = 10 * time.Second
)

// mayTry reports whether a passcode may be tried, and otherwise how long to wait.
func (r *room) mayTry() (ok bool, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong.free(time.Now())
}

// triedWrongly counts a passcode with which a join was refused.
func (r *room) triedWrongly() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong.took = append(r.wrong.took, tick{at: time.Now()})
}
