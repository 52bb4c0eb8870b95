package fanout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// fixed is a codec that costs nothing.
type fixed struct{ frame []byte }

func (c fixed) Encode([]fanout.Event) []byte          { return c.frame }
func (c fixed) Compress(frame []byte) ([]byte, error) { return frame[:len(frame)/2], nil }

// counting is a subscriber that costs nothing.
type counting struct{ frames, bytes int }

func (c *counting) Deliver(f *fanout.Frame) {
	c.frames++
	c.bytes += len(f.Compressed())
}

// crowd is a session with subscribers, in real time, whose every batch makes a
// frame.
type crowd struct {
	hub  *fanout.Hub
	pool *fanout.Pool
	next fanout.Batch
	all  []*counting
}

func newCrowd(t testing.TB, subscribers int) *crowd {
	t.Helper()
	log := memlog.New(memlog.Options{})
	c := &crowd{hub: fanout.New(log, fixed{make([]byte, 2000)}, func(*fanout.Pool) fanout.Owner { return &owner{state: newTable()} },
		fanout.Options{FrameInterval: 1})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.hub.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	res, err := log.Append(ctx, "s", &fanout.Append{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.pool, err = c.hub.Open(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	look(c.pool, &fanout.Look{})
	for range subscribers {
		s := new(counting)
		if _, err := c.pool.Attach(s, res.Position, nil, nil); err != nil {
			t.Fatal(err)
		}
		c.all = append(c.all, s)
	}
	c.next = batch(res.Epoch, 1, "an event of a usual length, such as a vote or a move of the cursor is")
	return c
}

// deliver hands over the next batch; when it returns, everybody has its frame.
func (c *crowd) deliver() {
	c.hub.Deliver("s", c.next)
	c.next.First++
	c.next.Offset++
}

func TestFramesDoNotAllocatePerSubscriber(t *testing.T) {
	allocs := func(subscribers int) float64 {
		c := newCrowd(t, subscribers)
		for range 2000 { // until the pool's slices have their sizes
			c.deliver()
		}
		n := testing.AllocsPerRun(2000, c.deliver)
		for _, s := range c.all {
			if s.frames != 4001 {
				t.Fatalf("a subscriber got %d frames; want 4001", s.frames)
			}
		}
		return n
	}
	one, many := allocs(1), allocs(500)
	if one != many || one > 2 {
		t.Errorf("a frame for 1 subscriber allocates %v times, for 500 %v times; want the same, and at most 2", one, many)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, subscribers := range []int{1, 12, 50, 500} {
		b.Run(fmt.Sprint("subscribers=", subscribers), func(b *testing.B) {
			c := newCrowd(b, subscribers)
			b.ReportAllocs()
			for b.Loop() {
				c.deliver()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subscribers), "ns/delivery")
		})
	}
}

// BenchmarkDesk is a publish from its proposal to its settlement, with the
// embedded log, while others publish in the same session.
func BenchmarkDesk(b *testing.B) {
	for _, waiting := range []int{1, 50} {
		b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) {
			c := newCrowd(b, 1)
			settled := &counted{heard: make(chan struct{}, waiting)}
			payload := change("an event of a usual length, such as a vote or a move of the cursor is")
			ref := uint64(0)
			ask := func() {
				ref++
				c.pool.Propose(&fanout.Proposal{Client: "client", Ref: ref, Change: payload, To: settled})
			}
			for range waiting - 1 {
				ask()
			}
			b.ReportAllocs()
			began, before := time.Now(), c.hub.Stats.Appends.Load()
			for b.Loop() {
				ask()
				<-settled.heard
			}
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/float64(max(1, c.hub.Stats.Appends.Load()-before)), "events/append")
			for range waiting - 1 {
				<-settled.heard
			}
		})
	}
}

// counted tells of each settlement.
type counted struct{ heard chan struct{} }

func (c *counted) Settled(*fanout.Proposal, fanout.Settlement) { c.heard <- struct{}{} }
