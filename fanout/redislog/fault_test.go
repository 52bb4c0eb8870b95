package redislog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

func TestSubscriptionsComeBack(t *testing.T) {
	t.Parallel()
	const sessions = 1500
	s := redistest.Start(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	other := open(t, redislog.Options{URL: s.URL()})
	want := make([]string, 0, sessions)
	for i := range sessions {
		want = append(want, fmt.Sprint("session-", i))
		if err := log.Subscribe(t.Context(), want[i]); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for round := 1; round <= 3; round++ {
		if killed := do(t, s, "CLIENT", "KILL", "TYPE", "pubsub"); killed != "1" {
			t.Fatalf("%s connections were killed; want 1", killed)
		}
		recorder.Await(t, "the resubscription", func() bool { return len(recorder.Resubscriptions()) == round })
		got := recorder.Resubscriptions()[round-1]
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%d sessions were resubscribed; want %d", len(got), len(want))
		}
		for _, id := range []string{want[0], want[sessions/2], want[sessions-1]} {
			head := appendEvent(t, other, id, "x").Head
			if batch := recorder.AwaitBatches(t, id, round)[round-1]; batch.Head != head {
				t.Fatalf("%s was delivered %+v; want %+v", id, batch, head)
			}
		}
	}
}

// What is subscribed while the connection breaks must stand on the next one.
func TestSubscribeWhileConnectionsBreak(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	other := open(t, redislog.Options{URL: s.URL()})
	ctx, stop := context.WithCancel(t.Context())
	subscribed := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if err := log.Subscribe(t.Context(), fmt.Sprint(n)); err != nil {
				t.Error(err)
			}
			if n%3 == 2 {
				log.Unsubscribe(fmt.Sprint(n - 1))
			}
		}
		subscribed <- n
	}()
	for i := range 10 {
		logtest.Eventually(t, "there is a connection to break", func() bool { return do(t, s, "CLIENT", "KILL", "TYPE", "pubsub") != "0" })
		recorder.Await(t, "a resubscription", func() bool { return len(recorder.Resubscriptions()) > i })
	}
	stop()
	n := <-subscribed
	for i := range n {
		if i%3 != 1 || i == n-1 {
			appendEvent(t, other, fmt.Sprint(i), "x")
			recorder.AwaitBatches(t, fmt.Sprint(i), 1)
		}
	}
}

