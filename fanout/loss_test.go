package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

func TestNewEpochIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		o := p.Owner().(*owner)
		old := r.publish("s", "1", "2")
		reset, err := r.store.Append(t.Context(), "s", &fanout.Append{Known: fanout.Position{Epoch: old.Epoch, Offset: 9},
			Items: []fanout.Item{durable("3")}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.publish("s", "4")
		m.want(t, "1", "2", "snapshot", "4")
		if got := o.losses(); !slices.Equal(got, []fanout.Loss{fanout.LossReset}) || m.told[0] != reset.Head {
			t.Errorf("lost %v, told %+v; want one reset, at %+v", got, m.told, reset.Head)
		}
		if n := r.hub.Stats.Resets.Load(); n != 1 {
			t.Errorf("%d resets were counted", n)
		}
		r.hub.Deliver("s", batch(old.Epoch, 3, "of the past")) // still on its way
		synctest.Wait()
		m.want(t, "1", "2", "snapshot", "4")
		if p.Head().Epoch != reset.Epoch {
			t.Errorf("the pool is in the epoch %s", p.Head().Epoch)
		}
	})
}

// A batch of an epoch that the pool never was in may be of the past or of the
// future: the log is asked, but not for ever.
func TestStrangeEpochIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		batches int
		most    int // times that the owner is told
	}{
		{"Once", 1, 1},
		{"Often", 20, 2}, // what came during the first loss may be newer than what was read
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, m := r.join("s")
				o, came := p.Owner().(*owner), make(chan struct{})
				o.onLost = func(ctx context.Context, why fanout.Loss) error {
					<-came
					return o.recover(ctx, why)
				}
				for range c.batches {
					r.hub.Deliver("s", batch("strange", 7, "strange"))
				}
				close(came)
				after(time.Minute)
				r.publish("s", "1")
				told := len(o.losses())
				m.want(t, append(slices.Repeat([]string{"snapshot"}, told), "1")...)
				if told < 1 || told > c.most {
					t.Errorf("the owner was told %d times; want at most %d", told, c.most)
				}
			})
		})
	}
	t.Run("BeforeTheFirstPosition", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, fanout.Options{})
			r.publish("s", "1")
			if _, err := r.hub.Open(t.Context(), "s"); err != nil {
				t.Fatal(err)
			}
			r.hub.Deliver("s", batch("strange", 7, "strange"))
			p, o := r.open("s")
			after(time.Minute)
			m := r.attach(p)
			r.publish("s", "2")
			m.want(t, "2")
			if n := len(o.losses()); n > 1 {
				t.Errorf("the owner was told %d times", n)
			}
		})
	})
}

func TestNewEpochIsSeenWithoutABatch(t *testing.T) {
	for _, c := range []struct {
		name string
		see  func(r *rig, p *fanout.Pool)
	}{
		{"ByALook", func(_ *rig, p *fanout.Pool) { look(p, &fanout.Look{}) }},
		{"ByAnAppend", func(_ *rig, p *fanout.Pool) { propose(p, &fanout.Proposal{Change: change("x")}) }},
		{"ByTheSweep", func(*rig, *fanout.Pool) { after(within) }},
		{"ByAResubscription", func(r *rig, _ *fanout.Pool) { r.hub.Resubscribed([]string{"s"}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, m := r.join("s")
				r.log.withhold()
				known := p.Head().Position
				known.Offset += 5
				if _, err := r.store.Append(t.Context(), "s", &fanout.Append{Known: known}); err != nil {
					t.Fatal(err)
				}
				c.see(r, p)
				after(100 * time.Millisecond)
				m.want(t, "snapshot")
				if losses := p.Owner().(*owner).losses(); !slices.Equal(losses, []fanout.Loss{fanout.LossReset}) {
					t.Errorf("lost %v", losses)
				}
			})
		})
	}
}

