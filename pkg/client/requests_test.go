package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// publish publishes n events, which must get the next refs.
func (s *subject) publish(refs ...uint64) {
	s.t.Helper()
	for _, want := range refs {
		if ref, err := s.Publish("e", map[string]uint64{"n": want}); err != nil || ref != want {
			s.t.Fatalf("published with ref %d, %v; want %d", ref, err, want)
		}
	}
}

func TestEchoIsTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1, 2)
		m := p.next(wire.TypePublish).Publish
		if m.Ref != 1 || string(m.Event) != "e" || string(m.Data) != `{"n":1}` || m.Ephemeral {
			t.Errorf("sent %+v", m)
		}
		p.publishes(2)
		if got := s.Pending(); got != 2 {
			t.Errorf("%d pending", got)
		}
		p.echo(11, 1)
		p.ack(2, 11)
		p.ack(2, 11) // once is enough
		p.ack(77, 11)
		s.hears("events settled", "events 11", "settled 1 at 11: <nil>", "settled 2 at 11: <nil>")
		if got := s.Pending(); got != 0 {
			t.Errorf("%d pending", got)
		}
	})
}

func TestPublishWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		type outcome struct {
			offset uint64
			err    error
		}
		publish, command := make(chan outcome, 1), make(chan outcome, 1)
		go func() {
			offset, err := s.PublishWait(t.Context(), "e", nil)
			publish <- outcome{offset, err}
		}()
		synctest.Wait() // published before there is a connection
		go func() {
			offset, err := s.Command(t.Context(), "cast_vote", map[string]string{"card": "5"})
			command <- outcome{offset, err}
		}()
		p := f.join()
		p.welcome(10)
		p.next(wire.TypePublish)
		if m := p.next(wire.TypeCommand).Command; m.Ref != 2 || string(m.Command) != "cast_vote" || string(m.Data) != `{"card":"5"}` {
			t.Errorf("sent %+v", m)
		}
		p.echo(11, 1)
		if got := <-publish; got != (outcome{11, nil}) {
			t.Errorf("PublishWait returned %+v", got)
		}
		s.hears("events", "events 11") // by now
		p.refuse(wire.Error{Code: "stale_round", Message: "over", Ref: 2})
		got := <-command
		if e, ok := errors.AsType[*wire.Error](got.err); !ok || e.Code != "stale_round" || got.offset != 0 {
			t.Errorf("Command returned %+v", got)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.PublishWait(ctx, "e", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("PublishWait returned %v", err)
		}
		if s.Pending() != 1 {
			t.Error("a publish that nobody waits for any more is still on its way")
		}
	})
}

// A command that nobody waits for takes its turn among the publishes, and its
// outcome is told like theirs.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1)
		if ref, err := s.Ask("cast_vote", map[string]string{"card": "5"}); ref != 2 || err != nil {
			t.Fatalf("asked with ref %d, %v", ref, err)
		}
		p.next(wire.TypePublish)
		if m := p.next(wire.TypeCommand).Command; m.Ref != 2 || string(m.Command) != "cast_vote" || string(m.Data) != `{"card":"5"}` {
			t.Errorf("sent %+v", m)
		}
		p.echo(11, 1)
		p.ack(2, 11)
		s.hears("events settled", "events 11", "settled 1 at 11: <nil>", "settled 2 at 11: <nil>")
		if _, err := s.Ask("Cast Vote", nil); err == nil {
			t.Error("a command of any name is taken")
		}
	})
}

// A refusal with a ref is definite: the request is not sent again.
func TestRefusalIsDefinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		s.publish(1, 2)
		p.publishes(1, 2)
		p.refuse(wire.Error{Code: wire.CodeForbidden, Message: "no", Ref: 1})
		s.hears("settled error", "settled 1 at 0: forbidden: no")
		f.srv.Cut()
		p = f.join()
		p.welcome(0, resumed)
		p.publishes(2)
	})
}

func TestUnsettledAreSentAgainInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1, 2, 3, 4)
		p.publishes(1, 2, 3, 4)
		f.srv.Cut()
		p = f.join()
		s.publish(5)
		p.quiet() // nothing before the welcome
		p.welcome(10, resumed, acked(2))
		p.publishes(3, 4, 5)
		p.echo(11, 1) // what took effect before is replayed
		p.echo(12, 2)
		p.echo(13, 3)
		s.hears("settled", "settled 1 at 11: <nil>", "settled 2 at 12: <nil>", "settled 3 at 13: <nil>")
		f.srv.Cut()
		p = f.join()
		p.welcome(13, resumed, acked(3))
		p.publishes(4, 5)
	})
}

