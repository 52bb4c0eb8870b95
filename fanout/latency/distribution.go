package latency

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Distribution is what a histogram had counted at one moment, or in a stretch of
// time, or what several had. The zero value is empty.
type Distribution struct {
	Counts []int64 // of each bucket; see [Bounds]. Nil: nothing was counted
	Count  int64
	Sum    time.Duration
	Max    time.Duration
}

// Add returns both together.
func (d Distribution) Add(o Distribution) Distribution {
	sum := Distribution{Counts: make([]int64, buckets), Count: d.Count + o.Count, Sum: d.Sum + o.Sum, Max: max(d.Max, o.Max)}
	copy(sum.Counts, d.Counts)
	for i := range o.Counts {
		sum.Counts[i] += o.Counts[i]
	}
	return sum
}

// Since returns what was counted after an earlier moment of the same histogram.
// Its Max is left to the caller.
func (d Distribution) Since(earlier Distribution) Distribution {
	rest := Distribution{Counts: make([]int64, buckets), Count: d.Count - earlier.Count, Sum: d.Sum - earlier.Sum}
	copy(rest.Counts, d.Counts)
	for i := range earlier.Counts {
		rest.Counts[i] -= earlier.Counts[i]
	}
	return rest
}

// Mean is 0 if nothing was counted.
func (d Distribution) Mean() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return d.Sum / time.Duration(d.Count)
}

// Quantile returns the duration that a share q of all did not exceed, with q from
// 0 to 1. Within a bucket they are taken to be spread evenly. It never exceeds
// Max, if that is known.
func (d Distribution) Quantile(q float64) time.Duration {
	rank := q * float64(d.Count)
	below := 0.0
	for i, n := range d.Counts {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		low := time.Duration(0)
		if i > 0 {
			low = Bounds[i-1]
		}
		high := d.Max
		if i < len(Bounds) && (high == 0 || high > Bounds[i]) {
			high = Bounds[i]
		}
		return low + time.Duration((rank-below)/float64(n)*float64(max(0, high-low)))
	}
	return 0
}

// written is a Distribution as JSON, in milliseconds.
type written struct {
	Count   int64   `json:"count"`
	Sum     float64 `json:"sum"`
	Mean    float64 `json:"mean"`
	P50     float64 `json:"p50"`
	P90     float64 `json:"p90"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
	Buckets []int64 `json:"buckets"` // those after the last that is not 0 are left out
}

// MarshalJSON implements json.Marshaler.
func (d Distribution) MarshalJSON() ([]byte, error) {
	counts := d.Counts
	for len(counts) > 0 && counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	if counts == nil {
		counts = []int64{}
	}
	return json.Marshal(written{d.Count, ms(d.Sum), ms(d.Mean()), ms(d.Quantile(0.5)), ms(d.Quantile(0.9)),
		ms(d.Quantile(0.99)), ms(d.Max), counts})
}

// UnmarshalJSON implements json.Unmarshaler. It takes sum, max and buckets;
// the others follow from them.
func (d *Distribution) UnmarshalJSON(b []byte) error {
	var w written
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if len(w.Buckets) > buckets || slices.ContainsFunc(w.Buckets, func(n int64) bool { return n < 0 }) {
		return fmt.Errorf("a distribution has at most %d buckets, none below 0; got %v", buckets, w.Buckets)
	}
	*d = Distribution{Counts: make([]int64, buckets), Sum: duration(w.Sum), Max: duration(w.Max)}
	for i, n := range w.Buckets {
		d.Counts[i] = n
		d.Count += n
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func duration(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
