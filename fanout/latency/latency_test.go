package latency

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBoundsRise(t *testing.T) {
	if !slices.IsSorted(Bounds[:]) || Bounds[0] != 100*time.Microsecond || Bounds[len(Bounds)-1] != 70*time.Second {
		t.Errorf("%v", Bounds)
	}
}

// of is the distribution of durations, with its peak.
func of(all ...time.Duration) Distribution {
	var h Histogram
	for _, d := range all {
		h.Observe(d)
	}
	d := h.Distribution()
	d.Max = h.TakePeak()
	return d
}

func TestCountsSumAndPeak(t *testing.T) {
	var h Histogram
	h.Observe(-time.Second)
	h.ObserveMany(time.Millisecond, 3)
	h.Observe(time.Hour)
	d := h.Distribution()
	if d.Count != 5 || d.Sum != time.Hour+3*time.Millisecond || d.Counts[0] != 1 || d.Counts[buckets-1] != 1 {
		t.Errorf("%+v", d)
	}
	i := slices.Index(Bounds[:], time.Millisecond)
	if d.Counts[i] != 3 {
		t.Errorf("a bound belongs to its bucket: %v", d.Counts)
	}
	if h.TakePeak() != time.Hour || h.TakePeak() != 0 {
		t.Error("the peak is the longest since it was taken last")
	}
}

func TestConcurrentObservations(t *testing.T) {
	var h Histogram
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				h.Observe(time.Duration(i) * time.Microsecond)
			}
		})
	}
	all.Wait()
	if d := h.Distribution(); d.Count != 8000 || h.TakePeak() != 999*time.Microsecond {
		t.Errorf("%+v", d)
	}
}

// A quantile is within its bucket, whose bounds are at most 2 apart from each
// other by a factor.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		all = append(all, time.Duration(random.ExpFloat64()*float64(20*time.Millisecond)))
	}
	d := of(all...)
	slices.Sort(all)
	for _, q := range []float64{0.1, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		if got := d.Quantile(q); float64(got) < 0.85*float64(want) || float64(got) > 1.15*float64(want) {
			t.Errorf("the quantile %v is %v, want about %v", q, got, want)
		}
	}
	if got := d.Quantile(1); got > d.Max {
		t.Errorf("the quantile 1 is %v, past the longest, %v", got, d.Max)
	}
	if empty := (Distribution{}); empty.Quantile(0.5) != 0 || empty.Mean() != 0 {
		t.Error("nothing has no quantile")
	}
}

// The 99th percentile of a fleet is not the mean of those of its replicas.
func TestDistributionsAddUp(t *testing.T) {
	quick, slow := make([]time.Duration, 980), make([]time.Duration, 20)
	for i := range quick {
		quick[i] = time.Millisecond
	}
	for i := range slow {
		slow[i] = 900 * time.Millisecond
	}
	both := of(quick...).Add(of(slow...))
	if all := of(append(quick, slow...)...); both.Count != all.Count || both.Sum != all.Sum || both.Max != all.Max || !slices.Equal(both.Counts, all.Counts) {
		t.Errorf("%+v, want %+v", both, all)
	}
	if p99 := both.Quantile(0.99); p99 < 700*time.Millisecond {
		t.Errorf("the 99th percentile is %v; 2 %% took 900 ms", p99)
	}
	if rest := both.Since(of(quick...)); rest.Count != 20 || rest.Sum != 18*time.Second || rest.Counts[10] != 0 {
		t.Errorf("%+v", rest)
	}
}

func TestJSON(t *testing.T) {
	before := of(time.Millisecond, 2*time.Millisecond, 40*time.Second)
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Distribution
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if after.Count != 3 || after.Sum != before.Sum || after.Max != 40*time.Second || !slices.Equal(after.Counts, before.Counts) {
		t.Errorf("%s became %+v", text, after)
	}
	for _, wrong := range []string{`{"buckets":[-1]}`, `{"buckets":["x"]}`, `[]`} {
		if json.Unmarshal([]byte(wrong), &after) == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
	if many, _ := json.Marshal(map[string][]int64{"buckets": make([]int64, buckets+1)}); json.Unmarshal(many, &after) == nil {
		t.Error("too many buckets were taken")
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(1000, func() { h.Observe(3 * time.Millisecond) }); n != 0 {
		t.Errorf("an observation allocates %v times", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h Histogram
	for b.Loop() {
		h.Observe(3 * time.Millisecond)
	}
}
