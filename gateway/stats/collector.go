package stats

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	beat      = 2 * time.Second // between two looks, and two reports to the fleet
	window    = time.Minute     // what Recent is about
	answerFor = time.Second     // that long a gathered answer of the fleet is given again
	lostFor   = 10 * time.Minute
)

// Fleet is how replicas know of each other. A replica with the embedded log has none.
type Fleet interface {
	// Report leaves this replica's report for the others.
	Report(ctx context.Context, report []byte) error
	// Count returns how many replicas are alive, and of how many the lease has ended
	// so recently without their giving it up.
	Count(ctx context.Context, recently time.Duration) (alive, ended int, err error)
	// Gather returns the reports of all replicas that are alive, and of those whose
	// lease has ended within an hour without their giving it up.
	Gather(ctx context.Context) ([]Left, error)
}

// Left is a report as its replica has left it.
type Left struct {
	ID     string
	Report []byte
	Ended  time.Duration // how long ago the lease ended; 0: the replica is alive
}

// Collector reads the figures of this replica, and gathers those of the fleet. Its
// methods may be called concurrently. Its rates are those of the time in which
// [Collector.Run] runs.
type Collector struct {
	sources Sources
	replica Replica
	started time.Time
	fleet   Fleet // nil: this replica is all

	mu      sync.Mutex // guards the following
	moments []moment   // of the last minute, the oldest first
	longest [4]time.Duration
	alive   int
	lost    int

	gathering sync.Mutex // held while the fleet is asked; guards the following
	answered  time.Time
	answer    *FleetReport
}

// moment is what was read at a beat.
type moment struct {
	at      time.Time
	figures Figures
	longest [4]time.Duration // since the moment before
}

// New returns a collector. fleet is nil for the embedded log.
func New(replica Replica, sources Sources, fleet Fleet) *Collector {
	now := time.Now()
	replica.Started = now.UnixMilli()
	return &Collector{sources: sources, replica: replica, started: now, fleet: fleet, alive: 1}
}

// Run looks at everything every 2 s and tells the fleet, until ctx ends.
func (c *Collector) Run(ctx context.Context, log *zap.Logger) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		c.look(ctx)
		if c.fleet != nil {
			c.tell(ctx, log)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// look remembers this moment.
func (c *Collector) look(ctx context.Context) {
	c.sources.Host.Look(ctx)
	m := moment{at: time.Now()}
	for i, t := range c.sources.timers() {
		m.longest[i] = t.TakePeak()
	}
	c.mu.Lock()
	for i := range m.longest {
		c.longest[i] = max(c.longest[i], m.longest[i])
	}
	c.mu.Unlock()
	m.figures = c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moments = append(c.moments, m)
	for len(c.moments) > 1 && m.at.Sub(c.moments[0].at) > window {
		c.moments = append(c.moments[:0], c.moments[1:]...)
	}
}

// read reads all figures.
func (c *Collector) read() Figures {
	r := reading{Sources: &c.sources, started: float64(c.started.UnixMilli()) / 1000,
		census: c.sources.Census(), host: c.sources.Host.Figures()}
	if c.sources.Store != nil {
		r.store = c.sources.Store.Figures()
	}
	c.mu.Lock()
	longest := c.longest
	r.alive, r.lost = float64(c.alive), float64(c.lost)
	c.mu.Unlock()
	for i, t := range []*timer{&r.publish, &r.append, &r.roundTrip, &r.ping} {
		*t = timer{c.sources.timers()[i], longest[i]}
	}
	return r.figures()
}

// Report returns the report of this replica.
func (c *Collector) Report() Report {
	now, replica := time.Now(), c.replica
	replica.Draining = c.sources.Draining()
	report := Report{At: now.UnixMilli(), Replica: &replica, Figures: c.read()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.moments) == 0 {
		report.Recent.Figures = report.Figures.since(report.Figures)
		return report
	}
	first := &c.moments[0]
	report.Recent.Seconds = now.Sub(first.at).Seconds()
	report.Recent.Figures = report.Figures.since(first.figures).by(report.Recent.Seconds).peaks(c.peaksLocked())
	return report
}

// peaksLocked are the longest times of the last minute.
func (c *Collector) peaksLocked() (peaks [4]time.Duration) {
	for i := range c.moments {
		for j, d := range c.moments[i].longest {
			peaks[j] = max(peaks[j], d)
		}
	}
	return peaks
}

// peaks sets the longest of each histogram that has something.
func (f Figures) peaks(longest [4]time.Duration) Figures {
	next := 0
	for i := range f.values {
		if Metrics[i].Kind == Histogram {
			if d := &f.values[i].spread; d.Count > 0 {
				d.Max = longest[next]
			}
			next++
		}
	}
	return f
}

// tell leaves the report for the others, and counts them.
func (c *Collector) tell(ctx context.Context, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	report := c.Report()
	text, err := json.Marshal(&report)
	if err != nil {
		log.Error("the report cannot be written", zap.Error(err)) // it is plain numbers
		return
	}
	if err := c.fleet.Report(ctx, text); err != nil {
		return // the store is away, and whoever watches that says so
	}
	c.count(ctx)
}

// count notes how many replicas there are. Whether one that has gone is back under
// its name stands in the reports, which are read only if there is such a one.
func (c *Collector) count(ctx context.Context) {
	alive, ended, err := c.fleet.Count(ctx, lostFor)
	if err != nil {
		return
	}
	lost := 0
	if ended > 0 {
		left, err := c.fleet.Gather(ctx)
		if err != nil {
			return
		}
		_, gone := sorted(left)
		for i := range gone {
			if gone[i].Ago < lostFor.Milliseconds() {
				lost++
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive, c.lost = max(1, alive), lost
}
