package stats

import (
	"encoding/json"
	"math"

	"github.com/plenum-gateway/plenum/fanout/latency"
)

// Figures has a value for each row of [Metrics]. The zero value has none, and adds
// nothing. It is immutable.
type Figures struct{ values []value }

// value is of one row.
type value struct {
	numbers []float64            // one, or one for each of the label's values
	spread  latency.Distribution // of a histogram
}

// number is the value of a row; with a label the sum of all.
func (f Figures) number(row int) (sum float64) {
	if f.values == nil {
		return 0
	}
	for _, n := range f.values[row].numbers {
		sum += n
	}
	return sum
}

// of is the value of a row for one value of its label.
func (f Figures) of(row int, label string) float64 {
	for i, v := range Metrics[row].Values {
		if v == label && f.values != nil {
			return f.values[row].numbers[i]
		}
	}
	return 0
}

// add returns both together, as a fleet.
func (f Figures) add(o Figures) Figures {
	switch {
	case f.values == nil:
		return o
	case o.values == nil:
		return f
	}
	return f.with(o, func(m *Metric, a, b float64) float64 {
		switch m.Merge {
		case Highest:
			return max(a, b)
		case Lowest:
			return min(a, b)
		}
		return a + b
	}, latency.Distribution.Add)
}

// since returns what happened after earlier figures of the same replica; gauges
// stay as they are.
func (f Figures) since(earlier Figures) Figures {
	if earlier.values == nil {
		return f
	}
	return f.with(earlier, func(m *Metric, now, then float64) float64 {
		if m.Kind == Gauge {
			return now
		}
		return max(0, now-then)
	}, latency.Distribution.Since)
}

// by returns counters divided by n.
func (f Figures) by(n float64) Figures {
	return f.with(f, func(m *Metric, a, _ float64) float64 {
		if m.Kind == Gauge || n <= 0 {
			return a
		}
		return a / n
	}, func(a, _ latency.Distribution) latency.Distribution { return a })
}

// with combines values one by one.
func (f Figures) with(o Figures, number func(m *Metric, a, b float64) float64, spread func(a, b latency.Distribution) latency.Distribution) Figures {
	if f.values == nil {
		return f
	}
	out := Figures{make([]value, len(Metrics))}
	for i := range Metrics {
		m, a, b := &Metrics[i], f.values[i], o.values[i]
		if m.Kind == Histogram {
			out.values[i].spread = spread(a.spread, b.spread)
			continue
		}
		for j := range a.numbers {
			out.values[i].numbers = append(out.values[i].numbers, number(m, a.numbers[j], b.numbers[j]))
		}
	}
	return out
}

// written is the figures as JSON: group, key, and a number, an object of numbers
// by label, or a distribution.
type written map[string]map[string]any

// write returns the rows that which picks.
func (f Figures) write(which func(m *Metric) bool) written {
	groups := make(written)
	for i := range f.values {
		m, v := &Metrics[i], &f.values[i]
		if !which(m) {
			continue
		}
		if groups[m.Group] == nil {
			groups[m.Group] = make(map[string]any)
		}
		switch {
		case m.Kind == Histogram:
			groups[m.Group][m.Key] = v.spread
		case m.Label == "":
			groups[m.Group][m.Key] = rounded(v.numbers[0])
		default:
			by := make(map[string]float64, len(m.Values))
			for j, name := range m.Values {
				by[name] = rounded(v.numbers[j])
			}
			groups[m.Group][m.Key] = by
		}
	}
	return groups
}

// rounded keeps three digits behind the point: more are noise.
func rounded(n float64) float64 { return math.Round(n*1000) / 1000 }

// MarshalJSON implements json.Marshaler.
func (f Figures) MarshalJSON() ([]byte, error) {
	return json.Marshal(f.write(func(*Metric) bool { return true }))
}

// UnmarshalJSON implements json.Unmarshaler. A replica of another version may know
// more or less: what is not there is 0, what is not known is passed over.
func (f *Figures) UnmarshalJSON(b []byte) error {
	var groups map[string]map[string]json.RawMessage
	if err := json.Unmarshal(b, &groups); err != nil {
		return err
	}
	f.values = make([]value, len(Metrics))
	for i := range Metrics {
		m, v := &Metrics[i], &f.values[i]
		v.numbers = make([]float64, max(1, len(m.Values)))
		raw, ok := groups[m.Group][m.Key]
		if !ok {
			continue
		}
		if err := m.read(raw, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *Metric) read(raw json.RawMessage, v *value) error {
	switch {
	case m.Kind == Histogram:
		v.numbers = nil
		return json.Unmarshal(raw, &v.spread)
	case m.Label == "":
		return json.Unmarshal(raw, &v.numbers[0])
	}
	var by map[string]float64
	if err := json.Unmarshal(raw, &by); err != nil {
		return err
	}
	for j, name := range m.Values {
		v.numbers[j] = by[name]
	}
	return nil
}
