package fanout_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

func TestAnyOrderBecomesTheLogs(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			r := start(t, fanout.Options{})
			_, m := r.join("s")
			kept := r.log.withhold()
			var want []string
			var order []int
			for i := range 3 + random.IntN(20) {
				want = append(want, fmt.Sprint(i))
				r.publish("s", want[i])
				for range 1 + random.IntN(2) { // some come twice
					order = append(order, i)
				}
			}
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			for _, i := range order {
				kept.deliver("s", i)
				if random.IntN(3) == 0 {
					synctest.Wait()
				}
			}
			after(time.Second)
			m.want(t, want...)
		})
	}
}

func TestEarlyBatchesAreParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		kept := r.log.withhold()
		for _, body := range []string{"1", "2", "3"} {
			r.publish("s", body)
		}
		reading := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onRead = func(_ context.Context, _ *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				<-reading
				return do()
			}
		})
		kept.deliver("s", 1, 2)
		synctest.Wait()
		m.want(t)
		kept.deliver("s", 0)
		m.want(t, "1", "2", "3")
		if len(m.frames) != 1 {
			t.Errorf("they came in %d frames; want 1", len(m.frames))
		}
		close(reading)
		synctest.Wait()
		m.want(t, "1", "2", "3")
		if holes := r.hub.Stats.Holes.Load(); holes != 1 {
			t.Errorf("%d holes were counted; want 1", holes)
		}
	})
}

// The batches that came before the first position is known are more than the
// pool parks.
func TestManyBatchesBeforeThePoolBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startOn(t, memlog.New(memlog.Options{History: 5000}), fanout.Options{})
		r.publish("s", "0")
		p, err := r.hub.Open(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		reading := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onRead = func(_ context.Context, q *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				v, err := do()
				if !q.History {
					<-reading
				}
				return v, err
			}
		})
		looked := make(chan fanout.Seen)
		p.Look(&fanout.Look{Seen: func(_ fanout.State, s fanout.Seen) { looked <- s }})
		synctest.Wait()
		var want []string
		for i := 1; i <= 1500; i++ {
			want = append(want, fmt.Sprint(i))
			r.publish("s", want[i-1])
		}
		close(reading)
		seen := <-looked
		m := &member{at: seen.Head.Offset}
		if seen.Head.Offset != 1 {
			t.Fatalf("the look saw offset %d; want 1", seen.Head.Offset)
		}
		synctest.Wait()
		read, err := r.store.Read(t.Context(), "s", &fanout.Query{History: true, After: m.at})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = p.Attach(m, seen.Head.Position, read.Events, nil); err != nil {
			t.Fatal(err)
		}
		m.want(t, want...)
		if at := p.Head().Offset; at != 1501 {
			t.Errorf("the pool is at %d; want 1501", at)
		}
	})
}

// What waits behind a hole is bounded in bytes, too: a log that does not answer for
// a while, in a session that says large things, must not take the memory of all.
func TestWhatIsParkedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batches, size, most = 20, 1 << 20, 12 << 20
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		reading := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.delivery = func(session string, batch fanout.Batch) {
				if batch.First > 1 {
					r.log.to.Deliver(session, batch)
				}
			}
			b.onRead = func(_ context.Context, _ *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				<-reading
				return do()
			}
		})
		body := strings.Repeat("x", size)
		want := []string{"missing"}
		r.publish("s", "missing")
		before := heap()
		for range batches {
			want = append(want, body)
			r.publish("s", body)
		}
		const logged = batches * size // the log has its own copy of everything
		if grown := heap() - before - logged; grown > most {
			t.Errorf("%d MiB wait behind a hole; want %d at most", grown>>20, most>>20)
		}
		close(reading)
		after(time.Minute)
		m.want(t, want...)
	})
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
