package fanout_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// within is the promise about a lost last message.
const within = 15 * time.Second

func TestSweepFindsALostLastBatch(t *testing.T) {
	for phase := time.Duration(0); phase < 7*time.Second; phase += 250 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, fanout.Options{})
			_, m := r.join("s")
			after(20*time.Second + phase)
			r.publish("s", "1")
			kept := r.log.withhold()
			r.publish("s", "lost")
			lost := time.Now()
			for len(m.lastFrame()) == 0 || m.lastFrame()[0] != "2 lost" {
				after(50 * time.Millisecond)
				if time.Since(lost) > within {
					t.Fatalf("phase %v: not found within %v", phase, within)
				}
			}
			m.want(t, "1", "lost")
			kept.deliver("s", 0)
			m.want(t, "1", "lost")
		})
	}
}

func (m *member) lastFrame() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.frames) == 0 {
		return nil
	}
	return m.frames[len(m.frames)-1].lines
}

func TestSweepFindsLostBatchesOfThousands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions = 6000
		r := start(t, fanout.Options{})
		members := make([]*member, sessions)
		for i := range members {
			_, members[i] = r.join(fmt.Sprint("s", i))
		}
		after(20 * time.Second)
		r.log.withhold()
		for i := range members {
			r.publish(fmt.Sprint("s", i), "lost")
		}
		after(within)
		for _, m := range members {
			m.want(t, "lost")
		}
	})
}

// Nobody waits behind a sweep of many sessions: it asks for a few at a time, at
// even intervals.
func TestSweepIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{Sweep: 8 * time.Second})
		for i := range 640 {
			r.join(fmt.Sprint("s", i))
		}
		var asked []time.Time
		r.log.bend(func(b *bends) {
			b.onHeads = func(_ context.Context, do func() ([]fanout.Head, error)) ([]fanout.Head, error) {
				heads, err := do()
				if len(heads) > 64 {
					t.Errorf("%d sessions are asked for at once", len(heads))
				}
				asked = append(asked, time.Now())
				return heads, err
			}
		})
		after(20 * time.Second) // in the first sweep none is quiet
		if len(asked) != 10 {
			t.Fatalf("640 sessions are asked for in %d calls; want 10", len(asked))
		}
		for i := range asked[1:] {
			if d := asked[i+1].Sub(asked[i]); d != 200*time.Millisecond {
				t.Errorf("call %d comes %v behind the one before", i+1, d)
			}
		}
	})
}

// A change of the state alone leaves no hole; a lost one is heard of, too.
func TestSweepHearsOfALostRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		after(20 * time.Second)
		r.log.withhold()
		r.elsewhere("s", "n", "1")
		if p.Head().Rev != 0 {
			t.Fatalf("heard of revision %d at once", p.Head().Rev)
		}
		after(within)
		if p.Head().Rev != 1 {
			t.Errorf("heard of revision %d within %v; want 1", p.Head().Rev, within)
		}
		if n := p.Missed(); n != 1 {
			t.Errorf("%d revisions were missed; want 1", n)
		}
	})
}

func TestSweepLeavesWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		r.log.bend(func(b *bends) {
			b.delivery = func(session string, b fanout.Batch) {
				time.AfterFunc(500*time.Millisecond, func() { r.hub.Deliver(session, b) })
			}
			b.onHeads = func(_ context.Context, do func() ([]fanout.Head, error)) ([]fanout.Head, error) {
				r.publish("s", "new") // the head tells of it long before the batch
				return do()
			}
		})
		after(time.Minute)
		synctest.Wait()
		if events, _ := m.counts(); events == 0 || r.hub.Stats.Holes.Load() != 0 {
			t.Errorf("%d events came, %d holes were seen; want events and no hole", events, r.hub.Stats.Holes.Load())
		}
	})
}

func TestResubscribedChecksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		var ids []string
		var members []*member
		for i := range 600 {
			ids = append(ids, fmt.Sprint("s", i))
			_, m := r.join(ids[i])
			members = append(members, m)
		}
		r.log.withhold()
		for _, id := range ids {
			r.publish(id, "lost")
		}
		lost := time.Now()
		r.hub.Resubscribed(append(ids, "unknown"))
		synctest.Wait()
		for _, m := range members {
			m.want(t, "lost")
		}
		if took := time.Since(lost); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestResubscribedWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		r.log.withhold()
		r.publish("s", "lost")
		r.log.bend(func(b *bends) {
			b.onHeads = func(context.Context, func() ([]fanout.Head, error)) ([]fanout.Head, error) {
				return nil, fanout.ErrUnavailable
			}
		})
		r.hub.Resubscribed([]string{"s"})
		after(4 * time.Second)
		m.want(t)
		r.log.bend(func(b *bends) { b.onHeads = nil })
		after(2 * time.Second)
		m.want(t, "lost")
	})
}
