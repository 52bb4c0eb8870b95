package integration

import (
	"context"
	"encoding/json"
	"fmt"
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
	failoverCalm     = 10 * time.Second
	failoverLongest  = 15 * time.Second // for the return
)

// BenchmarkFailover kills one of three replicas with 15,000 members and reports
// how long its members were away, how many of them came back by exact replay,
// and what the members of the other two noticed until the last one was back. Run
// it with -benchtime 1x on a machine that does nothing else.
//
// Those who return are a process of their own with a low priority: what is to
// be seen is what their return costs the others at the gateways, and not what it
// costs the clients, which elsewhere are other machines.
func BenchmarkFailover(b *testing.B) {
	for range b.N {
		f := startFailover(b)
		f.fill()
		calm := f.publish(context.Background(), failoverCalm)
		f.victim.signal(syscall.SIGKILL)
		f.returners.tell(b, fmt.Sprint(time.Now().UnixNano()))
		back, done := context.WithCancel(context.Background())
		go func() {
			f.returners.read(b)
			done()
		}()
		storm := f.publish(back, failoverLongest)
		f.returners.tell(b, "enough")
		f.report(b, calm, storm)
		f.stop()
	}
}

// failover is one run of the benchmark.
type failover struct {
	victim    *gateway
	urls      []string
	returners *returners
	members   []*client.Client // on the other replicas
	watch     stopwatch
	running   sync.WaitGroup
	errors    atomic.Int64
	cancel    context.CancelFunc
	ctx       context.Context
}

func startFailover(b *testing.B) *failover {
	redis := redistest.Start(b)
	f := new(failover)
	for i := range 3 {
		g := startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), "PLENUM_LOG_LEVEL=info")
		f.urls = append(f.urls, g.URL())
		if i == 0 {
			f.victim = g
		}
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.returners = startReturners(b, f.urls)
	return f
}

// fill has everybody join.
func (f *failover) fill() {
	gate := make(chan struct{}, failoverJoining)
	for i := range failoverSessions * failoverMembers {
		if i%3 == 0 {
			continue // one of those who will return
		}
		gate <- struct{}{}
		joined := f.join(i)
		go func() {
			<-joined
			<-gate
		}()
	}
	for range failoverJoining {
		gate <- struct{}{}
	}
	f.returners.read(f.returners.b) // they are in, too
}

// failoverOptions are those of the member with a number, who begins at the
// replica of that number.
func failoverOptions(urls []string, i int) client.Options {
	return client.Options{URLs: append(urls[i%3:len(urls):len(urls)], urls[:i%3]...),
		Session: fmt.Sprintf("failover-%d", i/failoverMembers), Name: fmt.Sprintf("m%d", i)}
}

func (f *failover) join(i int) (joined chan struct{}) {
	joined = make(chan struct{})
	o := failoverOptions(f.urls[i%3:i%3+1], 0) // nowhere else
	o.Session, o.Name = fmt.Sprintf("failover-%d", i/failoverMembers), fmt.Sprintf("m%d", i)
	o.OnWelcome = func(*wire.Welcome) { close(joined) } // a second one would be a failure, and panics
	o.OnEvents = f.watch.saw
	o.OnError = func(error) { f.errors.Add(1) }
	m := client.New(o)
	f.members = append(f.members, m)
	f.running.Go(func() {
		if m.Run(f.ctx) != nil && f.ctx.Err() == nil {
			f.errors.Add(1)
		}
	})
	return joined
}

// publish has members publish for a while, or until ctx ends, and returns how
// long the events took, sorted.
func (f *failover) publish(ctx context.Context, span time.Duration) []time.Duration {
	f.watch.lap()
	ticker := time.NewTicker(time.Second / failoverEvents)
	defer ticker.Stop()
	for i, end := 0, time.Now().Add(span); time.Now().Before(end) && ctx.Err() == nil; i += 7 {
		<-ticker.C
		if _, err := f.members[i%len(f.members)].Publish(timedEvent, stamped(0)); err != nil {
			f.errors.Add(1)
		}
	}
	return f.watch.lap()
}

func (f *failover) report(b *testing.B, calm, storm []time.Duration) {
	var r returned
	if err := json.Unmarshal([]byte(f.returners.read(b)), &r); err != nil {
		b.Fatalf("what the returners say: %v", err)
	}
	b.ReportMetric(float64(r.Members), "members-cut")
	b.ReportMetric(float64(len(r.Back)), "members-back")
	b.ReportMetric(float64(r.Replays), "by-replay")
	tellQuantiles(b, "back", r.Back)
	b.ReportMetric(millis(quantile(r.Back, 1)), "back-last-ms")
	b.ReportMetric(float64(r.Errors)+float64(f.errors.Load()), "errors")
	tellQuantiles(b, "others-before", calm)
	tellQuantiles(b, "others-during", storm)
	b.ReportMetric(0, "ns/op")
	if len(r.Back) != r.Members || r.Replays != r.Members || r.Errors+f.errors.Load() > 0 {
		b.Errorf("%d members were cut, %d came back, %d of them by replay, with %d errors", r.Members, len(r.Back), r.Replays, r.Errors+f.errors.Load())
	}
}

func (f *failover) stop() {
	f.cancel()
	f.running.Wait()
}
