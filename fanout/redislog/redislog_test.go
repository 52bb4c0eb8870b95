package redislog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

func TestContract(t *testing.T) {
	logtest.Run(t, stores(redistest.Start(t).URL()))
}

func TestSentinelContract(t *testing.T) {
	logtest.Run(t, stores(redistest.StartSentinel(t).URL()))
}

func TestClusterContract(t *testing.T) {
	logtest.Run(t, stores(redistest.StartCluster(t).URL()))
}

// stores gives each case a store of its own on one Redis, by the prefix.
func stores(url string) func(*testing.T) logtest.Harness {
	var n atomic.Int64
	return func(t *testing.T) logtest.Harness {
		prefix := fmt.Sprint("case", n.Add(1))
		return logtest.Harness{Open: func(o logtest.Options) fanout.Log {
			return open(t, redislog.Options{URL: url, Prefix: prefix, History: o.History, TTL: o.TTL})
		}}
	}
}

// open opens a log and has it run until the test ends. Listen may be called on
// it before its first subscription.
func open(t *testing.T, o redislog.Options) *redislog.Log {
	t.Helper()
	log, err := redislog.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		stop()
		running.Wait()
		log.Close()
	})
	running.Go(func() { log.Run(ctx) })
	return log
}

// listening opens a log that records what it hears.
func listening(t *testing.T, o redislog.Options) (*redislog.Log, *logtest.Recorder) {
	t.Helper()
	log, recorder := open(t, o), logtest.NewRecorder()
	log.Listen(recorder)
	return log, recorder
}

// appendEvent appends one event, making the session if need be.
func appendEvent(t *testing.T, log *redislog.Log, session, body string) fanout.Appended {
	t.Helper()
	res, err := log.Append(t.Context(), session, newEvent(body))
	if err != nil || res.Outcome != fanout.Took {
		t.Fatalf("append: %+v, %v", res, err)
	}
	return res
}

func newEvent(body string) *fanout.Append {
	return &fanout.Append{Create: true, Items: []fanout.Item{{Events: 1, Records: fanout.AppendEvent(nil, []byte(body))}}}
}

// eventually appends until it is taken: Redis is on its way back.
func eventually(t *testing.T, log *redislog.Log, session string, a *fanout.Append) (res fanout.Appended) {
	t.Helper()
	var err error
	logtest.Eventually(t, "an append is taken", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		res, err = log.Append(ctx, session, a)
		return err == nil
	})
	return res
}

// do runs an administrator's command.
func do(t *testing.T, s *redistest.Server, args ...string) string {
	t.Helper()
	answer, err := s.Do(args...)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return answer
}
