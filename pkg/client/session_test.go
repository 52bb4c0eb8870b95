package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestJoinEventsAndPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.Role, o.Passcode, o.Gzip = "voter", "42", true })
		p := f.join()
		want := wire.Join{Type: wire.TypeJoin, Client: s.ID(), Name: "Ada", Role: "voter", Passcode: "42", Accept: []string{"gzip"}}
		if got, want := string(p.join.Encode()), string(want.Encode()); got != want {
			t.Errorf("join %s, want %s", got, want)
		}
		if p.Subprotocol() != wire.Protocol {
			t.Errorf("subprotocol %q", p.Subprotocol())
		}
		p.welcome(41)
		p.frame(42, 0, 43)
		p.Send(`{"type":"private","event":"your_vote","data":5}`)
		p.Send(`{"type":"fireworks"}`)
		p.frame(44)
		s.hears("", "connecting", "connected", "welcome 41", "snapshot e/41", "events 42 0 43", "private your_vote 5", "events 44")
		if got := s.Position(); got != (wire.Position{Epoch: "e", Offset: 44}) {
			t.Errorf("position %+v", got)
		}
		if s.Member() != "m_1" || s.Seat() != "secret" {
			t.Errorf("member %q, seat %q", s.Member(), s.Seat())
		}
		if err := s.end(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		if code := p.closed(); code != 1001 {
			t.Errorf("the client closed with %d, want 1001: the seat stays", code)
		}
		s.hears("", "closed")
	})
}

// A program that kept its seat and position comes back as who it was.
func TestComeBackWithSeatAndPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) {
			o.Seat, o.Since = "kept", &wire.Position{Epoch: "e", Offset: 7}
		})
		p := f.join()
		if p.join.Seat != "kept" || p.join.Since == nil || *p.join.Since != (wire.Position{Epoch: "e", Offset: 7}) {
			t.Errorf("join %+v", p.join)
		}
		p.welcome(7, resumed)
		p.frame(8)
		s.hears("welcome snapshot events", "welcome 7", "events 8")
	})
}

func TestHeartbeatIsAnsweredWithWhatIsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		start(t, f)
		p := f.join()
		p.welcome(10)
		for i := range int64(5) {
			time.Sleep(25 * time.Second)
			p.frame(uint64(11 + i))
			p.heartbeat(1000 + i)
			sent := time.Now()
			got := p.next(wire.TypeHeartbeat).Heartbeat
			if want := (wire.Heartbeat{At: 1000 + i, Offset: uint64(11 + i)}); got != want || time.Since(sent) != 0 {
				t.Errorf("answered %+v after %v, want %+v", got, time.Since(sent), want)
			}
		}
		p.quiet()
	})
}

func TestSilenceIsDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		time.Sleep(55 * time.Second)
		p.frame(11) // any message counts
		heard := time.Now()
		p = f.join()
		const limit, jitter = 60 * time.Second, 50 * time.Millisecond // two heartbeats of 25 s and 10 s; half of First
		if got := time.Since(heard); got != limit+jitter {
			t.Errorf("connected anew after %v of silence, want %v", got, limit+jitter)
		}
		p.welcome(11, resumed)
		s.hears("events connected reconnecting", "connected", "events 11", "reconnecting", "connected")
	})
}

// Who is busy in a callback does not hear; that is not the gateway's silence.
func TestBusyIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.OnEvents = func([]wire.Event) { time.Sleep(10 * time.Minute) } })
		p := f.join()
		p.welcome(10)
		p.frame(11)
		time.Sleep(10*time.Minute + 30*time.Second)
		p.heartbeat(1)
		p.next(wire.TypeHeartbeat)
		f.noJoin()
		s.hears("connected reconnecting", "connected")
	})
}

func TestResumeOverReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		p.frame(1, 2, 3)
		synctest.Wait()
		for i := range 3 {
			f.srv.Cut()
			next := f.join()
			at := uint64(3 + i)
			if next.join.Client != p.join.Client || next.join.Seat != "secret" || next.join.Since == nil ||
				*next.join.Since != (wire.Position{Epoch: "e", Offset: at}) {
				t.Fatalf("join %+v", next.join)
			}
			next.welcome(at, resumed)
			next.frame(at-1, at) // seen before
			next.frame(at, 0, at+1)
			synctest.Wait()
		}
		s.hears("snapshot events error", "snapshot e/0", "events 1 2 3", "events 0 4", "events 0 5", "events 0 6")
	})
}

// Whoever was away for too long, or whose past is gone, gets the truth instead.
func TestSnapshotAfterReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(5)
		p.frame(6)
		synctest.Wait()
		f.srv.Cut()
		p = f.join()
		p.welcome(2000)
		p.frame(2001)
		synctest.Wait()
		f.srv.Cut()
		p = f.join()
		p.welcome(3, epoch("f"))
		p.frame(4)
		synctest.Wait()
		f.srv.Cut()
		p = f.join()
		if *p.join.Since != (wire.Position{Epoch: "f", Offset: 4}) {
			t.Errorf("since %+v", *p.join.Since)
		}
		p.welcome(2, epoch("f")) // behind: the log went back
		p.frame(3)
		s.hears("snapshot events", "snapshot e/5", "events 6", "snapshot e/2000", "events 2001", "snapshot f/3", "events 4",
			"snapshot f/2", "events 3")
	})
}

// A hole is never shown: it is reported, and repaired by a resume.
func TestHoleIsAViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		p.frame(1, 3, 4)
		p = f.join()
		if p.join.Since.Offset != 1 {
			t.Errorf("since %+v", *p.join.Since)
		}
		p.welcome(1, resumed)
		p.frame(2, 3, 4)
		s.hears("events error", "events 1", "error plenum client: protocol violation: event 3 follows event 1", "events 2 3 4")
	})
}

