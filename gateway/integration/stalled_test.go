package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	stalledSize  = 16 << 10               // bytes of an event
	stalledPause = 500 * time.Millisecond // between two events of a session
	stalledCalm  = 10 * time.Second
	stalledFills = 45 * time.Second // until as much waits for those who stall as may; kernels take about a megabyte
	stalledSpan  = 15 * time.Second // that is measured then: before their sockets have taken nothing for a minute
)

// BenchmarkStalled has members stop reading, and reports what the others notice
// of it and what it costs the replica in memory: while all read, when as much
// waits for those who stall as may, and some time later. Then they read again,
// and it reports how they came to be up to date. Run it with -benchtime 1x on a
// machine that does nothing else.
func BenchmarkStalled(b *testing.B) {
	for _, h := range []hall{
		{name: "none-beside-360", sessions: 20, readers: 18, stallers: 0},
		{name: "40-beside-360", sessions: 20, readers: 18, stallers: 2},
		{name: "1000-beside-100", sessions: 20, readers: 5, stallers: 50},
	} {
		b.Run(h.name, func(b *testing.B) {
			for range b.N {
				h.measure(b)
			}
		})
	}
}

// hall is the members of BenchmarkStalled.
type hall struct {
	name                        string
	sessions, readers, stallers int // the latter two in each session
}

// audience is the members of one run.
type audience struct {
	hall
	replica *gateway
	valve   valve     // of those who stall
	watch   stopwatch // of those who go on reading
	reading []*client.Client
	stalled []*client.Client
	faults  faults
	broken  faults       // connections
	told    atomic.Int64 // states to those who had stalled: they got no replay
}

func (h hall) measure(b *testing.B) {
	redis := redistest.Start(b)
	a := &audience{hall: h, replica: startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), "PLENUM_SESSION_CAPACITY=1000",
		"PLENUM_HEARTBEAT_INTERVAL=10m", "PLENUM_HEARTBEAT_TIMEOUT=20m")} // who stalls does not answer
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	a.fill(b, ctx, &running)
	talking, hush := context.WithCancel(ctx)
	var talks sync.WaitGroup
	for i := range h.sessions {
		talks.Go(func() { a.talk(talking, i) })
	}
	g := gauge{b: b, pids: []int{a.replica.pid()}}
	first := g.read()
	a.pass(b, stalledCalm)
	calm, before := a.watch.lap(), g.read()

	a.valve.close()
	a.pass(b, stalledFills)
	a.watch.lap()
	full := g.read()
	a.pass(b, stalledSpan)
	during, later := a.watch.lap(), g.read()

	a.valve.open()
	hush()
	talks.Wait()
	a.caughtUp(b)
	tellQuantiles(b, "others-before", calm)
	tellQuantiles(b, "others-during", during)
	b.ReportMetric(before.rss/(1<<20), "MiB-before")
	b.ReportMetric(full.rss/(1<<20), "MiB-when-full")
	b.ReportMetric(later.rss/(1<<20), "MiB-later")
	calmly, busily := before.since(first), later.since(full)
	b.ReportMetric(micros(calmly.cpu)/float64(len(calm)), "µs/delivery-before")
	b.ReportMetric(micros(busily.cpu)/float64(len(during)), "µs/delivery-during")
	b.ReportMetric(a.lagged(b), "lagged")
	b.ReportMetric(float64(a.told.Load()), "by-state")
	b.ReportMetric(0, "ns/op")
	if lagged := a.lagged(b); int(lagged) < len(a.stalled) {
		b.Errorf("only %v of %d who did not read had more waiting for them than may wait", lagged, len(a.stalled))
	}
	a.broken.report(b, "broken connections")
	a.faults.report(b, "errors")
}

// pass lets a phase of the benchmark go by.
func (a *audience) pass(b *testing.B, d time.Duration) {
	if !pause(b.Context(), d) {
		b.Fatal("the benchmark was ended")
	}
}

