package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// What a meeting costs at most, in bytes on the wire: each other client for one
// vote, and all fifty together for a round with everybody's vote and the reveal.
const (
	voteCost  = 150
	roundCost = 500_000
)

// quietHeart keeps heartbeats out of what is counted.
var quietHeart = []string{"PLENUM_HEARTBEAT_INTERVAL=30m", "PLENUM_HEARTBEAT_TIMEOUT=40m"}

// counted is a member whose bytes are counted, both ways, and who notes when
// somebody's vote is seen.
type counted struct {
	*member
	in, out atomic.Int64
	votes   votesSeen
}

// votesSeen are the moments at which votes were seen, by the member who voted.
type votesSeen struct {
	mu sync.Mutex
	at map[string]time.Time
}

// fiftyCounted join a meeting by way of some URLs, each at one of them.
func fiftyCounted(t testing.TB, m *meeting, urls []string, gzip bool) []*counted {
	t.Helper()
	all := make([]*counted, 50)
	for i := range all {
		c := &counted{votes: votesSeen{at: make(map[string]time.Time)}}
		c.member = join(t, m.session, fullName(i), []string{urls[i%len(urls)]}, c.count, func(o *client.Options) { o.Gzip = gzip })
		all[i] = c
	}
	for _, c := range all {
		c.welcomed(t, 1)
	}
	head := uint64(0)
	for _, c := range all {
		head = max(head, c.Position().Offset)
	}
	for _, c := range all {
		c.caughtUp(t, head)
	}
	return all
}

func (c *counted) count(o *client.Options) {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &countingConn{conn, c}, err
	}
	o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	events := o.OnEvents
	o.OnEvents = func(all []wire.Event) {
		now := time.Now()
		c.votes.mu.Lock()
		for _, e := range all {
			if e.Event == "vote.state" {
				c.votes.at[between(string(e.Data), `"member":"`, `"`)] = now
			}
		}
		c.votes.mu.Unlock()
		events(all)
	}
}

type countingConn struct {
	net.Conn
	of *counted
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.of.in.Add(int64(n))
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.of.out.Add(int64(n))
	return n, err
}

// saw is when a member's vote was seen, since it was forgotten last.
func (v *votesSeen) saw(member string) (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, ok := v.at[member]
	return at, ok
}

func (v *votesSeen) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.at)
}

// spent is what all of them have received and sent.
func spent(all []*counted) (bytes int64) {
	for _, c := range all {
		bytes += c.in.Load() + c.out.Load()
	}
	return bytes
}

// votesAlone has one member vote, and returns what that cost each other client at most.
func votesAlone(t testing.TB, all []*counted, who int, round int, card string) (bytes int64) {
	t.Helper()
	before := make([]int64, len(all))
	for i, c := range all {
		before[i] = c.in.Load()
	}
	all[who].member.votes(t, round, card)
	for i, c := range all {
		c.until(t, "the vote", func() bool { _, ok := c.votes.saw(all[who].Member()); return ok })
		if i != who {
			bytes = max(bytes, c.in.Load()-before[i])
		}
	}
	return bytes
}

// One vote is a tick, and no more, for everybody else; a re-pick is nothing.
func TestAVoteIsSmall(t *testing.T) {
	gateway := startGateway(t, quietHeart...)
	m := newMeeting(t, gateway.URL(), "small", `{"deck":["a very big","tiny","?"]}`)
	all := fiftyCounted(t, m, []string{gateway.URL()}, false)
	before := spent(all)
	worst := int64(0)
	for i := range all {
		worst = max(worst, votesAlone(t, all, i, 1, []string{"a very big", "tiny"}[i%2]))
	}
	alone := timerCost(t, all, 1)
	all[0].member.votes(t, 1, "tiny")
	if both := timerCost(t, all, 2); both > alone+2 { // a digit more in an offset or a token
		t.Errorf("a timer costs each other client %d bytes, and with a re-pick ahead of it %d", alone, both)
	}
	all[0].do(t, "reveal", `{"round":1}`)
	for _, c := range all {
		c.until(t, "the reveal", func() bool { return seen(c.member, "round.revealed") })
	}
	total := spent(all) - before
	t.Logf("a vote costs each other client at most %d bytes; a round of 50 costs %d in all", worst, total)
	if worst > voteCost {
		t.Errorf("a vote costs another client %d bytes; at most %d are promised", worst, voteCost)
	}
	if total > roundCost {
		t.Errorf("a round costs %d bytes; at most %d are promised", total, roundCost)
	}
}