func TestViolations(t *testing.T) {
	for name, what := range map[string]func(p *peer){
		"rubbish":            func(p *peer) { p.Send("rubbish") },
		"no type":            func(p *peer) { p.Send("{}") },
		"a broken frame":     func(p *peer) { p.Send(`{"type":"frame","events":7}`) },
		"a nameless event":   func(p *peer) { p.Send(`{"type":"frame","events":[{"offset":1}]}`) },
		"a wrong state type": func(p *peer) { p.Send(`{"type":"state","session":"s"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				var reported error
				s := start(t, f, func(o *client.Options) { o.OnError = func(err error) { reported = err } })
				p := f.join()
				p.welcome(0)
				what(p)
				p = f.join()
				p.welcome(0, resumed)
				p.frame(1)
				s.hears("events", "events 1")
				if !errors.Is(reported, client.ErrProtocol) {
					t.Errorf("reported %v", reported)
				}
			})
		})
	}
}

// A welcome that resumes elsewhere than asked would be a silent gap.
func TestResumeElsewhereIsAViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		synctest.Wait()
		f.srv.Cut()
		f.join().welcome(12, resumed)
		p = f.join()
		if p.join.Since != nil {
			t.Errorf("since %+v, want a snapshot", p.join.Since)
		}
		p.welcome(12)
		if got := s.heard("snapshot", "welcome", "error"); len(got) != 5 || got[4] != "snapshot e/12" {
			t.Errorf("told %q", got)
		}
	})
}

func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var states []client.State
		s := start(t, f, func(o *client.Options) { o.OnState = func(st client.State) { states = append(states, st) } })
		p := f.join()
		p.welcome(10)
		p.frame(11)
		p.Send(`{"type":"state","session":{"id":"s","kind":"document","epoch":"e","offset":500},"members":[1],"state":{"a":1},"reason":"lagged"}`)
		p.frame(501)
		p.Send(`{"type":"state","session":{"id":"s","kind":"document","epoch":"g","offset":0},"members":[],"state":null,"reason":"reset"}`)
		p.frame(1)
		s.hears("events error", "events 11", "events 501", "events 1")
		if len(states) != 3 || states[0].Reason != client.ReasonSnapshot || states[1].Reason != wire.ReasonLagged ||
			string(states[1].State) != `{"a":1}` || string(states[1].Members) != `[1]` ||
			states[2].Reason != wire.ReasonReset || states[2].Session.Epoch != "g" {
			t.Errorf("states %+v", states)
		}
		if got := s.Position(); got != (wire.Position{Epoch: "g", Offset: 1}) {
			t.Errorf("position %+v", got)
		}
		f.noJoin()
	})
}

func TestContextEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f) // ends before it is welcomed
		p := f.join()
		if err := s.end(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		p.closed()

		s = start(t, f) // ends while it waits to connect again
		f.join().welcome(1)
		synctest.Wait()
		f.refuse(refuseAll)
		f.srv.Cut()
		time.Sleep(time.Second)
		began := time.Now()
		if err := s.end(); err != nil || time.Since(began) != 0 {
			t.Errorf("Run returned %v after %v", err, time.Since(began))
		}
	})
}

// A gateway that does not answer a close is not waited for without end.
func TestContextEndWithADeadGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.deaf = true
		s := start(t, f)
		f.join().welcome(1)
		if _, err := s.Publish("e", nil); err != nil { // nobody takes it
			t.Error(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := s.end(); err != nil || time.Since(began) > 10*time.Second {
			t.Errorf("Run returned %v after %v", err, time.Since(began))
		}
		s.hears("settled", "settled 1 at 0: plenum client: closed")
	})
}

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		f.join().welcome(0)
		if err := s.Run(t.Context()); !errors.Is(err, client.ErrRunning) {
			t.Errorf("a second Run returned %v", err)
		}
		s.end()
		if err := s.Run(t.Context()); !errors.Is(err, client.ErrRunning) {
			t.Errorf("a Run after the end returned %v", err)
		}
		if _, err := s.Publish("e", nil); !errors.Is(err, client.ErrClosed) {
			t.Errorf("a publish after the end returned %v", err)
		}
	})
}

func TestOptions(t *testing.T) {
	good := client.Options{URLs: []string{"ws://a.test"}, Session: "s"}
	for name, spoil := range map[string]func(*client.Options){
		"no address":      func(o *client.Options) { o.URLs = nil },
		"no scheme":       func(o *client.Options) { o.URLs = []string{"a.test"} },
		"another scheme":  func(o *client.Options) { o.URLs = []string{"redis://a.test"} },
		"no host":         func(o *client.Options) { o.URLs = []string{"ws:///x"} },
		"no session":      func(o *client.Options) { o.Session = "" },
		"a wrong session": func(o *client.Options) { o.Session = "a b" },
		"a wrong name":    func(o *client.Options) { o.Name = " " },
	} {
		o := good
		spoil(&o)
		c := client.New(o)
		if err := c.Run(t.Context()); err == nil {
			t.Errorf("%s: Run took it", name)
		}
		if _, err := c.Publish("e", nil); err == nil {
			t.Errorf("%s: Publish took it", name)
		}
		if err := c.Leave(t.Context()); err == nil {
			t.Errorf("%s: Leave took it", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.New(good).Run(ctx); err != nil {
		t.Errorf("Run with an ended context returned %v", err)
	}
}

// What a callback gets is its own: the next message does not change it.
func TestEventsAreTheCallees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var kept [][]wire.Event
		s := start(t, f, func(o *client.Options) { o.OnEvents = func(e []wire.Event) { kept = append(kept, e) } })
		p := f.join()
		p.welcome(0)
		for i := range uint64(20) {
			p.frame(i + 1)
		}
		s.heard()
		for i, events := range kept {
			var n uint64
			if err := json.Unmarshal(events[0].Data, &n); err != nil || n != uint64(i+1) || events[0].Offset != n {
				t.Fatalf("frame %d holds %+v", i, events)
			}
		}
	})
}