// fill has everybody join, all on one replica.
func (a *audience) fill(b *testing.B, ctx context.Context, running *sync.WaitGroup) {
	stalling := a.valve.client()
	for i := range a.sessions * (a.readers + a.stallers) {
		joined := make(chan struct{})
		once := sync.OnceFunc(func() { close(joined) })
		o := client.Options{URLs: []string{a.replica.URL()}, Session: fmt.Sprintf("hall-%d", i%a.sessions), Name: fmt.Sprintf("m%d", i),
			OnWelcome: func(*wire.Welcome) { once() },
			OnError:   a.faults.add,
			OnStatus: func(s client.Status) {
				if s.Phase == client.PhaseReconnecting && ctx.Err() == nil {
					a.broken.add(s.Err)
				}
			}}
		list := &a.reading
		if i < a.sessions*a.stallers {
			list, o.HTTPClient = &a.stalled, stalling
			o.OnState = func(s client.State) {
				if s.Reason == wire.ReasonLagged {
					a.told.Add(1)
				}
			}
		} else {
			o.OnEvents = a.watch.saw
		}
		c := client.New(o)
		*list = append(*list, c)
		running.Go(func() {
			if err := c.Run(ctx); err != nil && ctx.Err() == nil {
				a.faults.add(err)
			}
		})
		select {
		case <-joined:
		case <-time.After(patience):
			b.Fatalf("member %d has not joined", i)
		}
	}
}

// talk has one who reads say something large again and again.
func (a *audience) talk(ctx context.Context, session int) {
	// Not all at once.
	for wait := stalledPause * time.Duration(session) / time.Duration(a.sessions); pause(ctx, wait); wait = stalledPause {
		if _, err := a.speaker(session).Publish(timedEvent, stamped(stalledSize)); err != nil {
			a.faults.add(err)
		}
	}
}

// speaker is the first of a session who reads.
func (a *audience) speaker(session int) *client.Client { return a.reading[session] }

// caughtUp waits until everybody is where those are who went on reading.
func (a *audience) caughtUp(b *testing.B) {
	for i := range a.sessions {
		poll(b, "everything to be settled", func() error {
			if n := a.speaker(i).Pending(); n > 0 {
				return fmt.Errorf("%d requests are not", n)
			}
			return nil
		})
	}
	for i, c := range a.stalled {
		poll(b, "a member to be up to date", func() error {
			if at, head := c.Position(), a.speaker(i%a.sessions).Position(); at != head {
				return fmt.Errorf("it is at %v, and others at %v", at, head)
			}
			return nil
		})
	}
}

// lagged is how many connections the replica had to bring up to date.
func (a *audience) lagged(b *testing.B) float64 {
	var stats struct {
		Figures struct{ Connections struct{ Lagged float64 } }
	}
	getJSON(b, a.replica.URL()+"/api/stats", &stats)
	return stats.Figures.Connections.Lagged
}

// valve is open until it is closed; then nothing more is read from the sockets
// behind it than what was under way. Its methods may be called concurrently.
type valve struct {
	mu   sync.Mutex
	shut chan struct{} // guarded by mu; closed when the valve opens again; nil: it is open
}

func (v *valve) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = make(chan struct{})
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.shut)
	v.shut = nil
}

// pass waits until it is open.
func (v *valve) pass() {
	v.mu.Lock()
	shut := v.shut
	v.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// client has sockets behind the valve. They take little and in segments as
// networks have them: kernels size the sender's buffer by those, and by the
// 64 KiB of the loopback it would hold megabytes that no gateway sees.
func (v *valve) client() *http.Client {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10); err == nil {
				err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400)
			}
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &valved{conn, v}, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}
}

// valved is a socket behind a valve.
type valved struct {
	net.Conn
	valve *valve
}

func (c *valved) Read(b []byte) (int, error) {
	c.valve.pass()
	return c.Conn.Read(b)
}