// timerCost starts a timer for the nth time, which is told to all, and returns
// what that and whatever was told ahead of it cost each other client.
func timerCost(t testing.TB, all []*counted, nth int) int64 {
	t.Helper()
	others := all[1:]
	before := received(others)
	all[0].do(t, "start_timer", `{"seconds":60}`)
	for _, c := range others {
		c.until(t, "the timer", func() bool { return timesSeen(c.member, "timer.changed") == nth })
	}
	return (received(others) - before) / int64(len(others))
}

func received(all []*counted) (bytes int64) {
	for _, c := range all {
		bytes += c.in.Load()
	}
	return bytes
}

// BenchmarkEstimation prints what a meeting of 50 over three replicas costs: the
// bytes of a vote at each other client, those of a whole round, and how long it
// takes from a vote to the tick on every other screen. An operation is a round,
// in which people vote within five seconds.
func BenchmarkEstimation(b *testing.B) {
	for name, gzip := range map[string]bool{"plain": false, "gzip": true} {
		b.Run(name, func(b *testing.B) { benchmarkEstimation(b, gzip) })
	}
}

func benchmarkEstimation(b *testing.B, gzip bool) {
	redis := redistest.Start(b)
	settings := append([]string{"PLENUM_REDIS_URL=" + redis.URL()}, quietHeart...)
	var gateways []*gateway
	var urls []string
	for range 3 {
		g := startGateway(b, settings...)
		gateways, urls = append(gateways, g), append(urls, g.URL())
	}
	proxy := startNginx(b, gateways...)
	m := newMeeting(b, proxy.URL(), strings.ToLower("bench-"+fmt.Sprint(gzip)), "")
	all := fiftyCounted(b, m, urls, gzip)
	round := 1
	var ticks []time.Duration
	var bytes, worst int64
	for b.Loop() {
		before := spent(all)
		ticks = append(ticks, votesWithin(b, all, round, 5*time.Second)...)
		all[0].do(b, "reveal", fmt.Sprintf(`{"round":%d}`, round))
		reached(b, all, "round.revealed", round)
		bytes += spent(all) - before
		round++
		all[0].do(b, "start_round", `{}`)
		reached(b, all, "round.started", round-1)
		forgetVotes(all)
		worst = max(worst, votesAlone(b, all, 7, round, "21"))
		all[7].do(b, "retract_vote", fmt.Sprintf(`{"round":%d}`, round))
		forgetVotes(all)
	}
	slices.Sort(ticks)
	b.ReportMetric(float64(worst), "bytes/vote")
	b.ReportMetric(float64(bytes)/float64(b.N)/1000, "KB/round")
	b.ReportMetric(float64(ticks[len(ticks)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(ticks[len(ticks)*99/100].Microseconds())/1000, "p99-ms")
}

func forgetVotes(all []*counted) {
	for _, c := range all {
		c.votes.forget()
	}
}

// reached waits until everybody was told of an event so many times.
func reached(t testing.TB, all []*counted, event string, times int) {
	t.Helper()
	for _, c := range all {
		c.until(t, fmt.Sprintf("%d × %s", times, event), func() bool {
			n := 0
			for _, e := range c.events {
				if e.Event == event {
					n++
				}
			}
			return n >= times
		})
	}
}

// votesWithin has everybody vote at a random moment, and returns how long each
// vote took to each other member.
func votesWithin(t testing.TB, all []*counted, round int, within time.Duration) (ticks []time.Duration) {
	t.Helper()
	began, errs := make([]time.Time, len(all)), make([]error, len(all))
	var voting sync.WaitGroup
	for i, c := range all {
		voting.Go(func() {
			if pause(t.Context(), rand.N(within)) {
				began[i] = time.Now()
				vote := map[string]any{"round": round, "card": []string{"3", "5", "8", "13"}[i%4]}
				_, errs[i] = c.Command(t.Context(), "cast_vote", vote)
			}
		})
	}
	voting.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, from := range all {
		for k, to := range all {
			to.until(t, "every vote", func() bool { _, ok := to.votes.saw(from.Member()); return ok })
			if at, _ := to.votes.saw(from.Member()); i != k {
				ticks = append(ticks, at.Sub(began[i]))
			}
		}
	}
	return ticks
}
