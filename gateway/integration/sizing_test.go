package integration

import (
	"flag"
	"fmt"
	"syscall"
	"testing"
	"time"

	ps "github.com/shirou/gopsutil/v4/process"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/gateway/loadtest"
)

var sizingSpan = flag.Duration("sizing-span", 15*time.Second, "how long BenchmarkSizing measures each load")

// BenchmarkSizing measures the coefficients of docs/sizing.md: two replicas on one
// Redis, and the load test as their members, all on this machine. "make measure"
// runs it; nothing else should run beside it.
func BenchmarkSizing(b *testing.B) {
	for range b.N {
		s := sizing{seats: make(map[int]float64), costs: make(map[string]cost)}
		b.Run("idle", s.idle)
		b.Run("load", s.load)
		b.Run("nginx", s.nginx)
		b.Run("coefficients", s.derive)
	}
}

// sizing collects what the parts of BenchmarkSizing found.
type sizing struct {
	seats map[int]float64 // bytes of Redis for each, by members of a session
	costs map[string]cost // of each load
}

// cost is what a load cost, per second.
type cost struct {
	events, frames, deliveries float64
	gateway, redis             float64 // µs of processor time
	scripts, calls, in, out    float64 // of Redis
	memory                     float64 // bytes that Redis grew by
	received                   float64 // bytes, by all members
	report                     *loadtest.Report
}

// sizingWarm is how long a load goes on before it is measured: what joining brings
// with it (rosters that are noted, sessions that are looked at once more) is over
// by then.
const sizingWarm = 12 * time.Second

// sized starts replicas whose limits are in nobody's way.
func sized(b *testing.B, settings ...string) (*gauge, []*gateway) {
	redis := redistest.Start(b, "appendonly yes", "appendfsync everysec")
	settings = append([]string{"PLENUM_REDIS_URL=" + redis.URL(), "PLENUM_SESSION_CAPACITY=1000", "PLENUM_HANDSHAKES=100000",
		"PLENUM_RATE=1000", "PLENUM_RATE_BURST=1000"}, settings...)
	both := []*gateway{startGateway(b, settings...), startGateway(b, settings...)}
	g := &gauge{b: b, redis: redis}
	for _, r := range both {
		r.awaitReady(b, 200)
		g.pids = append(g.pids, r.pid())
	}
	return g, both
}

// shape is a load.
type shape struct {
	name              string
	sessions, members int
	rate              float64 // of each member
}

func (s shape) options(targets ...string) loadtest.Options {
	o := loadtest.Defaults()
	o.Targets, o.Sessions, o.Members, o.Rate, o.Duration = targets, s.sessions, s.members, s.rate, sizingWarm+*sizingSpan
	o.Ramp = max(time.Second, time.Duration(s.sessions*s.members)*2*time.Millisecond)
	return o
}

// measured runs a load, and returns what it cost for as long as it was measured,
// and the readings before anybody came and at both ends.
func measured(b *testing.B, g *gauge, o loadtest.Options) (load cost, before, began, ended reading) {
	b.Helper()
	before = g.read()
	var from, to loadtest.Progress
	o.Progress = func(p loadtest.Progress) {
		switch {
		case p.Phase == "under load" && p.Elapsed >= sizingWarm && from.Phase == "":
			began, from = g.read(), p
		case p.Phase == "settling" && to.Phase == "":
			ended, to = g.read(), p
		}
	}
	report, err := loadtest.Run(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if report.Connections.Failed+report.Messages.Failed > 0 {
		b.Errorf("%+v %+v %v", report.Connections, report.Messages, report.Failures)
	}
	if report.Generator.Limit {
		b.Logf("not to be trusted: %v", report.Generator.Signs)
	}
	used, seconds := ended.since(began), ended.at.Sub(began.at).Seconds()
	a := func(x float64) float64 { return x / seconds }
	return cost{events: a(float64(to.Sent - from.Sent)), frames: a(float64(to.Frames - from.Frames)), deliveries: a(float64(to.Deliveries - from.Deliveries)),
		gateway: a(micros(used.cpu)), redis: a(micros(used.redis.cpu)), scripts: a(used.redis.scripts), calls: a(used.redis.calls),
		in: a(used.redis.in), out: a(used.redis.out), memory: a(used.redis.memory), received: a(float64(to.Received - from.Received)),
		report: report}, before, began, ended
}

// idle measures members who are there and say nothing.
func (s *sizing) idle(b *testing.B) {
	const users, beat = 4800, 5 * time.Second
	for _, members := range []int{2, 12, 48} {
		b.Run(fmt.Sprintf("sessions-of-%d", members), func(b *testing.B) {
			g, both := sized(b, "PLENUM_HEARTBEAT_INTERVAL="+beat.String(), "PLENUM_HEARTBEAT_TIMEOUT=9s")
			o := shape{"", users / members, members, 0}.options(both[0].URL(), both[1].URL())
			load, before, _, ended := measured(b, g, o)
			grown := ended.since(before)
			s.seats[members] = grown.redis.memory / users
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(before.rss/float64(len(g.pids))/(1<<20), "MiB/empty-replica")
			b.ReportMetric(grown.rss/users/1024, "KiB/connection")
			b.ReportMetric(grown.redis.memory/users, "redis-B/seat")
			b.ReportMetric(float64(grown.opened)/users, "descriptors/connection")
			b.ReportMetric(load.gateway/(users/beat.Seconds()), "gateway-µs/heartbeat")
			b.ReportMetric(load.redis/float64(users/members), "redis-µs/session/s")
			b.ReportMetric(load.calls/float64(users/members), "redis-commands/session/s")
		})
	}
}

// shapes of load measures what events cost.
var shapes = []shape{
	{"alone", 300, 1, 1},      // each event is a frame to one connection, on one replica
	{"pairs", 150, 2, 1},      // to two, on two replicas
	{"audience", 20, 50, 0.1}, // to fifty, on two replicas
	{"meetings", 100, 12, 1},  // the ordinary meeting, in which everybody talks
	{"crowds", 20, 50, 2},     // frames of many events
}

func (s *sizing) load(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			g, both := sized(b)
			load, _, _, _ := measured(b, g, shape.options(both[0].URL(), both[1].URL()))
			s.costs[shape.name] = load
			load.tell(b)
		})
	}
}

