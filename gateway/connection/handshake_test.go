package connection

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestOrigins(t *testing.T) {
	patterns := []string{"*.example.com", "https://app.example.org"}
	for _, c := range []struct {
		patterns []string
		origin   string
		allowed  bool
	}{
		{nil, "", true},
		{nil, "http://plenum.test", true},
		{nil, "https://PLENUM.test", true},
		{nil, "https://evil.test", false},
		{nil, "https://plenum.test.evil.test", false},
		{nil, "https://plenum.test:8443", false},
		{nil, "null", false},
		{nil, "%zz", false},
		{patterns, "https://a.example.com", true},
		{patterns, "http://A.Example.com", true},
		{patterns, "https://a.b.example.com", true}, // path.Match: * is anything but a slash
		{patterns, "https://example.com", false},
		{patterns, "https://aexample.com", false},
		{patterns, "https://a.example.com.evil.test", false},
		{patterns, "https://app.example.org", true},
		{patterns, "http://app.example.org", false},
		{patterns, "https://evil.test/app.example.org", false},
		{patterns, "null", false},
		{[]string{"*"}, "https://evil.test", true},
		{[]string{"*"}, "null", true},
		{[]string{"*"}, "%zz", true},
	} {
		t.Run(fmt.Sprint(c.patterns, c.origin), func(t *testing.T) {
			bubble(t, func(o *Options) { o.Origins = c.patterns }, func(r *rig) {
				header := http.Header{}
				if c.origin != "" {
					header.Set("Origin", c.origin)
				}
				p := r.dial("s", &websocket.DialOptions{HTTPHeader: header})
				if c.allowed {
					p.join("")
					return
				}
				p.outcome(r, wire.CodeOrigin, wire.CloseForbidden, ReasonForbidden)
			})
		})
	}
}

func TestSubprotocols(t *testing.T) {
	for _, c := range []struct {
		offers []string
		answer string
		served bool
	}{
		{nil, "", true},
		{[]string{"plenum.v1"}, "plenum.v1", true},
		{[]string{"graphql-ws", "plenum.v1"}, "plenum.v1", true},
		{[]string{"graphql-ws"}, "graphql-ws", false},
		{[]string{"plenum.v2", "x"}, "plenum.v2", false},
	} {
		t.Run(strings.Join(c.offers, " "), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				p := r.dial("s", &websocket.DialOptions{Subprotocols: c.offers})
				if got := p.Subprotocol(); got != c.answer {
					r.Errorf("the handshake answers %q; want %q", got, c.answer)
				}
				if c.served {
					p.join("")
					return
				}
				p.outcome(r, wire.CodeProtocol, wire.CloseProtocol, ReasonProtocol)
			})
		})
	}
}

func TestSessionIDs(t *testing.T) {
	for id, valid := range map[string]bool{"a": true, "A-Z_09": true, strings.Repeat("x", 64): true,
		"": false, "a%20b": false, "%C3%A4": false, "a/b": false, "a%00": false, "{a}": false, strings.Repeat("x", 65): false} {
		t.Run(fmt.Sprintf("%.20s", id), func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				p := r.dial(id, nil)
				if valid {
					p.join("")
					return
				}
				p.outcome(r, wire.CodeBadSession, wire.CloseJoinRefused, ReasonJoinRefused)
			})
		})
	}
}

// refused opens a WebSocket that is answered with plain HTTP.
func (r *rig) refused(status int) {
	r.Helper()
	conn, resp, err := r.web.TryDial(r.Context(), "/api/websocket?session=s", nil)
	if err == nil {
		conn.CloseNow()
		r.Fatal("accepted")
	}
	if resp == nil || resp.StatusCode != status {
		r.Fatalf("%v; want %d", err, status)
	}
	if status == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		r.Error("no Retry-After")
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		r.Errorf("content type %q", got)
	}
}

