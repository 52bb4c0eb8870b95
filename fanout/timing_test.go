package fanout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/latency"
)

// took is what the hub has measured since the last call.
func (r *rig) took(before *latency.Distribution) (count int64, mean, peak time.Duration) {
	now := r.hub.Stats.Publish.Distribution()
	d := now.Since(*before)
	*before = now
	return d.Count, d.Mean(), r.hub.Stats.Publish.TakePeak()
}

// A publish took as long as its append and the wait for its frame; whether the
// log's answer or the published batch comes first makes no difference.
func TestPublishTime(t *testing.T) {
	for name, late := range map[string]struct{ answer, batch time.Duration }{
		"at once":            {0, 0},
		"the answer later":   {70 * ms, 30 * ms},
		"the batch later":    {30 * ms, 70 * ms},
		"in the same moment": {50 * ms, 50 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				pool, _ := r.join("s")
				r.log.bend(func(b *bends) {
					b.delivery = func(session string, b fanout.Batch) {
						if late.batch == 0 {
							r.log.to.Deliver(session, b)
							return
						}
						time.AfterFunc(late.batch, func() { r.log.to.Deliver(session, b) })
					}
					b.onAppend = func(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
						defer time.Sleep(late.answer)
						return do()
					}
				})
				var before latency.Distribution
				propose(pool, &fanout.Proposal{Client: "c", Ref: 1, Change: change("a", "b")})
				after(time.Second)
				if count, mean, peak := r.took(&before); count != 1 || mean != late.batch || peak != late.batch {
					t.Errorf("%d took %v, at most %v; want 1 that took %v", count, mean, peak, late.batch)
				}
				r.publish("s", "of another replica")
				after(time.Second)
				if count, _, _ := r.took(&before); count != 0 {
					t.Errorf("%d publishes of another replica were measured", count)
				}
			})
		})
	}
}

// Every event of a busy session is counted, and the longest wait is known.
func TestPublishTimeOfABusySession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		pool, _ := r.join("s")
		var before latency.Distribution
		for i := range 2000 { // enough for what falls into the same instant not to matter
			ask(pool, &fanout.Proposal{Client: "c", Ref: uint64(i + 1), Change: change("x")})
			after(5 * ms)
		}
		after(time.Second)
		count, mean, peak := r.took(&before)
		if count != 2000 || mean < 25*ms || mean > 90*ms || peak < 95*ms || peak > 150*ms {
			t.Errorf("%d took %v, at most %v; want 2000 that took about half a frame's interval, at most a whole one and a beat", count, mean, peak)
		}
	})
}

// What nobody here waits for is not measured when somebody comes.
func TestPublishTimeNeedsSomebody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		pool, m := r.join("s")
		pool.Detach(m.link)
		var before latency.Distribution
		propose(pool, &fanout.Proposal{Client: "c", Ref: 1, Change: change("alone")})
		after(time.Minute)
		r.attach(pool)
		r.publish("s", "of another replica")
		after(time.Second)
		if count, _, _ := r.took(&before); count != 0 {
			t.Errorf("%d were measured", count)
		}
		propose(pool, &fanout.Proposal{Client: "c", Ref: 2, Change: change("heard")})
		synctest.Wait()
		if count, mean, _ := r.took(&before); count != 1 || mean != 0 {
			t.Errorf("%d took %v; want 1 at once", count, mean)
		}
	})
}

// slow is a subscriber that keeps a frame's delivery until it is let go.
type slow struct{ began, let chan struct{} }

func (s *slow) Deliver(*fanout.Frame) {
	s.began <- struct{}{}
	<-s.let
}

// The log's answer may come while the frame is on its way to the members.
func TestPublishTimeOfAFrameThatIsLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		pool, _ := r.join("s")
		last := &slow{make(chan struct{}), make(chan struct{})}
		if _, err := pool.Attach(last, pool.Head().Position, nil, nil); err != nil {
			t.Fatal(err)
		}
		r.log.bend(func(b *bends) {
			b.delivery = func(session string, b fanout.Batch) { go r.log.to.Deliver(session, b) }
		})
		var before latency.Distribution
		settled := ask(pool, &fanout.Proposal{Client: "c", Ref: 1, Change: change("a")})
		<-last.began
		<-settled
		after(20 * ms)
		last.let <- struct{}{}
		synctest.Wait()
		if count, mean, _ := r.took(&before); count != 1 || mean != 20*ms {
			t.Errorf("%d took %v; want 1 that took 20 ms", count, mean)
		}
	})
}
