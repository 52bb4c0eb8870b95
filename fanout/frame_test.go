package fanout_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// since are the times of a member's frames after began.
func (m *member) since(began time.Time) (after []time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.frames {
		after = append(after, f.at.Sub(began))
	}
	return after
}

// near reports whether times are as wanted, or later by a beat or two of the wheel.
func near(got, want []time.Duration) bool {
	return slices.EqualFunc(got, want, func(g, w time.Duration) bool { return g >= w && g < w+25*ms })
}

const ms = time.Millisecond

func TestFrameBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		after(1234567 * time.Microsecond)
		began := time.Now()
		for i := range 10 {
			r.publish("s", fmt.Sprint(i))
		}
		after(time.Second)
		if got := m.since(began); !near(got, []time.Duration{0, 0, 0, 0, 100 * ms}) {
			t.Fatalf("10 events at once came at %v; want 4 frames at once and one after 100 ms", got)
		}
		if last := m.frames[4].lines; len(last) != 6 {
			t.Errorf("the fifth frame has %q; want all that waited", last)
		}
		m.frames, began = nil, time.Now() // the budget is full again
		for i := range 8 {
			r.publish("s", fmt.Sprint(i))
			after(25 * ms)
		}
		after(time.Second)
		if got := m.since(began); !near(got, []time.Duration{0, 25 * ms, 50 * ms, 75 * ms, 100 * ms, 200 * ms}) {
			t.Errorf("8 events in 200 ms came at %v", got)
		}
	})
}

func TestBusySessionGetsTenFramesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		_, m := r.join("s")
		began := time.Now()
		var want []string
		for i := range 2000 {
			want = append(want, fmt.Sprint(i))
			r.publish("s", want[i])
			after(5 * ms)
		}
		after(time.Second)
		m.want(t, want...)
		if _, frames := m.counts(); frames < 100 || frames > 106 {
			t.Errorf("in 10 s there were %d frames; want 10 a second and a burst", frames)
		}
		after := m.since(began)
		for i := 5; i < len(after); i++ {
			if gap := after[i] - after[i-1]; gap < 80*ms || gap > 120*ms {
				t.Fatalf("frame %d came %v after the one before", i, gap)
			}
		}
	})
}

func TestLoneEventIsNotDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		for i := range 20 {
			after(time.Duration(317+i) * ms)
			asked := time.Now()
			propose(p, &fanout.Proposal{Change: change("x")})
			if got := m.since(asked); len(got) != i+1 || got[i] != 0 {
				t.Fatalf("event %d came at %v", i, got)
			}
		}
	})
}

func TestEphemeralKeepsTheLatestOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{FrameBurst: 1})
		_, m := r.join("s")
		r.publish("s", "first") // spends the budget
		for i := range 3 {
			r.pass("s", "ada/cursor", fmt.Sprint("ada ", i))
			r.pass("s", "bob/cursor", fmt.Sprint("bob ", i))
			r.pass("s", "", fmt.Sprint("keyless ", i))
			r.publish("s", fmt.Sprint("durable ", i))
		}
		after(time.Second)
		want := []string{"0 keyless 0", "2 durable 0", "0 keyless 1", "3 durable 1", "0 ada 2", "0 bob 2", "0 keyless 2", "4 durable 2"}
		if got := m.frames[1].lines; !slices.Equal(got, want) {
			t.Errorf("the frame is %q; want %q", got, want)
		}
		r.pass("s", "ada/cursor", "ada later")
		after(time.Second)
		if got := m.frames[2].lines; !slices.Equal(got, []string{"0 ada later"}) {
			t.Errorf("the next frame is %q", got)
		}
	})
}

// taker is a subscriber that looks at a frame's bytes as a connection does.
type taker struct {
	gzip bool

	mu  sync.Mutex
	got [][]byte // guarded by mu
}

func (k *taker) Deliver(f *fanout.Frame) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gzip {
		k.got = append(k.got, f.Compressed())
	} else {
		k.got = append(k.got, f.Plain())
	}
}

func TestFrameIsEncodedAndCompressedOnce(t *testing.T) {
	long, packed := strings.Repeat("x", 2000), []byte("packed")
	for _, c := range []struct {
		name     string
		askers   int
		body     string
		compress func([]byte) ([]byte, error)
		calls    int64
		want     []byte // for those who ask; nil: plain
	}{
		{"NobodyAsks", 0, long, nil, 0, nil},
		{"Half", 250, long, func([]byte) ([]byte, error) { return packed, nil }, 1, packed},
		{"Everybody", 500, long, func([]byte) ([]byte, error) { return packed, nil }, 1, packed},
		{"Small", 500, strings.Repeat("x", 1024-len("1 \n")), nil, 0, nil},
		{"JustOver", 500, strings.Repeat("x", 1025-len("1 \n")), func([]byte) ([]byte, error) { return packed, nil }, 1, packed},
		{"NotSmaller", 500, long, func(b []byte) ([]byte, error) { return bytes.Clone(b), nil }, 1, nil},
		{"Larger", 500, long, func(b []byte) ([]byte, error) { return append(bytes.Clone(b), 'x'), nil }, 1, nil},
		{"Fails", 500, long, func(b []byte) ([]byte, error) { return packed, errors.New("no memory") }, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				r.codec.compress = c.compress
				r.publish("s", "made")
				p, _ := r.open("s")
				takers := make([]*taker, 500)
				for i := range takers {
					takers[i] = &taker{gzip: i < c.askers}
					if _, err := p.Attach(takers[i], p.Head().Position, nil, nil); err != nil {
						t.Fatal(err)
					}
				}
				r.publish("s", c.body)
				plain := []byte("2 " + c.body + "\n")
				for i, k := range takers {
					want := plain
					if k.gzip && c.want != nil {
						want = c.want
					}
					if len(k.got) != 1 || !bytes.Equal(k.got[0], want) {
						t.Fatalf("subscriber %d got %q", i, k.got)
					}
					if first := takers[i/250*250].got[0]; &k.got[0][0] != &first[0] && k.gzip == takers[i/250*250].gzip {
						t.Fatalf("subscriber %d has bytes of its own", i)
					}
				}
				if r.codec.encoded.Load() != 1 || r.codec.compressed.Load() != c.calls {
					t.Errorf("encoded %d times, compressed %d times; want 1 and %d", r.codec.encoded.Load(), r.codec.compressed.Load(), c.calls)
				}
			})
		})
	}
}

func TestCompressFailuresAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{CompressOver: 10})
		r.codec.compress = func(b []byte) ([]byte, error) {
			if bytes.Contains(b, []byte("bad")) {
				return nil, errors.New("bad")
			}
			return b[:len(b)-7], nil
		}
		r.publish("s", "made")
		p, _ := r.open("s")
		if _, err := p.Attach(&taker{gzip: true}, p.Head().Position, nil, nil); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"good good good", "bad bad bad bad"} {
			r.publish("s", body)
		}
		s := &r.hub.Stats
		if s.Compressions.Load() != 2 || s.CompressFailures.Load() != 1 || s.CompressSaved.Load() != 7 {
			t.Errorf("compressions %d, failures %d, saved %d; want 2, 1, 7", s.Compressions.Load(), s.CompressFailures.Load(), s.CompressSaved.Load())
		}
		if s.Frames.Load() != 2 || s.FrameEvents.Load() != 2 || s.Deliveries.Load() != 2 {
			t.Errorf("frames %d, events %d, deliveries %d; want 2 each", s.Frames.Load(), s.FrameEvents.Load(), s.Deliveries.Load())
		}
	})
}