// An UNSUBSCRIBE on its way must not overtake the SUBSCRIBE behind it.
func TestSubscribeRightBehindUnsubscribe(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	other := open(t, redislog.Options{URL: s.URL()})
	var group sync.WaitGroup
	for i := range 8 {
		id := fmt.Sprint("session-", i)
		group.Go(func() {
			for range 300 {
				log.Unsubscribe(id)
				if err := log.Subscribe(t.Context(), id); err != nil {
					t.Error(err)
					return
				}
				before := len(recorder.Batches(id))
				if _, err := other.Append(t.Context(), id, newEvent("x")); err != nil {
					t.Error(err)
					return
				}
				if !recorder.Hears(id, before+1, 5*time.Second) {
					t.Errorf("%s: what followed a subscription was not delivered", id)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestClusterSubscriptionsComeBack(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	log, recorder := listening(t, redislog.Options{URL: c.URL()})
	ids := []string{"b", "c", "a"} // one on each node
	for _, id := range ids {
		if err := log.Subscribe(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range ids {
		do(t, c.Nodes[i], "CLIENT", "KILL", "TYPE", "pubsub")
		recorder.Await(t, "the resubscription of "+id, func() bool {
			return slices.ContainsFunc(recorder.Resubscriptions(), func(s []string) bool { return slices.Contains(s, id) })
		})
		head := eventually(t, log, id, newEvent("x")).Head
		recorder.Await(t, "what was appended to "+id, func() bool {
			got := recorder.Batches(id)
			return len(got) > 0 && got[len(got)-1].Head == head
		})
	}
	for _, id := range ids {
		log.Unsubscribe(id)
	}
	for _, node := range c.Nodes {
		logtest.Eventually(t, "nothing is subscribed", func() bool { return do(t, node, "PUBSUB", "SHARDCHANNELS") == "" })
	}
}

func TestFlushed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	before := appendEvent(t, log, "s", "x").Head
	do(t, s, "FLUSHALL")
	do(t, s, "SCRIPT", "FLUSH")
	a := &fanout.Append{Known: before.Position, Items: []fanout.Item{{Events: 1, Records: fanout.AppendEvent(nil, []byte("y"))}}}
	if res, err := log.Append(t.Context(), "s", a); err != nil || res.Outcome != fanout.Missing {
		t.Fatalf("append to what was flushed: %+v, %v", res, err)
	}
	if v, err := log.Read(t.Context(), "s", &fanout.Query{}); err != nil || v.Exists {
		t.Fatalf("read of what was flushed: %+v, %v", v, err)
	}
	a.Create = true
	res, err := log.Append(t.Context(), "s", a)
	if err != nil || res.Outcome != fanout.Took || res.Epoch == before.Epoch || res.Offset != 1 {
		t.Fatalf("the session began anew with %+v, %v", res, err)
	}
	if got := recorder.AwaitBatches(t, "s", 2); got[1].Head != res.Head {
		t.Errorf("delivered was %+v", got)
	}
}

// If only the meta key is evicted, the rest must not stand in the way.
func TestLeftoversOfAnEvictedSession(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL()})
	for i := range 3 {
		if _, err := log.Append(t.Context(), "s", full(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	do(t, s, "DEL", "plenum:{s}:meta")
	res, err := log.Append(t.Context(), "s", newEvent("anew"))
	if err != nil || res.Outcome != fanout.Took || res.First != 1 {
		t.Fatalf("append: %+v, %v", res, err)
	}
	v, err := log.Read(t.Context(), "s", &fanout.Query{History: true, Clients: []string{"client"}})
	if err != nil || len(v.Events) != 1 || len(v.State) != 0 || v.Refs[0].Last != 0 {
		t.Errorf("read: %+v, %v", v, err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "appendonly yes", "appendfsync always")
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	var head fanout.Head
	for i := range 20 {
		res, err := log.Append(t.Context(), "s", full(uint64(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		head = res.Head
	}
	q := &fanout.Query{History: true, Clients: []string{"client"}}
	before, err := log.Read(t.Context(), "s", q)
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	recorder.Await(t, "the resubscription", func() bool { return len(recorder.Resubscriptions()) > 0 })
	var after fanout.View
	logtest.Eventually(t, "a read is answered", func() bool {
		after, err = log.Read(t.Context(), "s", q)
		return err == nil
	})
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before the restart there was\n%v\nafter it\n%v", before, after)
	}
	repeated := full(20)
	repeated.Known = head.Position
	if res := eventually(t, log, "s", repeated); res.Outcome != fanout.Repeated {
		t.Errorf("a ref from before the restart: %+v", res)
	}
	res := eventually(t, log, "s", full(21))
	if res.Outcome != fanout.Took || res.Epoch != head.Epoch || res.First != head.Offset+1 {
		t.Errorf("after the restart: %+v; want offset %d of %s", res, head.Offset+1, head.Epoch)
	}
	batches := recorder.Batches("s")
	if last := batches[len(batches)-1]; last.Head != res.Head {
		recorder.AwaitBatches(t, "s", len(batches)+1)
	}
}

func TestOlderBackupGetsANewEpoch(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "dbfilename dump.rdb")
	dir := do(t, s, "CONFIG", "GET", "dir")
	dump := filepath.Join(strings.TrimPrefix(dir, "dir\n"), "dump.rdb")
	log := open(t, redislog.Options{URL: s.URL()})
	for range 5 {
		appendEvent(t, log, "s", "old")
	}
	do(t, s, "SAVE")
	backup, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	var head fanout.Head
	for range 5 {
		head = appendEvent(t, log, "s", "lost").Head
	}
	s.Kill()
	if err := os.WriteFile(dump, backup, fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	a := newEvent("new")
	a.Known = head.Position
	res := eventually(t, log, "s", a)
	if res.Outcome != fanout.Took || res.Epoch == head.Epoch || res.First != 6 {
		t.Errorf("after the restore: %+v; want offset 6 of another epoch than %s", res, head.Epoch)
	}
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL()})
	appendEvent(t, log, "s", "x")
	s.Kill()
	logtest.Eventually(t, "an append knows that nothing was done", func() bool {
		_, err := log.Append(t.Context(), "s", newEvent("y"))
		if err == nil {
			t.Fatal("an append was taken")
		}
		return errors.Is(err, fanout.ErrUnavailable)
	})
	began := time.Now()
	if _, err := log.Read(context.Background(), "s", &fanout.Query{}); !errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
	if _, err := log.Heads(context.Background(), []string{"s"}); !errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("heads: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := log.Subscribe(ctx, "s"); !errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("subscribe: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to learn that Redis is away", took)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if res := eventually(t, log, "s", newEvent("z")); res.First != 1 {
		t.Errorf("after the restart: %+v", res)
	}
}

func TestRedisRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL()})
	appendEvent(t, log, "s", "x")
	for name, setting := range map[string][]string{
		"NOREPLICAS": {"min-replicas-to-write", "1", "0"},
		"OOM":        {"maxmemory", "1", "0"},
	} {
		do(t, s, "CONFIG", "SET", setting[0], setting[1])
		_, err := log.Append(t.Context(), "s", newEvent("y"))
		if !errors.Is(err, fanout.ErrUnavailable) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		do(t, s, "CONFIG", "SET", setting[0], setting[2])
	}
	do(t, s, "REPLICAOF", "127.0.0.1", "1")
	if _, err := log.Append(t.Context(), "s", newEvent("y")); !errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("a replica: %v", err)
	}
	do(t, s, "REPLICAOF", "NO", "ONE")
	if res := appendEvent(t, log, "s", "z"); res.First != 2 {
		t.Errorf("something was done: %+v", res)
	}
}

func TestPausedRedisIsNoticed(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL(), Timeout: 2 * time.Second})
	appendEvent(t, log, "s", "x")
	s.Pause()
	began := time.Now()
	if _, err := log.Append(t.Context(), "s", newEvent("y")); err == nil || errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("an append to a Redis that does not answer: %v; want an unknown outcome", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to notice", took)
	}
	s.Resume()
	if res := eventually(t, log, "s", newEvent("z")); res.First < 2 || res.First > 3 {
		t.Errorf("afterwards: %+v", res)
	}
}