// Another member may join with the same client: it cannot answer for this one.
func TestEchoOfAnotherMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		s.publish(1)
		p.publishes(1)
		p.Send(`{"type":"frame","events":[{"offset":1,"at":1,"event":"e","from":"m_2","ref":"` + s.ID() + `:1","data":0},` +
			`{"offset":2,"at":1,"event":"e","from":"m_1","ref":"` + s.ID() + `x:1","data":0},` +
			`{"offset":3,"at":1,"event":"e","from":"m_1","ref":"` + s.ID() + `:x","data":0}]}`)
		s.hears("settled")
		p.echo(4, 1)
		s.hears("settled", "settled 1 at 4: <nil>")
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.Retry = true })
		p := f.join()
		p.welcome(0)
		s.publish(1, 2)
		p.publishes(1, 2)
		p.refuse(wire.Error{Code: wire.CodeSlowDown, Message: "slow down", Ref: 2, Retry: true, After: 3 * time.Second})
		synctest.Wait()
		s.publish(4) // 3 is the new ref of 2
		p.quiet()
		began := time.Now()
		m := p.next(wire.TypePublish).Publish
		if m.Ref != 3 || string(m.Data) != `{"n":2}` || time.Since(began) != 3*time.Second {
			t.Errorf("after %v came %d with %s", time.Since(began), m.Ref, m.Data)
		}
		p.publishes(4)
		p.echo(1, 1)
		p.echo(2, 3)
		s.hears("settled", "settled 1 at 1: <nil>", "settled 2 at 2: <nil>") // told by the ref that its sender knows
		p.refuse(wire.Error{Code: wire.CodeForbidden, Message: "no", Ref: 4})
		s.hears("settled", "settled 4 at 0: forbidden: no")
	})
}

// Without Retry a refusal is told; the client still heeds the wait.
func TestSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		s.publish(1)
		p.publishes(1)
		p.refuse(wire.Error{Code: wire.CodeSlowDown, Message: "slow down", Ref: 1, Retry: true, After: time.Second})
		s.hears("settled", "settled 1 at 0: slow_down: slow down")
		s.publish(2)
		p.quiet()
		p.heartbeat(1)
		p.next(wire.TypeHeartbeat) // never waits
		began := time.Now()
		p.publishes(2)
		if time.Since(began) != time.Second {
			t.Errorf("held back for %v", time.Since(began))
		}
	})
}

func TestWhatIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) { o.Outbox = 2 })
		if _, err := s.Publish("No", nil); err == nil {
			t.Error("took a wrong event name")
		}
		if _, err := s.Command(t.Context(), "", nil); err == nil {
			t.Error("took a wrong command name")
		}
		if _, err := s.Publish("e", func() {}); err == nil {
			t.Error("took data that is no JSON")
		}
		if err := s.PublishEphemeral("e", "", nil); !errors.Is(err, client.ErrNotConnected) {
			t.Errorf("an ephemeral event without a connection: %v", err)
		}
		if _, err := s.Publish("e", strings.Repeat("x", 1000)); err != nil {
			t.Error(err) // the limit is not known yet
		}
		s.publish(2)
		if _, err := s.Publish("e", nil); !errors.Is(err, client.ErrFull) {
			t.Errorf("a third of two: %v", err)
		}
		p := f.join()
		p.welcome(0, func(w *wire.Welcome) { w.Limits.Message = 100 })
		p.publishes(2)
		s.hears("settled", "settled 1 at 0: "+client.ErrTooBig.Error())
		if _, err := s.Publish("e", strings.Repeat("x", 100)); !errors.Is(err, client.ErrTooBig) {
			t.Errorf("too big: %v", err)
		}
		if err := s.PublishEphemeral("e", "", strings.Repeat("x", 100)); !errors.Is(err, client.ErrTooBig) {
			t.Errorf("too big and ephemeral: %v", err)
		}
		fits := strings.Repeat("x", 100-len(`{"type":"publish","ref":3,"event":"e","data":""}`))
		if _, err := s.Publish("e", fits); err != nil {
			t.Errorf("just the limit: %v", err)
		}
		p.publishes(3)
	})
}

func TestEphemeral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		synctest.Wait()
		if err := s.PublishEphemeral("cursor", "k", []int{1, 2}); err != nil {
			t.Error(err)
		}
		m := p.next(wire.TypePublish).Publish
		if m.Ref != 0 || string(m.Event) != "cursor" || string(m.Key) != "k" || string(m.Data) != "[1,2]" || !m.Ephemeral {
			t.Errorf("sent %+v", m)
		}
		p.refuse(wire.Error{Code: wire.CodeBadKey, Message: "no"})
		s.hears("error settled", "error bad_key: no")
		if s.Pending() != 0 {
			t.Error("an ephemeral event waits for nothing")
		}
		f.srv.Cut()
		p = f.join()
		p.welcome(0, resumed)
		p.quiet() // for the moment only
		s.end()

		f.deaf = true
		s = start(t, f, func(o *client.Options) { o.Outbox = 3 })
		f.join().welcome(0)
		synctest.Wait()
		for i := range 5 {
			err := s.PublishEphemeral("cursor", "", i)
			synctest.Wait() // the first is being written
			if got := errors.Is(err, client.ErrFull); got != (i == 4) {
				t.Errorf("number %d: %v", i, err)
			}
		}
	})
}
