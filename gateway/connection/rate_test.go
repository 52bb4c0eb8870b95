package connection

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestRate(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		time.Sleep(5 * time.Second)
		for ref := range 50 {
			p.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e"}`, ref+1))
		}
		time.Sleep(time.Second)
		if got := len(p.events("e")); got != 40 {
			r.Errorf("%d events; want the burst of 40", got)
		}
		for i, h := range p.all(wire.TypeError) {
			if e := h.Error; e.Code != wire.CodeSlowDown || e.Ref != uint64(i+41) || !e.Retry || e.After != 50*time.Millisecond {
				r.Errorf("error %d: %+v", i, e)
			}
		}
		if got := len(p.codes()); got != 10 {
			r.Errorf("%d refused; want 10", got)
		}
		// Whoever waits as long as it is told may go on for ever.
		for ref := range 500 {
			time.Sleep(50 * time.Millisecond)
			p.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"polite"}`, ref+100))
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if got := len(p.events("polite")); got != 500 {
			r.Errorf("%d of the polite events; want 500", got)
		}
	})
}

// The figures do not tell how long a message was that nobody else may know.
func TestBytesReceivedAreCountedInSteps(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		for ref, card := range []string{"1", "13", "coffee"} {
			before := r.Stats.Received.Load()
			p.say(fmt.Sprintf(`{"type":"command","ref":%d,"command":"cast_vote","data":{"round":1,"card":%q}}`, ref+1, card))
			synctest.Wait()
			if got := r.Stats.Received.Load() - before; got != 128 {
				r.Errorf("%s: %d bytes are counted; want 128 for each", card, got)
			}
		}
	})
}

// A join past the rate is refused like any message, and may come again.
func TestJoinPastTheRate(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		for range 40 {
			p.say(`{"type":"of.the.future"}`)
		}
		p.say(join)
		synctest.Wait()
		if got := p.codes(); len(got) != 1 || got[0] != wire.CodeSlowDown || len(p.all(wire.TypeWelcome)) != 0 {
			r.Fatalf("errors %v, %d welcomes", got, len(p.all(wire.TypeWelcome)))
		}
		time.Sleep(p.all(wire.TypeError)[0].Error.After)
		p.join("")
	})
}

// A client that goes on regardless is closed, however fast it does; one that is
// a little too fast is only slowed down.
func TestGoingOnRegardless(t *testing.T) {
	for rate, closed := range map[int]bool{24: false, 40: true, 200: true, 2000: true} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				p := r.dial("s", nil)
				p.join("")
				began := time.Now()
				for i := 0; time.Since(began) < 20*time.Second; i++ {
					if p.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"publish","ref":%d,"event":"e"}`, i+1)) != nil {
						break
					}
					time.Sleep(time.Second / time.Duration(rate))
				}
				if !closed {
					p.isOpen()
					if got := p.codes(); len(got) == 0 {
						r.Error("nothing was slowed down")
					}
					return
				}
				reason := p.closed(wire.CloseTooFast)
				if got := wire.ParseWait(reason); got != 2*time.Second {
					r.Errorf("reason %q says to wait %v; want 2 s, until the burst is there again", reason, got)
				}
				if got := p.codes(); got[len(got)-1] != wire.CodeTooFast {
					r.Errorf("errors %v", got)
				}
				if took := time.Since(began); took > 5*time.Second {
					r.Errorf("closed after %v", took)
				}
				synctest.Wait()
				r.ended(ReasonTooFast, 1)
			})
		})
	}
}

// 10,000 messages at once, of any kind, joined or not: a clear error, and
// everybody else goes on.
func TestTenThousandMessagesAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ first, message string }{
		"publishes":      {`{"type":"join","client":"c","name":"n"}`, `{"type":"publish","ref":%d,"event":"flood"}`},
		"bad events":     {`{"type":"join","client":"c","name":"n"}`, `{"type":"publish","ref":%d,"event":"BAD"}`},
		"ephemeral":      {`{"type":"join","client":"c","name":"n"}`, `{"type":"publish","event":"flood","ephemeral":true,"data":%d}`},
		"heartbeats":     {`{"type":"join","client":"c","name":"n"}`, `{"type":"heartbeat","at":%d}`},
		"of the future":  {`{"type":"join","client":"c","name":"n"}`, `{"type":"of.the.future","n":%d}`},
		"without a join": {`{"type":"of.the.future"}`, `{"type":"of.the.future","n":%d}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				other := r.dial("s", nil)
				other.join("")
				p := r.dial("s", nil)
				p.say(c.first)
				synctest.Wait()
				for i := range 10_000 {
					if p.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, c.message, i+1)) != nil {
						break
					}
				}
				p.outcome(r, wire.CodeTooFast, wire.CloseTooFast, ReasonTooFast)
				other.say(`{"type":"publish","ref":1,"event":"other"}`)
				time.Sleep(time.Second)
				other.isOpen()
				if len(other.events("other")) != 1 || len(other.events("flood")) > 40 {
					r.Errorf("another member saw %d events, %d of the flood", len(other.events("other")), len(other.events("flood")))
				}
			})
		})
	}
}

// A message is answered once, also when it is wrong and past the rate.
func TestOneAnswerForOneMessage(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		for ref := range 60 {
			p.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"BAD"}`, ref+1))
		}
		synctest.Wait()
		answers := make(map[uint64]int)
		for _, h := range p.all(wire.TypeError) {
			answers[h.Error.Ref]++
		}
		for ref := range uint64(60) {
			if answers[ref+1] != 1 {
				r.Errorf("ref %d has %d answers", ref+1, answers[ref+1])
			}
		}
	})
}

// A refusal says that the request did not take effect. What did over an earlier
// connection is acknowledged, however fast it is sent again.
func TestPastTheRateWhatTookEffectIsNotRefused(t *testing.T) {
	bubble(t, func(o *Options) { o.Rate, o.RateBurst = 1, 10 }, func(r *rig) {
		p := r.dial("s", nil)
		p.join("")
		for _, ref := range []int{1, 2, 4} {
			p.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e"}`, ref))
		}
		time.Sleep(time.Second)
		seat := p.all(wire.TypeWelcome)[0].Welcome.You.Seat
		p.CloseNow()
		again := r.dial("s", nil)
		again.say(fmt.Sprintf(`{"type":"join","client":"c","name":"n","seat":%q}`, seat))
		time.Sleep(time.Second)
		for range 12 {
			again.say(`{"type":"heartbeat","at":1,"offset":1}`)
		}
		for ref := 1; ref <= 5; ref++ {
			again.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e"}`, ref))
		}
		time.Sleep(time.Second)
		var acked []uint64
		for _, h := range again.all(wire.TypeAck) {
			acked = append(acked, h.Ack.Ref)
		}
		refused := make(map[uint64]wire.Code)
		for _, h := range again.all(wire.TypeError) {
			refused[h.Error.Ref] = h.Error.Code
		}
		if fmt.Sprint(acked) != "[1 2 4]" || refused[3] != wire.CodeRefNotRising || refused[5] != wire.CodeSlowDown || len(refused) != 3 {
			r.Errorf("acknowledged %v, refused %v", acked, refused)
		}
	})
}
