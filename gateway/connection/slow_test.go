package connection

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// deaf joins and then reads nothing, until the returned function is called.
func (r *rig) deaf(session string) (p *peer, hear func()) {
	r.Helper()
	conn := r.web.Dial(r.T, "/api/websocket?session="+session, nil).Conn
	conn.SetReadLimit(-1)
	p = &peer{Conn: conn, t: r.T, done: make(chan struct{})}
	p.say(join)
	typ, data, err := conn.Read(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	p.hear(typ, data)
	return p, func() { go p.read() }
}

// speaker publishes big events, each in a frame of its own.
func (p *peer) speak(from, n int) {
	for ref := from; ref < from+n; ref++ {
		p.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, ref, strings.Repeat("x", 2000)))
		time.Sleep(200 * time.Millisecond)
	}
}

// view is what a client has seen: the events, the last state, and whether
// anything was missing or came twice.
func (p *peer) view(t testing.TB) (offset uint64, seen int, states []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.got {
		switch h.Type {
		case wire.TypeWelcome:
			offset = h.Welcome.Session.Offset
		case wire.TypeState:
			offset = h.State.Session.Offset
			states = append(states, h.State.Reason)
		case wire.TypeFrame:
			for _, e := range h.Frame.Events {
				if e.Offset != 0 && e.Offset != offset+1 {
					t.Errorf("event %d came behind %d", e.Offset, offset)
				}
				offset = max(offset, e.Offset)
				seen++
			}
		}
	}
	return offset, seen, states
}

// narrow leaves little room for what waits, and no heartbeat ends what is slow.
func narrow(o *Options) {
	o.Backlog, o.Rate, o.RateBurst = 16<<10, 1e6, 1e6
	o.Heartbeat, o.Timeout = time.Hour, 2*time.Hour
}

// A socket that does not read has its frames dropped. When it reads again it is
// brought up to date, by events or, where the log has let them go, by the state.
func TestSocketThatReadsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		events int
		state  bool
	}{"within the backlog": {5, false}, "past the backlog": {100, false}, "past the history": {60, true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, narrow, func(r *rig) {
				speaker := r.dial("s", nil)
				speaker.join("")
				p, hear := r.deaf("s")
				lagging := r.of(p)
				each := 1
				if c.state {
					each = 50 // events, so that the history does not reach back
				}
				for i := range c.events {
					speaker.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, i*50+1, strings.Repeat("x", 2000)))
					for j := 1; j < each; j++ {
						speaker.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e"}`, i*50+1+j))
					}
					time.Sleep(200 * time.Millisecond)
					if got := lagging.socket.out.waiting(); got > 16<<10 {
						r.Fatalf("%d bytes wait", got)
					}
				}
				want, _, _ := speaker.view(r)
				lagging.bounded(r.T, 16<<10, hear)
				time.Sleep(2 * time.Second)
				got, _, states := p.view(r)
				if got != want || (len(states) > 0) != c.state || c.state && states[0] != wire.ReasonLagged {
					r.Errorf("stands at %d with the states %v; want %d", got, states, want)
				}
				speaker.speak(100_000, 3)
				if got, _, _ := p.view(r); got != want+3 {
					r.Errorf("later it stands at %d; want %d", got, want+3)
				}
				p.isOpen()
				if got := r.Stats.Lagged.Load() > 0; got != (c.events > 5) {
					r.Errorf("lagged: %v", got)
				}
			})
		})
	}
}

// bounded calls f, and fails the test if more than most bytes wait for the
// connection within the next two seconds.
func (c *Conn) bounded(t *testing.T, most int, f func()) {
	t.Helper()
	f()
	for range 2000 {
		if got := c.socket.out.waiting(); got > most {
			t.Fatalf("%d bytes wait; want %d at most", got, most)
		}
		time.Sleep(time.Millisecond)
	}
}

// A client comes back to a long history and reads it slowly: it waits in the
// log, not here.
func TestALongReplayIsBounded(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		speaker, away := r.dial("s", nil), r.dial("s", nil)
		speaker.join("")
		away.join("")
		seat, at := away.all(wire.TypeWelcome)[0].Welcome.You.Seat, speaker.all(wire.TypeWelcome)[0].Welcome.Session
		away.CloseNow()
		for ref := range 300 {
			speaker.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, ref+1, strings.Repeat("x", 2000)))
		}
		time.Sleep(time.Second)
		want, _, _ := speaker.view(r)
		conn := r.web.Dial(r.T, "/api/websocket?session=s", nil).Conn
		conn.SetReadLimit(-1)
		p := &peer{Conn: conn, t: r.T, done: make(chan struct{})}
		p.say(fmt.Sprintf(`{"type":"join","client":"c9f1","seat":%q,"since":{"epoch":%q,"offset":%d}}`, seat, at.Epoch, at.Offset))
		typ, data, err := conn.Read(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		p.hear(typ, data)
		most := 8<<10 + 4200
		slow := r.of(p)
		for got := uint64(0); got < want; got, _, _ = p.view(r) {
			slow.bounded(r.T, most, func() {})
			if typ, data, err = conn.Read(r.Context()); err != nil {
				r.Fatalf("at %d of %d: %v", got, want, err)
			}
			p.hear(typ, data)
		}
		if _, _, states := p.view(r); len(states) > 0 {
			r.Errorf("it got the states %v in place of a replay", states)
		}
		if r.Stats.Lagged.Load() != 0 {
			r.Error("a replay in pieces is no lag")
		}
	})
}

