package memlog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

func TestContract(t *testing.T) {
	logtest.Run(t, func(*testing.T) logtest.Harness {
		var store *logtest.Store
		return logtest.Harness{Open: func(o logtest.Options) fanout.Log {
			if store == nil {
				store = logtest.NewStore(memlog.New(memlog.Options{History: o.History, TTL: o.TTL}))
			}
			return store.View()
		}}
	})
}

func event(body string) fanout.Item {
	return fanout.Item{Events: 1, Records: fanout.AppendEvent(nil, []byte(body))}
}

func mustTake(t *testing.T, log *memlog.Log, id string, a *fanout.Append) fanout.Appended {
	t.Helper()
	res, err := log.Append(t.Context(), id, a)
	if err != nil || res.Outcome != fanout.Took {
		t.Fatalf("append: %+v, %v", res, err)
	}
	return res
}

func TestExpiryIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New(memlog.Options{TTL: time.Hour})
		log.Listen(logtest.NewRecorder())
		exists := func(id string) bool {
			v, err := log.Read(t.Context(), id, &fanout.Query{})
			if err != nil {
				t.Fatal(err)
			}
			return v.Exists
		}
		for _, id := range []string{"idle", "asked", "watched"} {
			mustTake(t, log, id, &fanout.Append{Create: true, Items: []fanout.Item{event("x")}})
		}
		if err := log.Subscribe(t.Context(), "watched"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if !exists("idle") {
			t.Error("forgotten too early")
		}
		if _, err := log.Heads(t.Context(), []string{"asked", "nobody"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		if exists("idle") || !exists("asked") || !exists("watched") {
			t.Errorf("idle %v, asked %v, watched %v; want only the idle one forgotten", exists("idle"), exists("asked"), exists("watched"))
		}
		log.Unsubscribe("watched")
		if exists("watched") {
			t.Error("a session stays that was not used for an hour, and that nobody watches any more")
		}
	})
}

// The embedded log runs for months; what is kept of a session must not grow
// with the number of clients that have come and gone.
func TestRefsOfGoneClientsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New(memlog.Options{TTL: time.Hour})
		log.Listen(logtest.NewRecorder())
		clients := make([]string, 0, 100)
		for i := range cap(clients) {
			clients = append(clients, fmt.Sprint("client ", i))
			item := event("x")
			item.Client, item.Ref = clients[i], 1
			mustTake(t, log, "s", &fanout.Append{Create: true, Items: []fanout.Item{item}})
			time.Sleep(10 * time.Minute)
		}
		v, err := log.Read(t.Context(), "s", &fanout.Query{Clients: clients, History: true})
		if err != nil {
			t.Fatal(err)
		}
		known := 0
		for _, ref := range v.Refs {
			known += int(ref.Last)
		}
		if known < 6 || known > 13 || len(v.Events) > 13 {
			t.Errorf("%d clients and %d events are known; want those of the last hour or two, at 6 an hour", known, len(v.Events))
		}
	})
}

// Nothing of an append may go to a session that is being dropped.
func TestAppendsWhileSessionsEnd(t *testing.T) {
	log := memlog.New(memlog.Options{})
	recorder := logtest.NewRecorder()
	log.Listen(recorder)
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 500 {
				a := &fanout.Append{Create: true, End: i%5 == 0, Items: []fanout.Item{event("x")}}
				if _, err := log.Append(t.Context(), "s", a); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	batches := recorder.Batches("s")
	if len(batches) != 2000 {
		t.Fatalf("%d batches were published; want 2000", len(batches))
	}
	seen := make(map[string]bool)
	var at fanout.Position
	for i, b := range batches {
		if b.Epoch != at.Epoch && seen[b.Epoch] {
			t.Fatalf("batch %d goes back to the epoch %s", i, b.Epoch)
		}
		if b.Epoch != at.Epoch {
			at = fanout.Position{Epoch: b.Epoch}
			seen[b.Epoch] = true
		}
		if at.Offset++; b.First != at.Offset {
			t.Fatalf("batch %d has offset %d; want %d", i, b.First, at.Offset)
		}
	}
}

func TestEndedContext(t *testing.T) {
	log := memlog.New(memlog.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := log.Append(ctx, "s", &fanout.Append{Create: true})
	if !errors.Is(err, fanout.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("append with an ended context: %v", err)
	}
	if _, err = log.Read(ctx, "s", &fanout.Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("read with an ended context: %v", err)
	}
}
