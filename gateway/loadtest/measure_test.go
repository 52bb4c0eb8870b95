package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestPayloads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []Kind{Broadcast, Document} {
		for _, size := range []Size{{64, 64}, {200, 200}, {100, 3000}} {
			p := newPayloads("abcdefgh", &Options{Kind: kind, Size: size})
			for n := range 200 {
				due := time.Duration(n) * 1_234_567 * time.Microsecond
				data := p.next(n*1000, due, r)
				if !json.Valid(data) || len(data) < size.Least || len(data) > size.Most+20 {
					t.Fatalf("%s of %v: %d bytes: %s", kind, size, len(data), data)
				}
				if got, ok := p.due(data); !ok || got != due {
					t.Fatalf("%s: due %v, not %v, %v: %s", kind, got, due, ok, data)
				}
			}
		}
	}
}

func TestOthersMessagesAreNotMeasured(t *testing.T) {
	p, other := newPayloads("abcdefgh", &Options{Size: Size{64, 64}}), newPayloads("hgfedcba", &Options{Size: Size{64, 64}})
	for _, data := range []string{"", "null", `"hello"`, `{"at":5}`, string(other.next(1, time.Second, rand.New(rand.NewPCG(1, 2))))} {
		if due, ok := p.due([]byte(data)); ok {
			t.Errorf("%s was due at %v", data, due)
		}
	}
}

func TestLatency(t *testing.T) {
	m := newMeter(3)
	for n := 1; n <= 1000; n++ {
		m.of(n).add(time.Duration(n) * time.Millisecond)
	}
	l := latencyOf(m.all())
	want := Latency{Count: 1000, Mean: 500.5, Min: 1, P50: 500, P99: 990, Max: 1000}
	for name, v := range map[string][2]float64{"mean": {l.Mean, want.Mean}, "min": {l.Min, want.Min}, "p50": {l.P50, want.P50},
		"p99": {l.P99, want.P99}, "max": {l.Max, want.Max}} {
		if !near(v[0], v[1]) {
			t.Errorf("%s is %v, not %v", name, v[0], v[1])
		}
	}
	if got := latencyOf(m.lately()).Count; l.Count != 1000 || got != 1000 {
		t.Errorf("%d in all, %d lately", l.Count, got)
	}
	if got := latencyOf(m.lately()); got != (Latency{}) {
		t.Errorf("nothing came since, and not %+v", got)
	}
	m.of(0).add(-time.Second, 100*time.Hour)
	if l := latencyOf(m.lately()); l.Min != 0 || !near(l.Max, ms(longest)) {
		t.Errorf("out of bounds: %+v", l)
	}
}

func TestBarsHoldEverything(t *testing.T) {
	h := newHistogram()
	for n := range 10_000 {
		record(h, time.Duration(n*n)*time.Microsecond)
	}
	bars, sum := barsOf(h), int64(0)
	for i, b := range bars {
		sum += b.Count
		if i > 0 && bars[i-1].To != b.From || b.From >= b.To {
			t.Errorf("bar %d goes from %v to %v", i, b.From, b.To)
		}
	}
	if sum != 10_000 {
		t.Errorf("%d in the bars", sum)
	}
	if len(bars) < 30 || len(bars) > 80 {
		t.Errorf("%d bars from 1 µs to 100 s", len(bars))
	}
	if bars := barsOf(newHistogram()); len(bars) != 0 {
		t.Errorf("of nothing there are bars %v", bars)
	}
}

// In a long run moments are joined, and nothing of them is lost.
func TestCourseOfALongRun(t *testing.T) {
	var s course
	sums := Second{}
	const n = 5*mostSeconds + 7
	for i := range n {
		sums.Sent += 3
		sums.Deliveries += int64(i)
		sums.At, sums.Max = float64(i+1), float64(i%100)
		s.add(sums)
	}
	var sent, deliveries int64
	last := 0.0
	for _, c := range s.list {
		sent += c.Sent
		deliveries += c.Deliveries
		if c.At <= last {
			t.Errorf("%v s comes behind %v s", c.At, last)
		}
		last = c.At
	}
	if sent != 3*n || deliveries != sums.Deliveries || last != n {
		t.Errorf("%d sent, %d deliveries, the last at %v s", sent, deliveries, last)
	}
	if got := len(s.list); got > mostSeconds || got < mostSeconds/2 {
		t.Errorf("%d moments", got)
	}
}

func TestReasonsAreTheSameForTheSame(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("plenum client: %w", reset), "connection reset by peer"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connection refused"},
		{fmt.Errorf("dialing: %w", context.DeadlineExceeded), "no answer in time"},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), "ended without a goodbye"},
		{&wire.Error{Code: wire.CodeSlowDown, Message: "too fast"}, "slow_down: too fast"},
		{&client.Closed{Code: wire.CloseSessionFull, Err: &wire.Error{Code: wire.CodeSessionFull, Message: "full", Close: wire.CloseSessionFull}},
			"session_full, closed with 4509: full"},
		{&client.Closed{Code: wire.CloseDrained, Reason: "drained"}, "closed with 4000 drained"},
		{client.ErrClosed, "not answered by the end"},
		{errors.New("read tcp 127.0.0.1:51234->10.0.0.1:80: strange"), "read tcp 10.0.0.1:80: strange"},
		{errors.New(strings.Repeat("long", 100)), strings.Repeat("long", 50)},
	} {
		if got := reason(c.err); got != c.want {
			t.Errorf("%v: %q, not %q", c.err, got, c.want)
		}
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var failures tally
	for n := range 1000 {
		failures.fail(ofMessages, fmt.Errorf("reason %d", n))
	}
	failures.fail(ofConnections, &net.OpError{Err: os.NewSyscallError("socket", syscall.EMFILE)})
	list, sum := failures.list(), int64(0)
	for _, f := range list {
		sum += f.Count
	}
	if len(list) > most+2 || sum != 1001 || list[0].Reason != "another reason" || failures.exhausted.Load() != 1 {
		t.Errorf("%d kinds of %d failures, %d of this machine's own: %v", len(list), sum, failures.exhausted.Load(), list[0])
	}
}
