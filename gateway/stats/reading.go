package stats

import (
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/latency"
	"github.com/plenum-gateway/plenum/gateway/connection"
	"github.com/plenum-gateway/plenum/gateway/session"
)

// Sources are where figures are read. All must be set, except Store and Leases,
// which a replica with the embedded log does not have.
type Sources struct {
	Log             *fanout.Stats
	Sessions        *session.Stats
	Connections     *connection.Stats
	Census          func() session.Census
	ConnectionLimit int
	Draining        func() bool
	StoreAway       func() bool
	Ping            *latency.Histogram // of Redis
	Host            *Host
	Store           StoreWatch
}

// Store is how Redis is doing.
type Store struct {
	Memory, Limit float64 // bytes, over all masters
	Share         float64 // of the fullest master
}

// StoreWatch asks Redis how it is doing.
type StoreWatch interface {
	Figures() Store // as of the last look; it must not block
}

// reading is what the rows of the table read, at one moment.
type reading struct {
	*Sources
	started float64
	census  session.Census
	host    hostFigures
	store   Store
	alive   float64
	lost    float64

	publish, append, roundTrip, ping timer
}

// timer is a histogram and the longest time that it has seen.
type timer struct {
	*latency.Histogram
	longest time.Duration
}

func (t *timer) distribution() latency.Distribution {
	d := t.Distribution()
	d.Max = t.longest
	return d
}

// timers are the histograms, in the order of the rows that have one.
func (s *Sources) timers() []*latency.Histogram {
	return []*latency.Histogram{&s.Log.Publish, &s.Log.AppendTime, &s.Connections.RoundTrip, s.Ping}
}

// figures reads the whole table.
func (r *reading) figures() Figures {
	f := Figures{make([]value, len(Metrics))}
	for i := range Metrics {
		if m := &Metrics[i]; m.Kind == Histogram {
			f.values[i].spread = m.spread(r)
		} else {
			f.values[i].numbers = m.numbers(r)
		}
	}
	return f
}
