package client_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
)

// acked says which is the highest ref that took effect. What was below it took
// effect too, or was refused; only its event tells which.
func TestLostAcknowledgements(t *testing.T) {
	lost := ": " + client.ErrOutcomeLost.Error()
	for name, c := range map[string]struct {
		welcome func(p *peer)
		then    func(p *peer)
		want    []string
	}{
		"replayed": {func(p *peer) { p.welcome(10, resumed, acked(3)) }, func(p *peer) { p.echo(11, 1); p.echo(12, 2); p.echo(13, 3) },
			[]string{"settled 1 at 11: <nil>", "settled 2 at 12: <nil>", "settled 3 at 13: <nil>"}},
		"one was refused": {func(p *peer) { p.welcome(10, resumed, acked(3)) }, func(p *peer) { p.echo(11, 1); p.echo(12, 3) },
			[]string{"settled 1 at 11: <nil>", "settled 2 at 0" + lost, "settled 3 at 12: <nil>"}},
		"a later one tells": {func(p *peer) { p.welcome(10, resumed, acked(2)) }, func(p *peer) { p.echo(11, 3) },
			[]string{"settled 1 at 0" + lost, "settled 2 at 0: <nil>", "settled 3 at 11: <nil>"}},
		"nothing is replayed": {func(p *peer) { p.welcome(10, resumed, acked(3)) }, func(p *peer) { p.heartbeat(1); p.heartbeat(2) },
			[]string{"settled 1 at 0" + lost, "settled 2 at 0" + lost, "settled 3 at 0: <nil>"}},
		"snapshot": {func(p *peer) { p.welcome(20, acked(3)) }, func(p *peer) {},
			[]string{"settled 1 at 0" + lost, "settled 2 at 0" + lost, "settled 3 at 0: <nil>"}},
		"snapshot in place": {func(p *peer) { p.welcome(10, resumed, acked(3)) }, func(p *peer) {
			p.Send(`{"type":"state","session":{"id":"s","epoch":"e","offset":20},"reason":"lagged"}`)
		}, []string{"settled 1 at 0" + lost, "settled 2 at 0" + lost, "settled 3 at 0: <nil>"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := start(t, f)
				p := f.join()
				p.welcome(10)
				s.publish(1, 2, 3)
				p.publishes(1, 2, 3)
				f.srv.Cut()
				p = f.join()
				c.welcome(p)
				c.then(p)
				s.hears("settled", c.want...)
			})
		})
	}
}

// A gateway that recognises a request as being below the highest that took
// effect cannot tell whether it did; its event can.
func TestDoubtfulAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1, 2, 3, 4)
		p.publishes(1, 2, 3, 4)
		f.srv.Cut()
		p = f.join()
		p.welcome(10, resumed) // they were still under way
		p.publishes(1, 2, 3, 4)
		p.ack(1, 13)
		p.ack(2, 13)
		p.ack(3, 13)
		p.ack(4, 13) // the highest of them, so it did
		s.hears("settled", "settled 4 at 13: <nil>")
		p.echo(11, 1)
		p.echo(12, 3)
		s.hears("settled", "settled 1 at 11: <nil>", "settled 2 at 0: "+client.ErrOutcomeLost.Error(), "settled 3 at 12: <nil>")
		s.publish(5)
		p.ack(5, 13) // sent for the first time
		s.hears("settled", "settled 5 at 13: <nil>")
	})
}

// Once everything up to the acknowledgement is applied there is no event to come.
func TestDoubtfulAcknowledgementWithoutEvent(t *testing.T) {
	for name, then := range map[string]func(p *peer){
		"already": func(p *peer) { p.frame(11); p.ack(1, 11) },
		"later":   func(p *peer) { p.ack(1, 12); p.frame(11); p.frame(12) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := start(t, f)
				p := f.join()
				p.welcome(10)
				s.publish(1, 2)
				p.publishes(1, 2)
				f.srv.Cut()
				p = f.join()
				p.welcome(10, resumed)
				p.publishes(1, 2)
				then(p)
				s.hears("settled", "settled 1 at 0: "+client.ErrOutcomeLost.Error())
				if s.Pending() != 1 {
					t.Errorf("%d pending", s.Pending())
				}
			})
		})
	}
}

// A command may lead to no event; that it took effect is all there is to know.
func TestLostAcknowledgementOfACommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		result := make(chan error, 1)
		go func() {
			_, err := s.Command(t.Context(), "set_name", map[string]string{"name": "Bea"})
			result <- err
		}()
		p.publishes(1)
		f.srv.Cut()
		p = f.join()
		p.welcome(10, resumed, acked(1))
		if err := <-result; err != nil {
			t.Error(err)
		}

		for range 2 { // below another one, and carried out at the second time
			go func() {
				_, err := s.Command(t.Context(), "set_name", nil)
				result <- err
			}()
		}
		p.publishes(2, 3)
		f.srv.Cut()
		p = f.join()
		p.welcome(10, resumed, acked(1))
		p.publishes(2, 3)
		p.ack(2, 10)
		p.ack(3, 10)
		if err := errors.Join(<-result, <-result); err != nil {
			t.Error(err)
		}
	})
}

// The log lost its past: what took effect only there is sent again.
func TestResendAfterTheLogLostItsPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1, 2, 3)
		p.publishes(1, 2, 3)
		f.srv.Cut()
		p = f.join()
		p.welcome(0, epoch("f"), acked(0))
		p.publishes(1, 2, 3)
		s.hears("settled")
	})
}

// A snapshot in place may hide an answer. If it stays away, a welcome tells.
func TestAnswersMissingAfterState(t *testing.T) {
	const state = `{"type":"state","session":{"id":"s","epoch":"e","offset":20},"reason":"lagged"}`
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		s.publish(1, 2)
		p.publishes(1, 2)
		p.Send(state)
		p.ack(2, 15)
		next := f.join() // while the old connection stays
		next.welcome(20, resumed, acked(2))
		s.hears("settled reconnecting", "settled 2 at 15: <nil>")
		next.echo(21, 1)
		s.hears("settled", "settled 1 at 21: <nil>")

		s.publish(3)
		next.publishes(3)
		next.Send(strings.Replace(state, "20", "30", 1))
		next.echo(31, 3)
		time.Sleep(time.Minute / 2)
		f.noJoin() // all was answered
	})
}
