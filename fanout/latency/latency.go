// Package latency counts how long things took, in fixed buckets, without a lock:
// an observation is a few atomic additions. Counts of several processes add up,
// so that a quantile of all of them comes from all of their buckets and is not
// an average of quantiles.
package latency

import (
	"slices"
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds of the buckets, inclusive, rising. What is longer
// than the last one is counted in one bucket more.
var Bounds = bounds()

const buckets = 37 // one more than there are bounds

func bounds() (b [buckets - 1]time.Duration) {
	i := 0
	for decade := 100 * time.Microsecond; decade <= 10*time.Second; decade *= 10 {
		for _, tenths := range []time.Duration{10, 15, 20, 30, 50, 70} {
			b[i] = decade * tenths / 10
			i++
		}
	}
	return b
}

// Histogram counts durations. The zero value is ready. Its methods may be called
// concurrently; a reader may see a moment in which an observation is counted in
// one figure and not yet in another.
type Histogram struct {
	counts [buckets]atomic.Int64
	sum    atomic.Int64 // nanoseconds
	peak   atomic.Int64 // nanoseconds, since the last TakePeak
}

// Observe counts a duration; one below 0 counts as 0.
func (h *Histogram) Observe(d time.Duration) { h.ObserveMany(d, 1) }

// ObserveMany counts a duration that stands for n.
func (h *Histogram) ObserveMany(d time.Duration, n int64) {
	d = max(0, d)
	i, _ := slices.BinarySearch(Bounds[:], d)
	h.counts[i].Add(n)
	h.sum.Add(int64(d) * n)
	h.Peak(d)
}

// Peak notes a duration for the maximum alone.
func (h *Histogram) Peak(d time.Duration) {
	for peak := h.peak.Load(); int64(d) > peak && !h.peak.CompareAndSwap(peak, int64(d)); {
		peak = h.peak.Load()
	}
}

// TakePeak returns the longest duration since the last call of it.
func (h *Histogram) TakePeak() time.Duration { return time.Duration(h.peak.Swap(0)) }

// Distribution returns what was counted so far. Its Max is left to the caller,
// see [Histogram.TakePeak].
func (h *Histogram) Distribution() Distribution {
	d := Distribution{Counts: make([]int64, buckets), Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		d.Counts[i] = h.counts[i].Load()
		d.Count += d.Counts[i]
	}
	return d
}
