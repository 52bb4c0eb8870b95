package stats

import "github.com/plenum-gateway/plenum/fanout/latency"

// Kind is what may be done with a figure.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"   // only rises; its rate is what one looks at
	Gauge     Kind = "gauge"     // how it is right now
	Histogram Kind = "histogram" // how long something took
)

// Merge is how the figures of several replicas become the fleet's.
type Merge string

// The ways to merge. Counters and histograms always add up.
const (
	Sum     Merge = "sum"
	Highest Merge = "highest" // all replicas tell the same, or the worst counts
	Lowest  Merge = "lowest"
	Apart   Merge = "apart" // it means nothing for a fleet
)

// Metric is a row of the table: one figure, or one for each value of a label.
type Metric struct {
	Group, Key string // where it stands in the JSON
	Name       string // for Prometheus
	Kind       Kind
	Merge      Merge // of a gauge
	Help       string
	Label      string   // for Prometheus; empty: there is one figure
	Values     []string // of the label: a closed set

	numbers func(r *reading) []float64            // one, or one for each of Values
	spread  func(r *reading) latency.Distribution // of a histogram
}

// find returns the index of a row in the table, or -1.
func find(group, key string) int {
	for i := range Metrics {
		if Metrics[i].Group == group && Metrics[i].Key == key {
			return i
		}
	}
	return -1
}

// row is the index of a row that the code names.
func row(group, key string) int {
	i := find(group, key)
	if i < 0 {
		panic("stats: there is no figure " + group + "." + key)
	}
	return i
}