func TestConnectionsOfTheReplica(t *testing.T) {
	bubble(t, func(o *Options) { o.Connections = 3 }, func(r *rig) {
		var all []*peer
		for range 3 {
			all = append(all, r.dial("s", nil))
		}
		r.refused(http.StatusServiceUnavailable)
		all[0].CloseNow()
		synctest.Wait()
		r.dial("s", nil).join("")
		r.refused(http.StatusServiceUnavailable)
		if got := r.Stats.Refused.Load(); got != 2 {
			r.Errorf("%d refused", got)
		}
	})
}

func TestDraining(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		joined, waiting := r.dial("s", nil), r.dial("s", nil)
		joined.join("")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			r.Drain(ctx, 500)
		}()
		synctest.Wait()
		if got := joined.all(wire.TypeDrain); len(got) != 1 || got[0].Drain.Reason != "deploy" {
			r.Errorf("told %+v", got)
		}
		joined.isOpen()
		r.refused(http.StatusServiceUnavailable)
		// One that was accepted before and joins now could not be told to move.
		waiting.say(`{"type":"join","client":"c","name":"n"}`)
		waiting.outcome(r, wire.CodeDrained, wire.CloseDrained, ReasonDrained)
		joined.Close(websocket.StatusNormalClosure, "")
		<-drained
		if ctx.Err() != nil {
			r.Error("the drain did not end with the last connection")
		}
	})
}

func TestCloseAll(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		joined, waiting := r.dial("s", nil), r.dial("s", nil)
		joined.join("")
		began := time.Now()
		r.CloseAll(context.Background())
		for _, p := range []*peer{joined, waiting} {
			p.closed(wire.CloseDrained)
		}
		if took := time.Since(began); took > time.Second {
			r.Errorf("took %v", took)
		}
		r.ended(ReasonDrained, 2)
	})
}

// A handshake that was under way when all were closed is closed too, and CloseAll
// waits for it.
func TestCloseAllDuringAHandshake(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c, err := r.reserve(netip.Prefix{})
		if err != nil {
			r.Fatal(err)
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			r.CloseAll(context.Background())
		}()
		synctest.Wait()
		if !r.admit(c) {
			r.Error("a handshake that ends now must learn that all are being closed")
		}
		select {
		case <-closed:
			r.Error("CloseAll did not wait")
		default:
		}
		r.release(c)
		<-closed
	})
}

func TestRequestsThatAreNoHandshake(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header map[string]string
	}{
		"plain":              {http.StatusUpgradeRequired, nil},
		"another upgrade":    {http.StatusUpgradeRequired, map[string]string{"Connection": "Upgrade", "Upgrade": "h2c"}},
		"without a key":      {http.StatusBadRequest, map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}},
		"a bad key":          {http.StatusBadRequest, map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}},
		"an ancient version": {http.StatusBadRequest, map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				req, err := http.NewRequestWithContext(r.Context(), "GET", "http://plenum.test/api/websocket?session=s", nil)
				if err != nil {
					r.Fatal(err)
				}
				for k, v := range c.header {
					req.Header.Set(k, v)
				}
				resp, err := r.web.Client().Do(req)
				if err != nil {
					r.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != c.status {
					r.Errorf("%s; want %d", resp.Status, c.status)
				}
				if r.Stats.Open.Load() != 0 || r.Stats.Accepted.Load() != 0 || r.Stats.Refused.Load() != 1 {
					r.Errorf("%d open, %d accepted, %d refused", r.Stats.Open.Load(), r.Stats.Accepted.Load(), r.Stats.Refused.Load())
				}
			})
		})
	}
}

// A handshake and a join wait for a turn each.
func TestHandshakesAndJoinsTakeTurns(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.turns = newTurnstile(1)
		waits := func(what func()) {
			r.Helper()
			if _, err := r.turns.enter(context.Background(), "another"); err != nil {
				r.Fatal(err)
			}
			began := time.Now()
			if what(); time.Since(began) < longestTurn {
				r.Errorf("it took %v; want %v at least, the turn of another", time.Since(began), longestTurn)
			}
		}
		var p *peer
		waits(func() { p = r.dial("s", nil) })
		waits(func() { p.join("") })
	})
}
