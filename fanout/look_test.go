package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

func TestLooksShareARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		for i := range 10 {
			item := durable(fmt.Sprint(i + 1))
			item.Client, item.Ref = fmt.Sprint("client ", i), uint64(i+1)
			if _, err := r.store.Append(t.Context(), "s", &fanout.Append{Create: true, Items: []fanout.Item{item}}); err != nil {
				t.Fatal(err)
			}
		}
		p, o := r.open("s")
		reads, loads := r.log.reads.Load(), o.state.loads
		reading := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onRead = func(_ context.Context, _ *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				<-reading
				return do()
			}
		})
		seen := make(chan fanout.Seen, 1)
		p.Look(&fanout.Look{Seen: func(_ fanout.State, s fanout.Seen) { seen <- s }})
		synctest.Wait()
		answers := make([]fanout.Seen, 12)
		for i := range answers {
			p.Look(&fanout.Look{Client: fmt.Sprint("client ", i), History: i > 2, After: uint64(i), Seen: func(s fanout.State, seen fanout.Seen) { answers[i] = seen }})
		}
		close(reading)
		<-seen
		synctest.Wait()
		if n := r.log.reads.Load() - reads; n != 2 {
			t.Errorf("13 looks were %d reads; want 2", n)
		}
		if o.state.loads != loads {
			t.Errorf("the state was loaded again though it is the same")
		}
		for i, s := range answers {
			wantRef, wantEvents := uint64(i+1), max(10-i, 0)
			if i >= 10 {
				wantRef = 0
			}
			if i <= 2 {
				wantEvents = 0
			}
			if s.Err != nil || !s.Exists || s.Ref != wantRef || len(s.Events) != wantEvents || s.Complete != (i > 2) || s.Head.Offset != 10 {
				t.Errorf("look %d saw %+v", i, s)
			}
		}
		if shared := r.hub.Stats.ReadsShared.Load(); shared != 11 {
			t.Errorf("%d shared reads were counted; want 11", shared)
		}
	})
}

func TestLookTellsWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, o := r.open("s")
		if seen := look(p, &fanout.Look{Client: "c", History: true}); seen.Exists || seen.Err != nil || o.state.exists {
			t.Errorf("of no session it saw %+v", seen)
		}
		for i := range 200 { // the store keeps 64
			r.publish("s", fmt.Sprint(i))
		}
		r.elsewhere("s", "a", "1")
		defer func() {
			if _, err := r.store.Append(t.Context(), "s", &fanout.Append{End: true}); err != nil {
				t.Fatal(err)
			}
			if seen := look(p, &fanout.Look{}); seen.Exists || seen.Err != nil || o.state.exists {
				t.Errorf("of an ended session it saw %+v, state %q", seen, o.state.fields)
			}
		}()
		if seen := look(p, &fanout.Look{History: true, After: 3}); seen.Complete || !seen.Exists || o.state.fields["a"] != "1" {
			t.Errorf("of an old position it saw complete %v, state %q", seen.Complete, o.state.fields)
		}
		if seen := look(p, &fanout.Look{History: true, After: 190}); !seen.Complete || len(seen.Events) != 10 {
			t.Errorf("of a new position it saw complete %v, %d events", seen.Complete, len(seen.Events))
		}
	})
}

func TestLookGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.open("s")
		r.log.bend(func(b *bends) {
			b.onRead = func(context.Context, *fanout.Query, func() (fanout.View, error)) (fanout.View, error) {
				return fanout.View{}, fanout.ErrUnavailable
			}
		})
		began := time.Now()
		seen := look(p, &fanout.Look{})
		if took := time.Since(began); !errors.Is(seen.Err, fanout.ErrUnavailable) || took < 2*time.Second || took > 4*time.Second {
			t.Errorf("it saw %+v after %v", seen, took)
		}
	})
}

// What the desk knows of the newest revision heard of needs no read.
func TestWhatIsKnownNeedsNoRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		r.join("s")
		p, o := r.open("s")
		r.elsewhere("s", "n", "1")
		synctest.Wait()
		look(p, &fanout.Look{})
		heard := func(what string, wantReads int64) {
			t.Helper()
			reads := r.log.reads.Load()
			seen := look(p, &fanout.Look{Heard: true})
			if seen.Err != nil || !seen.Exists || seen.Head.Rev != p.Head().Rev || seen.Head.Epoch != p.Head().Epoch {
				t.Errorf("%s: saw %+v; want revision %d", what, seen, p.Head().Rev)
			}
			if n := r.log.reads.Load() - reads; n != wantReads {
				t.Errorf("%s: %d reads; want %d", what, n, wantReads)
			}
		}
		heard("loaded", 0)
		r.elsewhere("s", "n", "2")
		synctest.Wait()
		heard("another replica has changed it", 1)
		heard("loaded again", 0)
		r.publish("s", "an event changes no state")
		synctest.Wait()
		heard("an event came", 0)
		reads := r.log.reads.Load()
		answers := make(chan fanout.Seen, 2)
		answer := func(_ fanout.State, seen fanout.Seen) { answers <- seen }
		p.Look(&fanout.Look{Heard: true, Seen: answer})
		p.Look(&fanout.Look{History: true, Seen: answer})
		for range 2 {
			if seen := <-answers; seen.Err != nil {
				t.Error(seen.Err)
			}
		}
		if n := r.log.reads.Load() - reads; n != 1 || o.state.loads == 0 {
			t.Errorf("the other look was %d reads; want 1", n)
		}
	})
}

func TestHeardAnswersTheStateOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := start(t, fanout.Options{}).open("s")
		for _, l := range []*fanout.Look{{Heard: true, History: true}, {Heard: true, Client: "c"}} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Look(%+v) does not panic", l)
					}
				}()
				l.Seen = func(fanout.State, fanout.Seen) {}
				p.Look(l)
			}()
		}
	})
}
