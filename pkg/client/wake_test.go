package client_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A program that was stopped for ten minutes finds its connection closed, and
// the session elsewhere. Within a second it is where the others are.
func TestFrozenForTenMinutes(t *testing.T) {
	for _, c := range []struct {
		name    string
		welcome func(next *peer)
		want    []string
	}{
		{"the log has it all", func(next *peer) {
			next.welcome(13, resumed, acked(1))
			next.frame(14, 15)
			next.frame(16)
		}, []string{"events 12", "events 13", "reconnecting", "connected", "events 14 15", "events 16"}},
		{"the log has let it go", func(next *peer) {
			next.welcome(9000)
			next.frame(9001)
		}, []string{"events 12", "events 13", "reconnecting", "connected", "snapshot e/9000", "events 9001"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				asleep, awake := make(chan struct{}), make(chan struct{})
				s := start(t, f, func(o *client.Options) {
					note := o.OnEvents
					o.OnEvents = func(events []wire.Event) {
						if events[0].Offset == 12 {
							close(asleep)
							<-awake
						}
						note(events)
					}
				})
				p := f.join()
				p.welcome(10)
				p.frame(11)
				s.heard()
				go func() {
					p.frame(12)
					p.frame(13) // is in the socket when it wakes
					p.Close(4002, "heartbeat_missed")
				}()
				<-asleep
				if _, err := s.Publish("late", 1); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				close(awake)
				woke := time.Now()
				next := f.join()
				if got := next.join.Since; got == nil || got.Offset != 13 {
					t.Errorf("came back from %+v; want 13", got)
				}
				c.welcome(next)
				s.hears("events reconnecting connected snapshot closed", c.want...)
				if took := time.Since(woke); took > time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A join that was never answered may take effect late, and then it is the newer
// connection that the gateway ends, with 4506. The client knows of no other of
// its kind, so it comes back.
func TestAJoinThatWasGivenUpMayReplaceItsSuccessor(t *testing.T) {
	for _, c := range []struct {
		name  string
		later time.Duration
		ends  bool
	}{{"soon", 2 * time.Second, false}, {"when that cannot be any more", 5 * time.Minute, true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := start(t, f)
				f.join() // and no answer
				p := f.join()
				p.welcome(10)
				for range int(c.later / time.Second) {
					time.Sleep(time.Second)
					p.heartbeat(1)
				}
				go p.Close(4506, "replaced")
				if c.ends {
					if err, ok := s.wait().(*client.Closed); !ok || err.Code != wire.CloseReplaced {
						t.Errorf("ended with %v", err)
					}
					return
				}
				p = f.join()
				p.welcome(10, resumed)
				s.hears("closed")
			})
		})
	}
}
