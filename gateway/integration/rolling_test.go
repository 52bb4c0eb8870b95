package integration

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	rollingReplicas = 3
	rollingSessions = 50
	rollingMembers  = 12                     // in each session
	rollingRate     = 50                     // PLENUM_DRAIN_RATE
	rollingPause    = 500 * time.Millisecond // between two events of a session
	rollingCalm     = 10 * time.Second
)

// BenchmarkRollingRestart stops and starts three replicas behind nginx one after
// the other, under members who talk, and reports what these noticed: what was
// lost, how long an event took to reach them (a gap in what they saw), and how
// many arrived in the fullest second. Run it with -benchtime 1x on a machine that
// does nothing else.
func BenchmarkRollingRestart(b *testing.B) {
	for range b.N {
		r := startRolling(b)
		talking, hush := context.WithCancel(r.ctx)
		var talks sync.WaitGroup
		for i := range rollingSessions {
			talks.Go(func() { r.talk(talking, i) })
		}
		if !pause(b.Context(), rollingCalm) {
			b.Fatal("the benchmark was ended")
		}
		calm := r.lags()
		began := time.Now()
		for i := range r.replicas {
			r.restart(b, i)
		}
		took := time.Since(began)
		hush()
		talks.Wait()
		r.settle(b)
		r.tell(b, calm, r.lags(), took)
		r.stop()
	}
}

// rolling is one run of the benchmark.
type rolling struct {
	redis    *redistest.Server
	addrs    []string
	replicas []*gateway
	members  []*traveller
	running  sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc
	faults   faults
}

// traveller is a member who is moved.
type traveller struct {
	*client.Client

	mu       sync.Mutex // guards the following
	first    uint64     // the offset of the first snapshot
	states   int
	events   int           // durable ones
	lag      time.Duration // the longest that an event took
	welcomes []time.Time
	breaks   int
}

func startRolling(b *testing.B) *rolling {
	r := &rolling{redis: redistest.Start(b), replicas: make([]*gateway, rollingReplicas)}
	for i := range rollingReplicas {
		r.addrs = append(r.addrs, fmt.Sprintf("127.0.0.1:%d", freePort(b)))
		r.start(b, i)
	}
	proxy := startNginx(b, r.replicas...)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for i := range rollingSessions * rollingMembers {
		r.come(b, proxy.URL(), i)
	}
	return r
}

func (r *rolling) start(b *testing.B, i int) {
	r.replicas[i] = startGateway(b, "PLENUM_LISTEN="+r.addrs[i], "PLENUM_REDIS_URL="+r.redis.URL(),
		fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), fmt.Sprintf("PLENUM_DRAIN_RATE=%d", rollingRate))
}

// come has somebody join.
func (r *rolling) come(b *testing.B, url string, i int) {
	m := new(traveller)
	joined := make(chan struct{})
	once := sync.OnceFunc(func() { close(joined) })
	m.Client = client.New(client.Options{URLs: []string{url}, Session: fmt.Sprintf("rolling-%d", i%rollingSessions), Name: fmt.Sprintf("m%d", i),
		OnWelcome: func(*wire.Welcome) { m.welcomed(); once() },
		OnState:   m.given, OnEvents: m.saw, OnStatus: m.status,
		OnSettled: func(s client.Settled) {
			if s.Err != nil && r.ctx.Err() == nil {
				r.faults.add(s.Err)
			}
		},
		OnError: r.faults.add})
	r.members = append(r.members, m)
	r.running.Go(func() {
		if err := m.Run(r.ctx); err != nil && r.ctx.Err() == nil {
			r.faults.add(err)
		}
	})
	select {
	case <-joined:
	case <-time.After(patience):
		b.Fatalf("member %d has not joined", i)
	}
}

func (m *traveller) welcomed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.welcomes = append(m.welcomes, time.Now())
}

func (m *traveller) given(s client.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states++; m.states == 1 {
		m.first = s.Session.Offset
	}
}

