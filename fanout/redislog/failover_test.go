package redislog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL(), Timeout: 2 * time.Second})
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	var head fanout.Head
	for i := range 10 {
		res, err := log.Append(t.Context(), "s", full(uint64(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		head = res.Head
	}
	if err := s.Failover(); err != nil { // planned: nothing is lost
		t.Fatal(err)
	}
	a := full(11)
	a.Known = head.Position
	res := eventually(t, log, "s", a)
	if res.Outcome != fanout.Took && res.Outcome != fanout.Repeated || res.Epoch != head.Epoch || res.Offset != 11 {
		t.Fatalf("after the fail-over: %+v; want offset 11 of %s", res, head.Epoch)
	}
	primary, err := s.Primary()
	if err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	if _, err := s.AwaitFailover(primary); err != nil {
		t.Fatal(err)
	}
	res = eventually(t, log, "s", &fanout.Append{Create: true, Known: res.Position, Items: full(12).Items})
	if res.Outcome != fanout.Took && res.Outcome != fanout.Repeated {
		t.Fatalf("after the crash: %+v", res)
	}
	logtest.Eventually(t, "the new primary delivers", func() bool {
		res, err := log.Append(t.Context(), "s", newEvent("x"))
		if err != nil {
			return false
		}
		return slices.ContainsFunc(recorder.Batches("s"), func(b fanout.Batch) bool { return b.Head == res.Head })
	})
}