func (c *cost) tell(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(c.events, "events/s")
	b.ReportMetric(c.frames/c.events, "frames/event")
	b.ReportMetric(c.gateway/c.events, "gateway-µs/event")
	b.ReportMetric(c.gateway/c.deliveries, "gateway-µs/delivery")
	b.ReportMetric(c.redis/c.events, "redis-µs/event")
	b.ReportMetric(c.scripts/c.events, "redis-scripts/event")
	b.ReportMetric(c.calls/c.events, "redis-commands/event")
	b.ReportMetric(c.in/c.events, "redis-B-in/event")
	b.ReportMetric(c.out/c.events, "redis-B-out/event")
	b.ReportMetric(c.memory/c.events, "redis-B-kept/event")
	b.ReportMetric(c.received/c.deliveries, "members-B/delivery")
	b.ReportMetric(c.report.Latency.P50, "p50-ms")
	b.ReportMetric(c.report.Latency.P99, "p99-ms")
}

// nginx measures what nginx adds: it passes on each frame.
func (s *sizing) nginx(b *testing.B) {
	_, both := sized(b)
	proxy := startNginx(b, both...)
	master, err := ps.NewProcess(int32(proxy.pid()))
	if err != nil {
		b.Fatal(err)
	}
	workers, err := master.Children()
	if err != nil {
		b.Fatalf("the workers of nginx: %v", err)
	}
	g := &gauge{b: b}
	for _, w := range workers {
		g.pids = append(g.pids, int(w.Pid))
	}
	audience := shapes[2]
	load, before, began, _ := measured(b, g, audience.options(proxy.URL()))
	users, grown := float64(audience.sessions*audience.members), began.since(before)
	s.costs["nginx"] = load
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(load.gateway/load.frames, "nginx-µs/frame")
	b.ReportMetric(float64(grown.opened)/users, "descriptors/connection")
	b.ReportMetric(grown.rss/users/1024, "KiB/connection")
	proxy.signal(syscall.SIGTERM)
}

// derive works the coefficients out of what was measured; see docs/sizing.md.
func (s *sizing) derive(b *testing.B) {
	alone, pairs, audience, meetings := s.costs["alone"], s.costs["pairs"], s.costs["audience"], s.costs["meetings"]
	if len(s.seats) == 0 || audience.events == 0 || meetings.events == 0 {
		b.Fatal("the coefficients are of the other parts: run them too")
	}
	gateway := func(c cost) float64 { return c.gateway / c.events }
	frames := func(c cost) float64 { return c.frames / c.events }
	frame := (gateway(audience) - gateway(pairs)) / (frames(audience) - frames(pairs))
	heard := gateway(pairs) - gateway(alone) - frame
	taken := gateway(alone) - frame
	session := (s.seats[2] - s.seats[48]) / (1.0/2 - 1.0/48)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(taken, "gateway-µs/event-taken")
	b.ReportMetric(heard, "gateway-µs/event-heard")
	b.ReportMetric(frame, "gateway-µs/frame")
	b.ReportMetric(session, "redis-B/session")
	b.ReportMetric(s.seats[48]-session/48, "redis-B/seat")
	b.ReportMetric(gateway(meetings), "meetings-µs/event")
	b.ReportMetric(taken+heard+frame*frames(meetings), "meetings-µs/event-by-these")
}
