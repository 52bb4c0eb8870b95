package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates holds each key to a rate. What it keeps grows with the keys that were
// heard of lately, not with all that ever were. Its methods may be called
// concurrently.
type Rates[K comparable] struct {
	rate  rate.Limit
	burst int

	mu       sync.Mutex // guards the following
	limiters map[K]*rate.Limiter
	clean    int // how many limiters there are when it is time to look through them
}

// cleanAt is the least number of keys that are looked through.
const cleanAt = 1024

// NewRates allows each key perSecond requests, and burst at once. A rate of 0
// allows everything.
func NewRates[K comparable](perSecond float64, burst int) *Rates[K] {
	return &Rates[K]{rate: rate.Limit(perSecond), burst: burst, limiters: make(map[K]*rate.Limiter), clean: cleanAt}
}

// Take counts a request of a key. It returns 0 if it is within the rate, and
// otherwise how long the key has to wait.
func (r *Rates[K]) Take(key K, now time.Time) (wait time.Duration) {
	if r.rate == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limiters[key]
	if l == nil {
		r.cleanLocked(now)
		l = rate.NewLimiter(r.rate, r.burst)
		r.limiters[key] = l
	}
	turn := l.ReserveN(now, 1)
	if wait = turn.DelayFrom(now); wait > 0 {
		turn.CancelAt(now) // who is refused pays nothing: the wait stays as told
	}
	return wait
}

// cleanLocked forgets those that have their whole burst again, each time that
// the number of keys has doubled.
func (r *Rates[K]) cleanLocked(now time.Time) {
	if len(r.limiters) < r.clean {
		return
	}
	for key, l := range r.limiters {
		if l.TokensAt(now) >= float64(r.burst) {
			delete(r.limiters, key)
		}
	}
	r.clean = max(cleanAt, 2*len(r.limiters))
}

// Keys is how many keys are kept.
func (r *Rates[K]) Keys() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.limiters)
}
