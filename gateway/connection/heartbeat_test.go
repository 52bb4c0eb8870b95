package connection

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestSilenceIsClosedAtTheSecondMiss(t *testing.T) {
	for range 10 { // phases
		bubble(t, nil, func(r *rig) {
			p := r.dial("s", nil)
			p.join("")
			began := time.Now()
			p.closed(wire.CloseHeartbeat)
			beats := p.all(wire.TypeHeartbeat)
			first := beats[0].at.Sub(began)
			if first > 25*time.Second {
				r.Errorf("the first heartbeat came after %v", first)
			}
			misses := 0
			for i, b := range beats {
				if want := first + time.Duration(i)*25*time.Second; b.at.Sub(began).Round(time.Millisecond) != want.Round(time.Millisecond) {
					r.Errorf("heartbeat %d came after %v; want %v", i, b.at.Sub(began), want)
				}
				if b.at.Sub(began) > 35*time.Second {
					misses++
				}
			}
			if misses != 1 {
				r.Errorf("%d heartbeats after a miss; want one, and the close at the second", misses)
			}
			if took := time.Since(began); took < 60*time.Second || took > 86*time.Second {
				r.Errorf("closed after %v", took)
			}
			if got := fmt.Sprint(p.codes()); got != "[heartbeat_missed]" {
				r.Errorf("errors %v", got)
			}
			synctest.Wait()
			r.ended(ReasonHeartbeat, 1)
			if got := r.Stats.Missed.Load(); got != 2 {
				r.Errorf("%d misses", got)
			}
		})
	}
}

// Whatever a client sends ends its silence, also what the server ignores.
func TestAnyMessageEndsTheSilence(t *testing.T) {
	for _, message := range []string{`{"type":"heartbeat","at":1,"offset":1}`, `{"type":"of.the.future"}`,
		`{"type":"publish","event":"e","ephemeral":true}`, `{"type":"publish","event":"BAD","ref":1}`} {
		bubble(t, nil, func(r *rig) {
			p := r.dial("s", nil)
			p.join("")
			for range 60 {
				time.Sleep(34 * time.Second)
				p.say(message)
			}
			p.isOpen()
			if got := r.Stats.Missed.Load(); got != 0 {
				r.Errorf("%s: %d misses", message, got)
			}
		})
	}
}

// The way to a client and back is measured at its answers; times that it makes
// up do not count.
func TestRoundTrips(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		for range 3 {
			seen := len(p.all(wire.TypeHeartbeat))
			for len(p.all(wire.TypeHeartbeat)) == seen {
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(40 * time.Millisecond)
			p.say(fmt.Sprintf(`{"type":"heartbeat","at":%d}`, p.all(wire.TypeHeartbeat)[seen].Heartbeat.At))
		}
		now := time.Now().UnixMilli()
		for _, at := range []int64{0, now + 60_000, now - 3_600_000, 1} {
			p.say(fmt.Sprintf(`{"type":"heartbeat","at":%d}`, at))
		}
		p.say(`{"type":"heartbeat"}`)
		synctest.Wait()
		d := r.Stats.RoundTrip.Distribution()
		if d.Count != 3 || d.Mean() < 40*time.Millisecond || d.Mean() > 46*time.Millisecond {
			r.Errorf("%d round trips of %v; want 3 of 40 ms or a little more", d.Count, d.Mean())
		}
	})
}

// A miss is forgotten when the client is heard again.
func TestMissesMustBeInARow(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		for range 20 { // 61 s hold one miss, and at some phases two heartbeats past the timeout come to pass only at 60 s
			time.Sleep(59 * time.Second)
			p.say(`{"type":"heartbeat"}`)
		}
		p.isOpen()
		if r.Stats.Missed.Load() == 0 {
			r.Error("no miss was seen")
		}
	})
}

func TestHeartbeatsComeAtRandomPhases(t *testing.T) {
	bubble(t, func(o *Options) { o.Rate, o.RateBurst = 1000, 1000 }, func(r *rig) {
		var all []*peer
		began := time.Now()
		for range 200 {
			p := r.dial("s", nil)
			p.join("")
			all = append(all, p)
		}
		time.Sleep(26 * time.Second)
		quarters := make([]int, 4)
		for _, p := range all {
			beats := p.all(wire.TypeHeartbeat)
			if len(beats) == 0 {
				r.Fatal("no heartbeat within the interval")
			}
			if at := beats[0].Heartbeat.At; at != beats[0].at.UnixMilli() {
				r.Errorf("the heartbeat says %d; it came at %d", at, beats[0].at.UnixMilli())
			}
			quarters[min(3, int(beats[0].at.Sub(began)/(6500*time.Millisecond)))]++
		}
		for _, n := range quarters {
			if n < 15 {
				r.Errorf("first heartbeats by quarter of the interval: %v", quarters)
				break
			}
		}
	})
}

// One heartbeat is encoded for all connections of a phase, whatever their number.
func TestHeartbeatIsEncodedOnce(t *testing.T) {
	r := overTCP(t, func(o *Options) {
		fast(o)
		o.Heartbeat, o.Timeout = 24*time.Hour, 48*time.Hour // the wheel keeps still meanwhile
	})
	for range 20 {
		r.member("s") // reads nothing by itself, and so allocates nothing meanwhile
	}
	conns := r.all()
	least := func(conns []*Conn) float64 { // other goroutines of the process allocate too
		n := testing.AllocsPerRun(1, func() { r.beat(conns) })
		for range 50 {
			n = min(n, testing.AllocsPerRun(1, func() { r.beat(conns) }))
		}
		return n
	}
	few, many := least(conns[:1]), least(conns)
	if many > few {
		t.Errorf("a heartbeat to %d connections allocates %.0f times, to one %.0f times", len(conns), many, few)
	}
}
