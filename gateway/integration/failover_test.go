package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The size of BenchmarkFailover: the members of one killed replica are a third.
const (
	failoverSessions = 1250
	failoverMembers  = 12  // in each session
	failoverJoining  = 64  // at once
	failoverEvents   = 100 // a second, in all sessions together
	failoverPhase    = 10 * time.Second
)

// BenchmarkFailover kills one of three replicas with 15,000 members and reports
// how long its members were away, how many of them came back by exact replay,
// and what the members of the other two saw of it. Run it with -benchtime 1x.
func BenchmarkFailover(b *testing.B) {
	for range b.N {
		f := startFailover(b)
		f.fill()
		calm := f.publish(failoverPhase)
		f.victim.signal(syscall.SIGKILL)
		f.killed.Store(time.Now().UnixNano())
		storm := f.publish(failoverPhase)
		f.report(b, calm, storm)
		f.stop()
	}
}

// failover is one run of the benchmark.
type failover struct {
	urls    []string
	victim  *gateway
	name    string // the victim's
	members []*failoverMember
	killed  atomic.Int64
	errors  atomic.Int64
	running sync.WaitGroup
	cancel  context.CancelFunc
	ctx     context.Context

	mu      sync.Mutex
	latency []time.Duration // of survivors, in this phase
	back    []time.Duration
	replays int
}

type failoverMember struct {
	*client.Client
	joined  chan struct{}
	once    sync.Once
	replica atomic.Pointer[string] // the first one's name
}

func startFailover(b *testing.B) *failover {
	redis := redistest.Start(b)
	f := &failover{name: "replica-0"}
	for i := range 3 {
		g := startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), "PLENUM_LOG_LEVEL=info")
		f.urls = append(f.urls, g.URL())
		if i == 0 {
			f.victim = g
		}
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// fill has everybody join.
func (f *failover) fill() {
	gate := make(chan struct{}, failoverJoining)
	for i := range failoverSessions * failoverMembers {
		gate <- struct{}{}
		m := f.join(i)
		f.members = append(f.members, m)
		go func() {
			<-m.joined
			<-gate
		}()
	}
	for range failoverJoining {
		gate <- struct{}{}
	}
}

func (f *failover) join(i int) *failoverMember {
	m := &failoverMember{joined: make(chan struct{})}
	m.Client = client.New(client.Options{
		URLs: append(f.urls[i%3:len(f.urls):len(f.urls)], f.urls[:i%3]...), Session: fmt.Sprintf("failover-%d", i/failoverMembers),
		Name: fmt.Sprintf("m%d", i), OnWelcome: func(w *wire.Welcome) { f.welcomed(m, w) },
		OnEvents: func(events []wire.Event) { f.saw(m, events) },
		Backoff:  client.Backoff{First: 5 * time.Second},
		OnError:  func(error) { f.errors.Add(1) },
	})
	f.running.Go(func() {
		if m.Run(f.ctx) != nil && f.ctx.Err() == nil {
			f.errors.Add(1)
			m.once.Do(func() { close(m.joined) })
		}
	})
	return m
}

func (f *failover) welcomed(m *failoverMember, w *wire.Welcome) {
	first := false
	m.once.Do(func() {
		first = true
		m.replica.Store(&w.Replica)
		close(m.joined)
	})
	if first {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.back = append(f.back, time.Duration(time.Now().UnixNano()-f.killed.Load()))
	if w.Resumed {
		f.replays++
	}
}

// saw measures events that were sent to a member who was not on the victim.
func (f *failover) saw(m *failoverMember, events []wire.Event) {
	for _, e := range events {
		var sent int64
		if e.Event != "failover" || json.Unmarshal(e.Data, &sent) != nil || *m.replica.Load() == f.name {
			continue
		}
		f.mu.Lock()
		f.latency = append(f.latency, time.Duration(time.Now().UnixNano()-sent))
		f.mu.Unlock()
	}
}

// publish has survivors publish for a while, and returns the latencies, sorted.
func (f *failover) publish(span time.Duration) []time.Duration {
	f.mu.Lock()
	f.latency = nil
	f.mu.Unlock()
	ticker := time.NewTicker(time.Second / failoverEvents)
	defer ticker.Stop()
	for i, end := 0, time.Now().Add(span); time.Now().Before(end); i += 7 {
		<-ticker.C
		m := f.members[i%len(f.members)]
		if *m.replica.Load() != f.name {
			m.Publish("failover", time.Now().UnixNano())
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.latency)
	return f.latency
}

func (f *failover) report(b *testing.B, calm, storm []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := 0
	for _, m := range f.members {
		if *m.replica.Load() == f.name {
			lost++
		}
	}
	slices.Sort(f.back)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(float64(lost), "members-cut")
	b.ReportMetric(float64(len(f.back)), "members-back")
	b.ReportMetric(float64(f.replays), "by-replay")
	b.ReportMetric(ms(quantile(f.back, 0.5)), "back-p50-ms")
	b.ReportMetric(ms(quantile(f.back, 0.99)), "back-p99-ms")
	b.ReportMetric(float64(f.errors.Load()), "errors")
	b.ReportMetric(ms(quantile(calm, 0.99)), "others-before-p99-ms")
	b.ReportMetric(ms(quantile(storm, 0.99)), "others-during-p99-ms")
	b.ReportMetric(0, "ns/op")
	if len(f.back) != lost || f.replays != lost || f.errors.Load() > 0 {
		b.Errorf("%d members were cut, %d came back, %d of them by replay, with %d errors", lost, len(f.back), f.replays, f.errors.Load())
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (f *failover) stop() {
	f.cancel()
	f.running.Wait()
}
