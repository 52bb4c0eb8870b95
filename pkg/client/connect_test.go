package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func refuseAll(*http.Request) int { return http.StatusServiceUnavailable }

func TestCloseCodes(t *testing.T) {
	for _, code := range []wire.CloseCode{1000, 1001, 1009, 1011, 1012, 1013, 3000, 4000, 4001, 4002, 4003, 4005, 4250,
		4500, 4501, 4502, 4503, 4504, 4505, 4506, 4507, 4508, 4509, 4999} {
		for _, when := range []string{"joining", "joined"} {
			t.Run(fmt.Sprint(code, when), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t)
					s := start(t, f)
					p := f.join()
					if when == "joined" {
						p.welcome(0)
					}
					p.refuse(wire.Error{Code: "some_code", Message: "because"})
					p.Close(websocket.StatusCode(code), "reason")
					if code.Reconnect() {
						f.join().welcome(0)
						return
					}
					closed, ok := errors.AsType[*client.Closed](s.wait())
					if !ok || closed.Code != code || closed.Reason != "reason" || closed.Err == nil ||
						closed.Err.Code != "some_code" || closed.Err.Close != code {
						t.Errorf("Run returned %v", s.result)
					}
					f.noJoin()
				})
			})
		}
	}
}

// The end is told to whoever waits.
func TestTerminalCloseSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		result := make(chan error, 1)
		go func() {
			_, err := s.PublishWait(t.Context(), "e", nil)
			result <- err
		}()
		p.publishes(1)
		p.refuse(wire.Error{Code: wire.CodeForbidden, Message: "about something else"})
		p.frame(1)
		p.Close(4504, "session ended")
		if err := <-result; !errors.Is(err, client.ErrClosed) {
			t.Errorf("PublishWait returned %v", err)
		}
		if closed, ok := errors.AsType[*client.Closed](s.wait()); !ok || closed.Err != nil || closed.Unwrap() != nil {
			t.Errorf("Run returned %+v", closed)
		}
		s.hears("settled closed", "settled 1 at 0: plenum client: closed", "closed")
	})
}

// waits returns the waits between attempts that are all refused.
func waits(t *testing.T, n int, random float64, first func(f *fake)) (out []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f, func(o *client.Options) {
			o.Rand = func() float64 { return random }
			o.OnStatus = func(st client.Status) {
				if st.Phase == client.PhaseReconnecting {
					out = append(out, st.Wait)
				}
			}
		})
		first(f)
		time.Sleep(10 * time.Minute)
		s.end()
	})
	return out[:min(n, len(out))]
}

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	refused := func(f *fake) { f.refuse(refuseAll) }
	lost := func(f *fake) {
		f.join().welcome(0)
		f.refuse(refuseAll)
		f.srv.Cut()
	}
	for name, c := range map[string]struct {
		random float64
		first  func(f *fake)
		want   []time.Duration
	}{
		"never connected": {1, refused, []time.Duration{200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}},
		"lost":            {1, lost, []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms}},
		"full jitter":     {0.25, lost, []time.Duration{25 * ms, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1250 * ms}},
		"too fast, by the reason": {0.5, closeWith(4006, wire.WaitReason(90*time.Second), nil),
			[]time.Duration{90*time.Second + 50*ms}},
		"too fast, by the error": {0.5, closeWith(4006, "", &wire.Error{Code: wire.CodeTooFast, Message: "m", After: 30 * time.Second}),
			[]time.Duration{30*time.Second + 50*ms}},
		"too fast, no wait given": {1, closeWith(4006, "", nil), []time.Duration{100 * ms}},
		"the store is away":       {0.5, closeWith(4007, "", nil), []time.Duration{7500 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := waits(t, len(c.want), c.random, c.first); !slices.Equal(got, c.want) {
				t.Errorf("waited %v, want %v", got, c.want)
			}
		})
	}
}