// Somebody may be ahead of the pool when the log goes back.
func TestRestartBehindAKnownPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		r.publish("s", "1")
		m := &member{at: 9}
		if _, err := p.Attach(m, fanout.Position{Epoch: p.Head().Epoch, Offset: 9}, nil, nil); err != nil {
			t.Fatal(err)
		}
		known := fanout.Position{Epoch: p.Head().Epoch, Offset: 9}
		if _, err := r.store.Append(t.Context(), "s", &fanout.Append{Known: known}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.publish("s", "2", "3")
		m.want(t, "snapshot", "2", "3")
	})
}

func TestOwnerIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		o := p.Owner().(*owner)
		var works atomic.Bool
		o.onLost = func(ctx context.Context, why fanout.Loss) error {
			if !works.Load() {
				return errors.New("not now")
			}
			return o.recover(ctx, why)
		}
		known := p.Head().Position
		known.Offset++
		if _, err := r.store.Append(t.Context(), "s", &fanout.Append{Known: known}); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if n := len(o.losses()); n < 30 || n > 100 {
			t.Errorf("the owner was told %d times in a minute", n)
		}
		r.publish("s", "parked")
		if _, err := p.Attach(new(member), p.Head().Position, nil, nil); !errors.Is(err, fanout.ErrLost) {
			t.Errorf("attach meanwhile: %v", err)
		}
		works.Store(true)
		began := time.Now()
		look(p, &fanout.Look{}) // who looks shall not have to wait for the owner's next try
		synctest.Wait()
		m.want(t, "snapshot")
		r.publish("s", "2")
		m.want(t, "snapshot", "2")
		if took := time.Since(began); took != 0 {
			t.Errorf("after the look it took %v", took)
		}
	})
}

func TestLostEndsWithThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		o := p.Owner().(*owner)
		o.onLost = func(context.Context, fanout.Loss) error { return errors.New("never") }
		r.store.Forget("s")
		r.hub.Resubscribed([]string{"s"})
		after(time.Second)
		p.Detach(m.link)
		for range 2 { // join and open
			p.Close()
		}
		after(10 * time.Second)
		before := len(o.losses())
		after(time.Hour)
		if after := len(o.losses()); before == 0 || after != before {
			t.Errorf("the owner of a pool that has ended was told %d times, and then %d", before, after)
		}
	})
}

// The log went back without telling (a fail-over to a replica that lags, an
// older backup): whoever knows better tells it.
func TestRegressIsTold(t *testing.T) {
	for _, c := range []struct {
		name string
		hear func(r *rig, epoch string)
	}{
		{"BehindAHole", func(r *rig, epoch string) { r.hub.Deliver("s", batch(epoch, 9, "9")) }},
		{"Applied", func(r *rig, epoch string) {
			for i := uint64(3); i < 10; i++ {
				r.hub.Deliver("s", batch(epoch, i, fmt.Sprint(i)))
			}
			after(within)
		}},
		{"Parked", func(r *rig, epoch string) {
			r.hub.Deliver("s", batch(epoch, 9, "9"))
			propose(r.hub.Pool("s"), &fanout.Proposal{Change: change("x")})
		}},
		{"MetBeforeTheAnswer", func(r *rig, epoch string) {
			r.log.bend(func(b *bends) {
				b.onAppend = func(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
					defer time.Sleep(100 * time.Millisecond) // by then everybody has a snapshot of the new epoch
					return do()
				}
			})
			r.hub.Deliver("s", batch(epoch, 9, "9"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, m := r.join("s")
				before := r.publish("s", "1", "2")
				c.hear(r, before.Epoch)
				after(time.Second)
				heads, err := r.store.Heads(t.Context(), []string{"s"})
				if err != nil || heads[0].Epoch == before.Epoch {
					t.Fatalf("the log stands at %+v, %v; want another epoch", heads, err)
				}
				r.publish("s", "new")
				got := strings.Join(m.got, " ")
				if _, after, told := strings.Cut(got, "snapshot"); !told || !strings.HasSuffix(after, " new") || strings.Contains(after, "9") || m.wrong != "" {
					t.Errorf("the member got %q, %s", got, m.wrong)
				}
				if losses := p.Owner().(*owner).losses(); !slices.Equal(losses, []fanout.Loss{fanout.LossReset}) {
					t.Errorf("lost %v", losses)
				}
			})
		})
	}
}