func (m *traveller) saw(events []wire.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range events {
		if events[i].Offset != 0 {
			m.events++
		}
		if d, ok := age(&events[i]); ok {
			m.lag = max(m.lag, d)
		}
	}
}

func (m *traveller) status(s client.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.Phase == client.PhaseReconnecting {
		m.breaks++
	}
}

// talk has the members of a session talk in turn.
func (r *rolling) talk(ctx context.Context, session int) {
	wait := rollingPause * time.Duration(session) / rollingSessions // not all at once
	for i := 0; pause(ctx, wait); i++ {
		wait = rollingPause
		speaker := r.members[session+i%rollingMembers*rollingSessions]
		if _, err := speaker.Publish(timedEvent, stamped(0)); err != nil {
			r.faults.add(err)
		}
	}
}

// restart is what an upgrade does with a replica.
func (r *rolling) restart(b *testing.B, i int) {
	r.replicas[i].Term()
	if code := r.replicas[i].Wait(b); code != 0 {
		b.Errorf("replica %d ended with exit code %d", i, code)
	}
	r.start(b, i)
	r.replicas[i].awaitReady(b, http.StatusOK)
}

// settle waits until all requests are settled and everybody has seen everything.
func (r *rolling) settle(b *testing.B) {
	for _, m := range r.members {
		poll(b, "everything to be settled", func() error {
			if n := m.Pending(); n > 0 {
				return fmt.Errorf("%d requests are not", n)
			}
			return nil
		})
	}
	for i, m := range r.members {
		poll(b, "everybody to have seen everything", func() error {
			if at, head := m.Position(), r.head(i%rollingSessions); at.Offset != head {
				return fmt.Errorf("member %d is at %d of %d", i, at.Offset, head)
			}
			return nil
		})
	}
}

func (r *rolling) head(session int) (head uint64) {
	for i := session; i < len(r.members); i += rollingSessions {
		head = max(head, r.members[i].Position().Offset)
	}
	return head
}

// lags returns the longest time that an event took to each member since it was
// called last, sorted.
func (r *rolling) lags() (lags []time.Duration) {
	for _, m := range r.members {
		m.mu.Lock()
		lags = append(lags, m.lag)
		m.lag = 0
		m.mu.Unlock()
	}
	slices.Sort(lags)
	return lags
}

func (r *rolling) tell(b *testing.B, calm, gaps []time.Duration, took time.Duration) {
	var lost, moves, breaks, states int
	var arrivals []time.Time
	for _, m := range r.members {
		m.mu.Lock()
		lost += int(m.Position().Offset-m.first) - m.events
		moves += len(m.welcomes) - 1
		arrivals = append(arrivals, m.welcomes[1:]...)
		breaks += m.breaks
		states += m.states - 1
		m.mu.Unlock()
	}
	busiest := busiestSecond(arrivals)
	b.ReportMetric(float64(len(r.members)), "members")
	b.ReportMetric(float64(moves), "moves")
	b.ReportMetric(float64(lost), "lost")
	b.ReportMetric(float64(breaks), "broken")
	tellQuantiles(b, "longest-before", calm)
	tellQuantiles(b, "longest-during", gaps)
	b.ReportMetric(float64(busiest), "arrivals-in-fullest-second")
	b.ReportMetric(took.Seconds(), "s-for-all-three")
	b.ReportMetric(0, "ns/op")
	if lost != 0 || states > 0 || breaks > 0 {
		b.Errorf("%d events were lost, %d snapshots given, %d connections broken", lost, states, breaks)
	}
	r.faults.report(b, "errors")
	if gap := quantile(gaps, 0.99); gap > 2*time.Second {
		b.Errorf("one in a hundred members had a gap of %v", gap)
	}
}

// busiestSecond is how many of them lie within a second, at most.
func busiestSecond(at []time.Time) (most int) {
	slices.SortFunc(at, time.Time.Compare)
	first := 0
	for last := range at {
		for at[last].Sub(at[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

func (r *rolling) stop() {
	r.cancel()
	r.running.Wait()
}