func closeWith(code wire.CloseCode, reason string, e *wire.Error) func(f *fake) {
	return func(f *fake) {
		p := f.join()
		p.welcome(0)
		if e != nil {
			p.refuse(*e)
		}
		f.refuse(refuseAll)
		p.Close(websocket.StatusCode(code), reason)
	}
}

// A connection that works for a while ends the backoff; one that is closed
// right after its welcome does not.
func TestBackoffStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var waited []time.Duration
		start(t, f, func(o *client.Options) {
			o.Rand = func() float64 { return 1 }
			o.OnStatus = func(st client.Status) {
				if st.Phase == client.PhaseReconnecting {
					waited = append(waited, st.Wait)
				}
			}
		})
		for i := range 8 {
			p := f.join()
			p.welcome(0)
			if i == 5 {
				time.Sleep(5 * time.Second)
			}
			p.Close(4001, "")
		}
		f.join()
		const ms = time.Millisecond
		want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 100 * ms, 200 * ms, 400 * ms}
		if !slices.Equal(waited, want) {
			t.Errorf("waited %v, want %v", waited, want)
		}
	})
}

func TestAddressesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var hosts []string
		f.refuse(func(r *http.Request) int {
			if r.Header.Get("X-Test") != "yes" {
				t.Error("the header is missing")
			}
			hosts = append(hosts, r.Host)
			if len(hosts) < 4 {
				return http.StatusServiceUnavailable
			}
			return 0
		})
		start(t, f, func(o *client.Options) {
			o.URLs = []string{"ws://a.test", "http://b.test/api/websocket", "ws://c.test/?x=y"}
			o.Rand = func() float64 { return 0.4 }
			o.Header = http.Header{"X-Test": {"yes"}}
		})
		p := f.join()
		p.welcome(0)
		p.Close(4000, "drained")
		f.join()
		if got := strings.Join(hosts, " "); got != "b.test c.test a.test b.test c.test" {
			t.Errorf("tried %s", got)
		}
	})
}

func TestTokenBeforeEachJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		calls := 0
		s := start(t, f, func(o *client.Options) {
			o.Token = func(ctx context.Context) (string, error) {
				calls++
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("the context has no deadline")
				}
				if calls == 2 {
					return "", errors.New("the issuer is away")
				}
				return fmt.Sprint("token ", calls), nil
			}
		})
		p := f.join()
		p.welcome(0)
		p.Close(4005, "token expired")
		if next := f.join(); p.join.Token != "token 1" || next.join.Token != "token 3" {
			t.Errorf("tokens %q, %q", p.join.Token, next.join.Token)
		}
		s.hears("reconnecting", "reconnecting", "reconnecting")
	})
}

// Whoever takes a join and never answers is not waited for.
func TestNoWelcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		start(t, f)
		f.join()
		began := time.Now()
		p := f.join()
		if took := time.Since(began); took != 10*time.Second+100*time.Millisecond { // half of Min
			t.Errorf("tried again after %v", took)
		}
		p.heartbeat(1) // what comes before the welcome is passed over
		p.welcome(0)
		p.quiet()
	})
}

func TestStatusTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var told []client.Status
		s := start(t, f, func(o *client.Options) { o.OnStatus = func(st client.Status) { told = append(told, st) } })
		p := f.join()
		p.welcome(0)
		p.Close(4000, "drained")
		p = f.join()
		p.welcome(0)
		synctest.Wait()
		f.srv.Cut()
		p = f.join()
		p.Close(4504, "ended")
		s.wait()
		if len(told) != 6 {
			t.Fatalf("told %+v", told)
		}
		for i, want := range []string{"<nil>", "<nil>", `plenum client: closed with 4000 "drained"`, "<nil>",
			"plenum client: connection lost: ", `plenum client: closed with 4504 "ended"`} {
			if got := fmt.Sprint(told[i].Err); !strings.HasPrefix(got, want) {
				t.Errorf("%v: %s, want %s", told[i].Phase, got, want)
			}
		}
		if told[1].Replica != "gw-1" {
			t.Errorf("replica %q", told[1].Replica)
		}
	})
}