// of returns the server's connection of a peer.
func (r *rig) of(p *peer) *Conn {
	r.Helper()
	member := p.all(wire.TypeWelcome)[0].Welcome.You.Member
	for _, c := range r.all() {
		if m := c.member.Load(); m != nil && m.Member() == member {
			return c
		}
	}
	r.Fatalf("no connection of %s", member)
	return nil
}

// A socket that never reads is given up after a minute without progress, and
// nobody else notices.
func TestSocketThatNeverReads(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		speaker, other := r.dial("s", nil), r.dial("s", nil)
		speaker.join("")
		other.join("")
		p, _ := r.deaf("s")
		lagging := r.of(p)
		began := time.Now()
		for ref := 1; !lagging.ended.Load() && time.Since(began) < 5*time.Minute; ref++ {
			sent := time.Now()
			speaker.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, ref, strings.Repeat("x", 2000)))
			time.Sleep(200 * time.Millisecond)
			events := other.events("e")
			if len(events) != ref {
				r.Fatalf("another member saw %d events of %d", len(events), ref)
			}
			frames := other.all(wire.TypeFrame)
			if at := frames[len(frames)-1].at; at.Sub(sent) > 120*time.Millisecond {
				r.Fatalf("another member waited %v for an event", at.Sub(sent))
			}
			if got := lagging.socket.out.waiting(); got > 16<<10 {
				r.Fatalf("%d bytes wait", got)
			}
		}
		if took := time.Since(began); took < time.Minute || took > 75*time.Second {
			r.Errorf("given up after %v", took)
		}
		synctest.Wait()
		r.ended(ReasonUnwritable, 1)
		other.isOpen()
	})
}

// Errors cannot be dropped. A client that provokes them and reads nothing is
// bounded all the same.
func TestSocketThatProvokesAndNeverReads(t *testing.T) {
	const future = `{"type":"of.the.future"}`
	for name, first := range map[string]string{"joined": join, "not joined": future} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(o *Options) { o.Backlog, o.Rate, o.RateBurst = 16<<10, 0.1, 1<<20 }, func(r *rig) {
				conn := r.web.Dial(r.T, "/api/websocket?session=s", nil).Conn
				p := &peer{Conn: conn, t: r.T, done: make(chan struct{})}
				p.say(first)
				synctest.Wait()
				c := r.one()
				for range 2000 {
					if p.Write(r.Context(), websocket.MessageText, []byte(future)) != nil {
						break
					}
					if got := c.socket.out.waiting(); got > 16<<10 {
						r.Fatalf("%d bytes wait", got)
					}
				}
				time.Sleep(2 * time.Minute)
				if got := r.Stats.Open.Load(); got != 0 {
					r.Errorf("%d open", got)
				}
			})
		})
	}
}

// Over TCP, where the kernel's buffers come first.
func TestSlowSocketOverTCP(t *testing.T) {
	r := overSockets(t, narrow, 8<<10)
	slow := r.raw()
	slow.SetReadBuffer(4 << 10)
	slow.write(handshake("s") + masked(join))
	slow.answer()
	slow.message(wire.TypeWelcome)
	lagging := r.one()
	speaker := r.dialTCP("s")
	speaker.join("")
	for ref := 1; r.Stats.Lagged.Load() == 0 && !lagging.socket.out.drops(); ref++ {
		speaker.say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, ref, strings.Repeat("x", 4000)))
		await(t, "event", func() bool { return len(speaker.events("e")) == ref })
		if got := lagging.socket.out.waiting(); got > 16<<10 {
			t.Fatalf("%d bytes wait", got)
		}
	}
	speaker.say(`{"type":"publish","ref":100000,"event":"last"}`)
	at := uint64(0)
	for last := false; !last; {
		first, payload, err := slow.frame()
		if err != nil || first != finText {
			t.Fatalf("frame %x, %v", first, err)
		}
		var m struct{ Events []wire.Event }
		if err := json.Unmarshal(payload, &m); err != nil {
			t.Fatal(err)
		}
		for _, e := range m.Events {
			if at != 0 && e.Offset != at+1 {
				t.Fatalf("event %d came behind %d", e.Offset, at)
			}
			at, last = e.Offset, e.Event == "last"
		}
	}
	if r.Stats.Lagged.Load() == 0 {
		t.Error("nothing was dropped")
	}
}

// drops reports whether frames are being dropped.
func (o *outbox) drops() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.behind
}
