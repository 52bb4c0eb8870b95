package fanout_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

func TestRepairFindsANewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		old := r.publish("s", "1").Position
		r.log.withhold()
		known := fanout.Position{Epoch: old.Epoch, Offset: 9}
		if _, err := r.store.Append(t.Context(), "s", &fanout.Append{Known: known, Items: []fanout.Item{durable("2")}}); err != nil {
			t.Fatal(err)
		}
		r.hub.Deliver("s", batch(old.Epoch, 3, "of the past"))
		synctest.Wait()
		m.want(t, "1", "snapshot")
		if losses := p.Owner().(*owner).losses(); !slices.Equal(losses, []fanout.Loss{fanout.LossReset}) {
			t.Errorf("lost %v", losses)
		}
	})
}

// What a repair read is of no use to a pool that got a new position meanwhile.
func TestRepairOvertakenByARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		r.publish("s", "1")
		kept := r.log.withhold()
		for _, body := range []string{"2", "3", "4"} {
			r.publish("s", body)
		}
		reading := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onRead = func(_ context.Context, q *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				v, err := do()
				if q.NoState {
					<-reading
				}
				return v, err
			}
		})
		kept.deliver("s", 2)
		synctest.Wait()
		r.store.Forget("s")
		for _, body := range []string{"a", "b", "c"} {
			r.publish("s", body)
		}
		kept.deliver("s", 3) // of the new session: the pool starts again at its head
		synctest.Wait()
		for _, body := range []string{"d", "e"} {
			r.publish("s", body)
		}
		kept.deliver("s", 7) // a hole again, while the old repair is under way
		synctest.Wait()
		m.want(t, "1", "snapshot")
		close(reading)
		synctest.Wait()
		m.want(t, "1", "snapshot", "d", "e")
		if losses := p.Owner().(*owner).losses(); len(losses) != 1 {
			t.Errorf("lost %v; want it once", losses)
		}
	})
}

func TestHoleBeyondTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startOn(t, memlog.New(memlog.Options{History: 4}), fanout.Options{})
		p, m := r.join("s")
		r.publish("s", "1")
		kept := r.log.withhold()
		for i := 2; i <= 20; i++ {
			r.publish("s", fmt.Sprint(i))
		}
		kept.deliver("s", 18)
		synctest.Wait()
		r.log.bend(func(b *bends) { b.delivery = nil })
		r.publish("s", "21")
		m.want(t, "1", "snapshot", "21")
		if got := p.Owner().(*owner).losses(); !slices.Equal(got, []fanout.Loss{fanout.LossBeyond}) || m.told[0].Offset != 20 {
			t.Errorf("lost %v, told %+v", got, m.told)
		}
		if n := r.hub.Stats.Unhealed.Load(); n != 1 {
			t.Errorf("%d unhealed holes were counted", n)
		}
	})
}

func TestHoleIsRepairedFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		kept := r.log.withhold()
		r.publish("s", "1")
		r.publish("s", "2", "3")
		r.publish("s", "4")
		r.publish("s", "5")
		kept.deliver("s", 0, 3)
		synctest.Wait()
		m.want(t, "1", "2", "3", "4", "5")
		kept.deliver("s", 1, 2, 3) // late after all
		synctest.Wait()
		m.want(t, "1", "2", "3", "4", "5")
		stats := &r.hub.Stats
		if stats.Holes.Load() != 1 || stats.Repairs.Load() != 1 || stats.Repeats.Load() != 3 {
			t.Errorf("holes %d, repairs %d, repeats %d; want 1, 1, 3", stats.Holes.Load(), stats.Repairs.Load(), stats.Repeats.Load())
		}
	})
}

func TestRepairWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		kept := r.log.withhold()
		r.publish("s", "1")
		r.publish("s", "2")
		r.log.bend(func(b *bends) {
			b.onRead = func(context.Context, *fanout.Query, func() (fanout.View, error)) (fanout.View, error) {
				return fanout.View{}, fanout.ErrUnavailable
			}
		})
		kept.deliver("s", 1)
		after(time.Minute)
		m.want(t)
		if reads := r.log.reads.Load(); reads > 100 {
			t.Errorf("the log was asked %d times in a minute", reads)
		}
		r.log.bend(func(b *bends) { b.onRead = nil })
		after(2 * time.Second)
		m.want(t, "1", "2")
	})
}

// A batch says where the log stands, so it shows a hole even if it has no event.
func TestPassingBatchShowsAHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		kept := r.log.withhold()
		r.publish("s", "1")
		r.pass("s", "", "passing")
		kept.deliver("s", 1)
		synctest.Wait()
		m.want(t, "1")
		if !slices.Equal(m.passed, []string{"passing"}) {
			t.Errorf("passed were %q", m.passed)
		}
	})
}

func TestMalformedBatchIsReadFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		r.log.withhold()
		r.publish("s", "1", "2")
		bad := batch(p.Head().Epoch, 1, "1")
		bad.Offset = 2
		bad.Records = append(bad.Records, "zzz"...)
		r.hub.Deliver("s", bad)
		synctest.Wait()
		m.want(t, "1", "2")
		if n := r.hub.Stats.Malformed.Load(); n != 1 {
			t.Errorf("%d malformed batches were counted; want 1", n)
		}
	})
}
