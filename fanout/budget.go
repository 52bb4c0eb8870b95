package fanout

import "time"

// budget lets a burst of frames through and then one per interval. It is the
// generic cell rate algorithm: one time instead of a count and a refill.
type budget struct {
	due time.Time // when the bucket is full again
}

// take reports whether a frame may leave now, and if so takes it.
func (b *budget) take(now time.Time, interval time.Duration, burst int) bool {
	if now.Before(b.next(interval, burst)) {
		return false
	}
	if b.due.Before(now) {
		b.due = now
	}
	b.due = b.due.Add(interval)
	return true
}

// next is the earliest time at which take succeeds.
func (b *budget) next(interval time.Duration, burst int) time.Time {
	return b.due.Add(-time.Duration(burst-1) * interval)
}
