package integration

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// timedEvent is the name of the events that a stopwatch times.
const timedEvent = "timed"

// stopwatch takes how long events take from the publish to a member's callback.
// Its methods may be called concurrently.
type stopwatch struct {
	mu   sync.Mutex
	took []time.Duration // in this lap
}

// stamped is the data of a timed event that is published now, of size bytes at
// least.
func stamped(size int) json.RawMessage {
	stamp := strconv.FormatInt(time.Now().UnixNano(), 10)
	return json.RawMessage(`"` + stamp + " " + strings.Repeat("x", max(0, size-len(stamp)-3)) + `"`)
}

// age returns how old a timed event is; false for any other.
func age(e *wire.Event) (time.Duration, bool) {
	if e.Event != timedEvent {
		return 0, false
	}
	stamp, _, _ := strings.Cut(strings.Trim(string(e.Data), `"`), " ")
	at, err := strconv.ParseInt(stamp, 10, 64)
	return time.Duration(time.Now().UnixNano() - at), err == nil
}

// saw is a member's OnEvents.
func (s *stopwatch) saw(events []wire.Event) {
	for i := range events {
		if d, ok := age(&events[i]); ok {
			s.add(d)
		}
	}
}

func (s *stopwatch) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, d)
}

// lap returns what was taken since the last one, sorted.
func (s *stopwatch) lap() (took []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took, s.took = s.took, nil
	slices.Sort(took)
	return took
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// tellQuantiles has a benchmark print the median and the 99th percentile, in ms.
func tellQuantiles(b *testing.B, what string, sorted []time.Duration) {
	b.ReportMetric(millis(quantile(sorted, 0.5)), what+"-p50-ms")
	b.ReportMetric(millis(quantile(sorted, 0.99)), what+"-p99-ms")
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// faults counts what must not happen, and keeps the first of it. Its methods may
// be called concurrently.
type faults struct {
	mu    sync.Mutex // guards the following
	n     int
	first error
}

func (f *faults) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n == 1 {
		f.first = err
	}
}

// report prints how many there were, and fails the benchmark if there was one.
func (f *faults) report(b *testing.B, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b.ReportMetric(float64(f.n), strings.ReplaceAll(what, " ", "-"))
	if f.n > 0 {
		b.Errorf("%d %s; the first: %v", f.n, what, f.first)
	}
}
