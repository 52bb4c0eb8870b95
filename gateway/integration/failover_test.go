package integration

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The size of BenchmarkFailover: the members of one killed replica are a third. They
// come back at a random moment of the jitter: of 100 ms, if they are clients that
// lose their first connection.
var (
	failoverSessions = flag.Int("failover-sessions", 1250, "how many sessions of 12 members BenchmarkFailover has")
	failoverJitter   = flag.Duration("failover-jitter", 5*time.Second, "when BenchmarkFailover's members come back")
)

const (
	failoverMembers = 12              // in each session
	failoverJoining = 64              // at once
	failoverEvents  = 100             // a second, in all sessions together
	failoverSettles = 5 * time.Second // after the joins, whose frames hold up what comes behind them
	failoverCalm    = 10 * time.Second
	failoverControl = 5 * time.Second
	failoverLongest = 15 * time.Second       // for the return
	failoverServers = time.Millisecond       // that a return takes of a replica and Redis, see gateway-µs/return
	failoverClient  = 330 * time.Microsecond // and of its client
	failoverSettled = 12 * time.Second       // after the kill: the lease has ended, and what it left was seen to
)

// BenchmarkFailover kills one of three replicas with 15,000 members and reports
// how long its members were away, how many of them came back by exact replay,
// and what the members of the other two noticed: until the last one was back, and
// then until what the dead replica left was seen to. Before that, as a control, other
// processes use as much processor time as the return will: what the others notice
// then is the machine's doing. Run it with -benchtime 1x on a machine that does
// nothing else.
//
// Those who return are a process of their own with a low priority: what is to
// be seen is what their return costs the others at the gateways, and not what it
// costs the clients, which elsewhere are other machines. (With the class SCHED_IDLE
// the kernel leaves programs that wait on one processor while only such a process
// runs on the other: 20 ms.)
func BenchmarkFailover(b *testing.B) {
	for range b.N {
		f := startFailover(b)
		f.fill()
		collect := withoutCollector()
		time.Sleep(failoverSettles)
		first := f.read()
		calm := f.publish(context.Background(), failoverCalm)
		calmed := f.read()
		burned := f.burn(b, failoverControl)
		control := f.publish(context.Background(), failoverControl)
		burned()
		second := f.read()
		f.killed = time.Now()
		f.victim.signal(syscall.SIGKILL)
		f.returners.tell(b, fmt.Sprint(f.killed.UnixNano()))
		back, done := context.WithCancel(context.Background())
		go func() {
			f.returners.read(b)
			done()
		}()
		storm := f.publish(back, failoverLongest)
		third := f.read()
		after := f.publish(context.Background(), time.Until(f.killed.Add(failoverSettled)))
		f.returners.tell(b, "enough")
		<-back.Done() // they say so at the latest now
		f.report(b, calm, control, storm, after)
		f.tellCosts(b, calmed.since(first), third.since(second))
		collect()
		f.stop()
	}
}

// withoutCollector has this process collect no more garbage until the function is
// called that it returns. Marking what thousands of clients hold keeps both of two
// cores busy for a tenth of a second: the clients' cost, elsewhere spread over
// thousands of machines, and to be seen in every 99th percentile.
func withoutCollector() (again func()) {
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(percent) }
}

// failover is one run of the benchmark.
type failover struct {
	victim    *gateway
	killed    time.Time
	replicas  []*gateway
	gateways  gauge // the survivors, and Redis
	clients   gauge // those who return
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
	var addresses []string
	for i := range 3 {
		g := startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), "PLENUM_LOG_LEVEL=info")
		addresses = append(addresses, g.Addr)
		f.replicas = append(f.replicas, g)
		if i == 0 {
			f.victim = g
			continue
		}
		f.gateways.pids = append(f.gateways.pids, g.pid())
	}
	f.gateways.b, f.gateways.redis = b, redis
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.returners = startReturners(b, addresses)
	f.clients = gauge{b: b, pids: []int{f.returners.pid}}
	return f
}

// costs are what the survivors, Redis and those who return have used.
type costs struct {
	gateways, clients reading
}

func (f *failover) read() costs { return costs{f.gateways.read(), f.clients.read()} }

func (c costs) since(before costs) costs {
	return costs{c.gateways.since(before.gateways), c.clients.since(before.clients)}
}

// tellCosts reports what a return took, beyond what the same time took before.
func (f *failover) tellCosts(b *testing.B, calm, storm costs) {
	share := float64(storm.gateways.at.Sub(f.killed)) / float64(failoverCalm)
	each := func(before, during time.Duration) float64 {
		return (micros(during) - micros(before)*share) / float64(f.cut())
	}
	b.ReportMetric(each(calm.gateways.cpu, storm.gateways.cpu), "gateway-µs/return")
	b.ReportMetric(each(calm.gateways.redis.cpu, storm.gateways.redis.cpu), "redis-µs/return")
	b.ReportMetric(each(calm.clients.cpu, storm.clients.cpu), "client-µs/return")
	b.ReportMetric(micros(calm.gateways.cpu+calm.gateways.redis.cpu)/micros(failoverCalm), "servers-cores-before")
}

// cut is how many members the replica has that is killed.
func (f *failover) cut() int { return *failoverSessions * failoverMembers / 3 }

// fill has everybody join.
func (f *failover) fill() {
	gate := make(chan struct{}, failoverJoining)
	for i := range *failoverSessions * failoverMembers {
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

// failoverMember is the session and the name of the member with a number, who
// begins at the replica of that number.
func failoverMember(i int) (session, name string) {
	return fmt.Sprintf("failover-%d", i/failoverMembers), fmt.Sprintf("m%d", i)
}

func (f *failover) join(i int) (joined chan struct{}) {
	joined = make(chan struct{})
	o := client.Options{URLs: []string{f.replicas[i%3].URL()}}
	o.Session, o.Name = failoverMember(i)
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

func (f *failover) report(b *testing.B, calm, control, storm, after []time.Duration) {
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
	tellQuantiles(b, "others-control", control)
	tellQuantiles(b, "others-during", storm)
	tellQuantiles(b, "others-after", after)
	b.ReportMetric(0, "ns/op")
	if len(r.Back) != r.Members || r.Replays != r.Members || r.Errors+f.errors.Load() > 0 {
		b.Errorf("%d members were cut, %d came back, %d of them by replay, with %d errors; the 99th percentile of the others went from %v to %v",
			r.Members, len(r.Back), r.Replays, r.Errors+f.errors.Load(), quantile(calm, 0.99), quantile(storm, 0.99))
	}
}

func (f *failover) stop() {
	f.cancel()
	f.running.Wait()
}
