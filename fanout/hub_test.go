package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

func (r *rig) wantSubscriptions(made, ended int64) {
	r.Helper()
	if r.log.subscriptions.Load() != made || r.log.unsubscriptions.Load() != ended {
		r.Fatalf("%d subscriptions were made and %d ended; want %d and %d",
			r.log.subscriptions.Load(), r.log.unsubscriptions.Load(), made, ended)
	}
}

func TestSubscriptionOutlivesItsUsersByTheLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{Linger: 5 * time.Second})
		first, _ := r.open("s")
		second, _ := r.open("s")
		if first != second {
			t.Fatal("two users have two pools")
		}
		r.wantSubscriptions(1, 0)
		first.Close()
		after(time.Minute)
		second.Close()
		after(4 * time.Second)
		again, _ := r.open("s")
		if again != first || r.hub.Pool("s") != first || len(r.hub.Pools()) != 1 {
			t.Fatal("within the linger the pool was not used again")
		}
		after(time.Minute)
		r.wantSubscriptions(1, 0)
		again.Close()
		after(5*time.Second - 1)
		r.wantSubscriptions(1, 0)
		after(1)
		r.wantSubscriptions(1, 1)
		if r.hub.Pool("s") != nil || len(r.hub.Pools()) != 0 {
			t.Error("the pool is still there")
		}
		anew, _ := r.open("s")
		if anew == first {
			t.Error("a pool that has ended was opened again")
		}
		r.wantSubscriptions(2, 1)
	})
}

func TestOpenWhenSubscribingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		down := errors.New("down")
		r.log.bend(func(b *bends) {
			b.onSubscribe = func(ctx context.Context, _ string) error {
				time.Sleep(time.Second)
				return down
			}
		})
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if _, err := r.hub.Open(t.Context(), "s"); !errors.Is(err, down) {
					t.Errorf("open: %v", err)
				}
			})
		}
		group.Wait()
		r.wantSubscriptions(1, 1)
		if r.hub.Pool("s") != nil {
			t.Error("a pool without a subscription is there")
		}
		r.log.bend(func(b *bends) { b.onSubscribe = nil })
		_, m := r.join("s")
		r.publish("s", "1")
		m.want(t, "1")
		r.wantSubscriptions(2, 1)
	})
}

func TestSubscribingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{Wait: 3 * time.Second})
		r.log.bend(func(b *bends) {
			b.onSubscribe = func(ctx context.Context, _ string) error {
				<-ctx.Done()
				return context.Cause(ctx)
			}
		})
		began := time.Now()
		if _, err := r.hub.Open(t.Context(), "s"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("open: %v after %v", err, time.Since(began))
		}
	})
}

// The subscription is the pool's, not the first joiner's.
func TestOpenEndsWithItsContextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		stands := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onSubscribe = func(context.Context, string) error {
				<-stands
				return nil
			}
		})
		impatient, cancel := context.WithCancelCause(t.Context())
		first, second := make(chan error), make(chan error)
		for ctx, result := range map[context.Context]chan error{impatient: first, t.Context(): second} {
			go func() {
				_, err := r.hub.Open(ctx, "s")
				result <- err
			}()
		}
		synctest.Wait()
		gone := errors.New("gone")
		cancel(gone)
		if err := <-first; !errors.Is(err, gone) {
			t.Errorf("the impatient one: %v", err)
		}
		close(stands)
		if err := <-second; err != nil {
			t.Errorf("the patient one: %v", err)
		}
		after(time.Hour)
		r.wantSubscriptions(1, 0)
		r.hub.Pool("s").Close() // the patient one's; the other one is no user
		after(time.Hour)
		r.wantSubscriptions(1, 1)
	})
}

// A pool that nobody waits for any more must not end before its Subscribe has:
// the end of that could take the next pool's subscription away.
func TestLingerShorterThanSubscribing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{Linger: time.Second, Wait: 5 * time.Second})
		var mu sync.Mutex
		var calls []string
		number := 0
		r.log.bend(func(b *bends) {
			b.onSubscribe = func(ctx context.Context, _ string) error {
				mu.Lock()
				n := number
				number++
				calls = append(calls, fmt.Sprint("begin ", n))
				mu.Unlock()
				if n == 0 {
					<-ctx.Done()
				}
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, fmt.Sprint("end ", n))
				return ctx.Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.hub.Open(ctx, "s"); err == nil {
			t.Fatal("it opened")
		}
		after(3 * time.Second)
		if p, err := r.hub.Open(t.Context(), "s"); err == nil {
			p.Close()
		}
		_, m := r.join("s")
		r.publish("s", "1")
		m.want(t, "1")
		if got := strings.Join(calls, ", "); got != "begin 0, end 0, begin 1, end 1" {
			t.Errorf("subscribing went: %s", got)
		}
	})
}

func TestStopEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it ends only if all of its goroutines have
		r := start(t, fanout.Options{})
		busy, _ := r.join("busy")
		away, hungry := r.join("away")
		lost, _ := r.join("lost")
		lost.Owner().(*owner).onLost = func(ctx context.Context, _ fanout.Loss) error {
			<-ctx.Done()
			return ctx.Err()
		}
		r.log.bend(func(b *bends) {
			b.onRead = func(context.Context, *fanout.Query, func() (fanout.View, error)) (fanout.View, error) {
				return fanout.View{}, fanout.ErrUnavailable
			}
			b.onAppend = func(ctx context.Context, _ *fanout.Append, _ func() (fanout.Appended, error)) (fanout.Appended, error) {
				<-ctx.Done()
				return fanout.Appended{}, ctx.Err()
			}
		})
		r.hub.Deliver("lost", batch("another", 1, "x"))
		r.hub.Deliver("away", batch(away.Head().Epoch, 2, "x")) // a repair that never ends
		heard, ref := make(chan fanout.Settlement, 10), uint64(0)
		ask := func(p *fanout.Pool) {
			ref++
			p.Propose(&fanout.Proposal{Client: "c", Ref: ref, Change: change("x"), To: &settled{heard: heard}})
		}
		ask(away)
		synctest.Wait()
		ask(away) // behind an append that never ends
		for range 10 {
			r.publish("busy", "x") // waits for its frame
		}
		ask(busy) // waits for a beat
		r.stop()
		for range 3 {
			if s := <-heard; !errors.Is(s.Err, fanout.ErrStopped) && !errors.Is(s.Err, fanout.ErrUnknown) {
				t.Errorf("a proposal was settled with %v", s.Err)
			}
		}
		hungry.want(t)
		if _, err := r.hub.Open(t.Context(), "s"); !errors.Is(err, fanout.ErrStopped) {
			t.Errorf("open: %v", err)
		}
		for _, p := range []*fanout.Pool{busy, away, lost} {
			if s := propose(p, &fanout.Proposal{Change: change("x")}); !errors.Is(s.Err, fanout.ErrStopped) {
				t.Errorf("propose: %v", s.Err)
			}
			if seen := look(p, &fanout.Look{}); !errors.Is(seen.Err, fanout.ErrStopped) {
				t.Errorf("look: %v", seen.Err)
			}
		}
	})
}
