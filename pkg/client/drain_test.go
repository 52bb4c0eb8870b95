package client_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// drain asks the client to connect anew after a second, and returns its new
// connection, which is not welcomed yet.
func (p *peer) drain(f *fake) *peer {
	p.t.Helper()
	p.Send(`{"type":"drain","after":1000,"reason":"deploy"}`)
	asked := time.Now()
	next := f.join()
	if took := time.Since(asked); took != time.Second {
		p.t.Errorf("connected anew after %v", took)
	}
	if next.join.Client != p.join.Client || next.join.Seat != "secret" || next.join.Since == nil {
		p.t.Errorf("join %+v", next.join)
	}
	return next
}

// The new connection is made before the old one is let go: nothing is lost,
// doubled, or even late.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		old.frame(11)
		s.publish(1)
		old.publishes(1)
		next := old.drain(f)
		if next.join.Since.Offset != 11 {
			t.Errorf("since %+v", *next.join.Since)
		}
		old.frame(12, 13) // the old one goes on
		old.echo(14, 1)
		s.publish(2)
		old.publishes(2)
		s.hears("events settled", "events 11", "events 12 13", "events 14", "settled 1 at 14: <nil>")

		began := time.Now()
		next.welcome(11, resumed, acked(1))
		next.publishes(2) // in doubt, so again
		if took := time.Since(began); took != 0 {
			t.Errorf("the switch took %v", took)
		}
		next.frame(12, 13, 14, 15)
		next.echo(16, 2)
		s.publish(3)
		next.publishes(3)
		if code := old.closed(); code != -1 {
			t.Errorf("the old connection was closed with %d", code)
		}
		s.hears("events settled connected reconnecting", "connected", "events 15", "events 16", "settled 2 at 16: <nil>")
	})
}

// To the gateway it is one client that is back before its old connection is
// known to be dead: it closes the old one with 4506.
func TestDrainReplacesTheOldConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		next := old.drain(f)
		old.Close(4506, "replaced")
		time.Sleep(time.Second)
		next.welcome(10, resumed)
		next.frame(11)
		s.hears("events reconnecting closed", "events 11")
		f.noJoin()

		next.Close(4506, "replaced") // but not by this client
		if closed, ok := errors.AsType[*client.Closed](s.wait()); !ok || closed.Code != wire.CloseReplaced {
			t.Errorf("Run returned %v", s.result)
		}
	})
}

// Replaced by a connection of its own that then came to nothing.
func TestDrainFailsAfterReplacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		next := old.drain(f)
		old.Close(4506, "replaced")
		next.CloseNow()
		p := f.join()
		p.welcome(10, resumed)
		p.frame(11)
		s.hears("events closed", "events 11")
	})
}

// While the new connection cannot be had the old one serves on.
func TestDrainIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		next := old.drain(f)
		next.Close(1013, "try later")
		next = f.join()
		old.frame(11)
		next.Close(4509, "full") // not even this ends the old one
		next = f.join()
		old.frame(12)
		synctest.Wait()
		next.welcome(11, resumed)
		next.frame(12, 13)
		s.hears("events reconnecting closed", "events 11", "events 12", "events 13")
	})
}

// The old connection is cut off while the client waits for its slot.
func TestDrainCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		old.Send(`{"type":"drain","after":60000,"reason":"deploy"}`)
		synctest.Wait()
		old.Close(4000, "drained")
		began := time.Now()
		p := f.join()
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("connected anew after %v", took)
		}
		p.welcome(10, resumed)
		s.hears("reconnecting", "reconnecting")
		time.Sleep(30 * time.Second)
		p.heartbeat(1)
		time.Sleep(31 * time.Second)
		f.noJoin()
	})
}

// A snapshot that is older than what the old connection brought meanwhile
// would be a step back.
func TestDrainWithAnOldSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		next := old.drain(f)
		old.frame(11, 12, 13)
		synctest.Wait()
		next.welcome(12)
		next.frame(13, 14)
		s.hears("snapshot events", "snapshot e/10", "events 11 12 13", "events 14")

		last := next.drain(f)
		next.frame(15)
		synctest.Wait()
		last.welcome(900) // ahead is as good as ever
		last.frame(901)
		s.hears("snapshot events", "events 15", "snapshot e/900", "events 901")
	})
}

func TestContextEndsWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		old := f.join()
		old.welcome(10)
		next := old.drain(f)
		if err := s.end(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		old.closed()
		next.closed()
	})
}
