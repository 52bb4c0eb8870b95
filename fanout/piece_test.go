package fanout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// large returns n bodies of size bytes that differ.
func large(n, size int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, fmt.Sprintf("%0*d", size, i))
	}
	return bodies
}

// Of a long history a look brings a piece. Others that wait with it get theirs
// too, whatever position they ask from.
func TestLooksBringPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startOn(t, memlog.New(memlog.Options{History: 1000}), fanout.Options{Piece: 1000})
		bodies := large(100, 100)
		for _, body := range bodies {
			r.publish("s", body)
		}
		p, _ := r.open("s")
		gather := make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onRead = func(_ context.Context, _ *fanout.Query, do func() (fanout.View, error)) (fanout.View, error) {
				<-gather
				return do()
			}
		})
		p.Look(&fanout.Look{Seen: func(fanout.State, fanout.Seen) {}})
		synctest.Wait() // the others wait together behind this one
		reading := r.log.reads.Load()
		answers := make(map[uint64]fanout.Seen)
		for _, after := range []uint64{95, 0, 3, 9, 10, 50, 100, 99} {
			p.Look(&fanout.Look{History: true, After: after, Seen: func(_ fanout.State, s fanout.Seen) { answers[after] = s }})
		}
		close(gather)
		synctest.Wait()
		for from, s := range answers {
			if s.Err != nil || !s.Complete || len(s.Events) > 10 || s.More != (from+uint64(len(s.Events)) < 100) {
				t.Errorf("after %d: %d events, complete %v, more %v, %v", from, len(s.Events), s.Complete, s.More, s.Err)
			}
			if len(s.Events) == 0 && from < 100 {
				t.Errorf("after %d came nothing", from)
			}
			for i, e := range s.Events {
				if e.Offset != from+uint64(i)+1 || string(e.Body) != bodies[e.Offset-1] {
					t.Errorf("after %d came event %d, %q", from, e.Offset, e.Body)
				}
			}
		}
		// One for 0 to 9, one for 10, one for 50, one for the others.
		if n := r.log.reads.Load() - reading; len(answers) != 8 || n != 4 {
			t.Errorf("%d looks were answered with %d reads; want 8 with 4", len(answers), n)
		}
	})
}

// What pub/sub lost may be much; it is read in pieces, and all of it arrives.
func TestRepairInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startOn(t, memlog.New(memlog.Options{History: 1000}), fanout.Options{})
		_, m := r.join("s")
		held := r.log.withhold()
		bodies := large(80, 50_000)
		for _, body := range bodies {
			r.publish("s", body)
		}
		held.deliver("s", 79)
		after(time.Second)
		m.want(t, bodies...)
		if reads, holes := r.hub.Stats.Repairs.Load(), r.hub.Stats.Holes.Load(); reads != 4 || holes != 1 {
			t.Errorf("4 MB were repaired with %d reads, as %d holes; want 4 of one", reads, holes)
		}
	})
}

// A frame is bounded, whatever gathers before it leaves. One event larger than
// that goes alone.
func TestFramesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startOn(t, memlog.New(memlog.Options{History: 1000}), fanout.Options{})
		_, m := r.join("s")
		bodies := append(large(30, 100_000), strings.Repeat("x", 3<<20), "last")
		r.publish("s", bodies...)
		r.publish("s", "next")
		after(time.Second)
		m.want(t, append(bodies, "next")...)
		for i, f := range m.frames {
			size := 0
			for _, line := range f.lines {
				size += len(line)
			}
			if len(f.lines) > 1 && size > 1<<20+len(f.lines)*8 {
				t.Errorf("frame %d has %d events of %d bytes", i, len(f.lines), size)
			}
			if first := m.frames[0].at; i < 5 && !f.at.Equal(first) {
				t.Errorf("frame %d left %v after the first; what belongs together leaves together", i, f.at.Sub(first))
			}
		}
		if len(m.frames) != 6 { // 10, 10, 10 events; the large one; the rest of the first append; the next one
			t.Errorf("there are %d frames; want 6", len(m.frames))
		}
	})
}
