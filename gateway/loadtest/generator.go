package loadtest

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/process"
)

// Past these the load generator, and not only the gateway, makes the figures.
const (
	mostCPU      = 0.80                  // of its processors
	mostMachine  = 0.95                  // of the machine's, whoever it is
	mostLateness = 20 * time.Millisecond // p99, of its timers and of its sends
)

// Generator says how the load generator itself fared. Where Limit is true, the
// latencies are partly its own: it was out of processor time, or late.
type Generator struct {
	Limit  bool     `json:"limit"`
	Signs  []string `json:"signs,omitempty"` // why, in sentences; without Limit, what makes the figures doubtful
	Cores  int      `json:"cores"`
	CPU    float64  `json:"cpu"`     // its share of the cores, 0 to 1
	Others float64  `json:"others"`  // the share of everything else on this machine; the gateway's too, if it runs here
	Timers Latency  `json:"timers"`  // how late its timers fired, in ms
	Sends  Latency  `json:"sending"` // how late it sent what was due, in ms
}

// usage is processor time: of this process, of the whole machine, and what the
// machine had to give.
type usage struct{ own, busy, all time.Duration }

// watch observes how well the load generator keeps up. A measurement is begin,
// then sample until the load ends, then end.
type watch struct {
	clock clock
	usage func() (usage, error)
	cores int

	began      time.Duration
	before     usage
	unmeasured error
	timers     *hdrhistogram.Histogram // of the goroutine of sample

	mu    sync.Mutex
	sends *hdrhistogram.Histogram // guarded by mu
}

func newWatch(c clock) *watch {
	return &watch{clock: c, usage: used, cores: runtime.GOMAXPROCS(0), timers: newHistogram(), sends: newHistogram()}
}

// used asks the system.
func used() (u usage, err error) {
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return u, err
	}
	own, err := p.Times()
	if err != nil {
		return u, err
	}
	all, err := cpu.Times(false)
	if err != nil || len(all) == 0 {
		return u, fmt.Errorf("the machine's processor times: %w", err)
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	a := all[0]
	busy := a.User + a.System + a.Nice + a.Irq + a.Softirq + a.Steal // a guest's time is in the user's
	return usage{seconds(own.User + own.System), seconds(busy), seconds(busy + a.Idle + a.Iowait)}, nil
}

func (w *watch) begin() {
	w.began = w.clock.now()
	w.before, w.unmeasured = w.usage()
}

// sample sets a timer every 10 ms, until ctx ends, and looks how late it fires:
// as late as everything that this process does.
func (w *watch) sample(ctx context.Context) {
	const every = 10 * time.Millisecond
	w.clock.pace(ctx, w.began+every, every, math.MaxInt64, func(due time.Duration) {
		record(w.timers, w.clock.now()-due)
	})
}

// sent notes how late something was sent. It may be called concurrently.
func (w *watch) sent(late time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	record(w.sends, late)
}

// end returns what was seen; sample has returned. exhausted is how often this
// machine had no descriptor or port for a connection.
func (w *watch) end(exhausted int64) Generator {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := Generator{Cores: w.cores, Timers: latencyOf(w.timers), Sends: latencyOf(w.sends)}
	after, err := w.usage()
	if err == nil {
		err = w.unmeasured
	}
	if err != nil {
		g.Signs = append(g.Signs, fmt.Sprintf("the processor time could not be measured: %v", err))
	} else {
		own := (after.own - w.before.own).Seconds()
		g.CPU = own / max(1e-9, (w.clock.now()-w.began).Seconds()*float64(w.cores))
		g.Others = max(0, (after.busy-w.before.busy).Seconds()-own) / max(1e-9, (after.all-w.before.all).Seconds())
		g.CPU, g.Others = round(g.CPU), round(g.Others)
	}
	g.judge(exhausted)
	return g
}

// judge says whether the load generator was the limit.
func (g *Generator) judge(exhausted int64) {
	limit := func(is bool, format string, args ...any) {
		if is {
			g.Limit = true
			g.Signs = append(g.Signs, fmt.Sprintf(format, args...))
		}
	}
	limit(g.CPU >= mostCPU, "it used %.0f %% of its %d processors", 100*g.CPU, g.Cores)
	limit(g.Timers.P99 >= ms(mostLateness), "its timers fired up to %.0f ms late (p99)", g.Timers.P99)
	limit(g.Sends.P99 >= ms(mostLateness), "it sent messages up to %.0f ms late (p99)", g.Sends.P99)
	limit(exhausted > 0, "%d times this machine had no file descriptor or port left for a connection", exhausted)
	if g.CPU < mostCPU && g.CPU+g.Others >= mostMachine {
		g.Signs = append(g.Signs, fmt.Sprintf("this machine was busy: %.0f %% of it by other programs; if the gateway was one of them, they had to share", 100*g.Others))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// round leaves three figures behind the point.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }
