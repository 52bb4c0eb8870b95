package loadtest

import (
	"math"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest duration that is told apart; longer ones count as it.
const longest = time.Hour

// newHistogram returns one of microseconds. Three figures of a value are true.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 3)
}

// record adds a duration; one below a microsecond, or below zero, is 0.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(0, d), longest).Microseconds()) // within the bounds
}

// meter collects latencies. Its methods may be called concurrently: members
// are spread over parts, so that they seldom wait for each other.
type meter struct{ parts []part }

// part holds the latencies of some of the members.
type part struct {
	mu     sync.Mutex // guards the following
	total  *hdrhistogram.Histogram
	second *hdrhistogram.Histogram // since it was last looked at
}

func newMeter(parts int) *meter {
	m := &meter{parts: make([]part, parts)}
	for i := range m.parts {
		m.parts[i].total, m.parts[i].second = newHistogram(), newHistogram()
	}
	return m
}

// of returns the part of a member.
func (m *meter) of(member int) *part { return &m.parts[member%len(m.parts)] }

func (p *part) add(latencies ...time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range latencies {
		record(p.total, l)
		record(p.second, l)
	}
}

// lately returns what was collected since it was last called.
func (m *meter) lately() *hdrhistogram.Histogram {
	sum := newHistogram()
	for i := range m.parts {
		p := &m.parts[i]
		p.mu.Lock()
		sum.Merge(p.second)
		p.second.Reset()
		p.mu.Unlock()
	}
	return sum
}

// all returns everything.
func (m *meter) all() *hdrhistogram.Histogram {
	sum := newHistogram()
	for i := range m.parts {
		p := &m.parts[i]
		p.mu.Lock()
		sum.Merge(p.total)
		p.mu.Unlock()
	}
	return sum
}

// Latency describes durations, in milliseconds. All are 0 if there were none.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	Min   float64 `json:"min"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{Count: h.TotalCount(), Mean: math.Round(h.Mean()) / 1000, Min: millis(h.Min()),
		P50: millis(h.ValueAtQuantile(50)), P99: millis(h.ValueAtQuantile(99)), Max: millis(h.Max())}
}

// millis turns microseconds into milliseconds.
func millis(micros int64) float64 { return float64(micros) / 1000 }

// Bar is how many durations were in a range, in milliseconds.
type Bar struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int64   `json:"count"`
}

// barsOf cuts a distribution into bars. Each is a third longer than the one
// before, so that both a tenth of a millisecond and ten seconds can be seen.
func barsOf(h *hdrhistogram.Histogram) []Bar {
	if h.TotalCount() == 0 {
		return nil
	}
	const step = 4.0 / 3
	number := func(micros int64) int { return int(math.Floor(math.Log(float64(max(1, micros))) / math.Log(step))) }
	edge := func(n int) float64 { return math.Pow(step, float64(n)) / 1000 }
	first := number(h.Min())
	bars := make([]Bar, number(h.Max())-first+1)
	for i := range bars {
		bars[i].From, bars[i].To = edge(first+i), edge(first+i+1)
	}
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			bars[min(max(0, number(b.To)-first), len(bars)-1)].Count += b.Count
		}
	}
	return bars
}
