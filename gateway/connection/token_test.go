package connection

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/limit"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const tokenSecret = "a secret of more than 32 bytes, for tests"

// proving has everybody prove who they are.
func proving(o *Options) {
	o.Tokens = auth.NewTokens(auth.TokenOptions{Algorithm: "HS256", Secrets: []string{tokenSecret}})
}

// token is one that ends after a while.
func token(t testing.TB, subject string, after time.Duration, more ...string) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": subject, "exp": time.Now().Add(after).Unix()}
	for i := 0; i+1 < len(more); i += 2 {
		claims[more[i]] = more[i+1]
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(tokenSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lives answers heartbeats for a while.
func (p *peer) lives(d time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(20*time.Second, time.Until(end)))
		synctest.Wait()
		select {
		case <-p.done:
			return
		default:
			p.say(`{"type":"heartbeat","at":1}`)
		}
	}
}

func TestJoinNeedsAToken(t *testing.T) {
	bubble(t, proving, func(r *rig) {
		for join, want := range map[string]struct {
			code   wire.Code
			close  wire.CloseCode
			reason Reason
		}{
			``:                   {wire.CodeNotAuthenticated, wire.CloseNotAuthenticated, ReasonForbidden},
			`,"token":"rubbish"`: {wire.CodeNotAuthenticated, wire.CloseNotAuthenticated, ReasonForbidden},
			`,"seat":"` + strings.Repeat("s", 24) + `"`:                      {wire.CodeNotAuthenticated, wire.CloseNotAuthenticated, ReasonForbidden},
			`,"token":"` + token(t, "ada", -time.Hour) + `"`:                 {wire.CodeTokenExpired, wire.CloseTokenExpired, ReasonExpired},
			`,"token":"` + token(t, "ada", time.Hour, "session", "x*") + `"`: {wire.CodeForbidden, wire.CloseForbidden, ReasonForbidden},
		} {
			before := r.Stats.Ended(want.reason)
			p := r.dial("s", nil)
			p.say(`{"type":"join","client":"c","name":"n"` + join + `}`)
			p.closed(want.close)
			if got := fmt.Sprint(p.codes()); got != fmt.Sprintf("[%s]", want.code) {
				r.Errorf("%s: errors %v", join, got)
			}
			synctest.Wait()
			r.ended(want.reason, before+1)
		}
		p := r.dial("s", nil)
		p.join(`,"token":"` + token(t, "ada", time.Hour, "session", "s", "name", "Ada L.") + `"`)
		if w := p.all(wire.TypeWelcome)[0].Welcome; !strings.Contains(string(w.Members), `"name":"Ada L."`) {
			r.Errorf("members %s", w.Members)
		}
		// In the URL it counts for nothing.
		p = r.listen(r.web.Dial(r.T, "/api/websocket?session=s&token="+token(t, "ada", time.Hour), nil).Conn)
		p.say(`{"type":"join","client":"c","name":"n"}`)
		p.closed(wire.CloseNotAuthenticated)
	})
}

// A connection ends when its token does, at that moment, and is told in time.
func TestTokenEndsItsConnection(t *testing.T) {
	for _, after := range []time.Duration{3 * time.Second, 40 * time.Second, 10 * time.Minute} {
		for range 5 { // phases of the heartbeat
			bubble(t, proving, func(r *rig) {
				began := time.Now()
				p := r.dial("s", nil)
				p.join(`,"token":"` + token(t, "ada", after) + `"`)
				p.lives(after + time.Minute)
				p.closed(wire.CloseTokenExpired)
				if took := time.Since(began); took > after+20*time.Second { // lives looks every 20 s
					r.Errorf("a token of %v lasted %v", after, took)
				}
				errors := p.all(wire.TypeError)
				if got := fmt.Sprint(p.codes()); got != "[token_expiring token_expired]" {
					r.Fatalf("errors %v", got)
				}
				if at := errors[1].at.Sub(began); at < after || at > after+time.Second {
					r.Errorf("a token of %v ended after %v", after, at)
				}
				told := errors[0]
				if left := after - told.at.Sub(began); told.Error.After.Round(time.Second) != left.Round(time.Second) || left < min(after, 25*time.Second)-time.Second || told.Error.Ref != 0 {
					r.Errorf("with %v left it was told %+v", left, told.Error)
				}
			})
		}
	}
}

func TestTokenIsRefreshedInPlace(t *testing.T) {
	bubble(t, proving, func(r *rig) {
		p := r.dial("s", nil)
		p.join(`,"token":"` + token(t, "ada", 2*time.Minute) + `"`)
		refresh := func(ref int, with string) {
			p.say(fmt.Sprintf(`{"type":"command","ref":%d,"command":"refresh_token","data":{"token":"%s"}}`, ref, with))
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		p.lives(time.Minute)
		p.say(`{"type":"publish","ref":1,"event":"e"}`)
		good := token(t, "ada", 10*time.Minute)
		refresh(2, good)
		refresh(2, good) // a repeat is harmless
		p.say(`{"type":"publish","ref":3,"event":"e"}`)
		p.lives(3 * time.Minute)
		p.isOpen()
		if acks := p.all(wire.TypeAck); len(acks) != 2 || acks[0].Ack.Ref != 2 || len(p.events("e")) != 2 {
			r.Errorf("acks %+v, events %v", acks, p.events("e"))
		}
		before := len(p.codes())
		for ref, bad := range map[int]string{
			4: token(t, "eve", time.Hour), 5: "rubbish", 6: token(t, "ada", -time.Hour), 7: token(t, "ada", time.Hour, "session", "other"), 8: good[:len(good)-2] + "xx",
		} {
			refresh(ref, bad)
		}
		p.say(`{"type":"command","ref":9,"command":"refresh_token","data":{"token":5}}`)
		p.lives(time.Second)
		for _, e := range p.all(wire.TypeError)[before:] {
			if e.Error.Ref < 4 {
				r.Errorf("refused with %+v", e.Error)
			}
		}
		if n := len(p.codes()) - before; n != 6 {
			r.Errorf("of 6 bad tokens %d were refused", n)
		}
		p.isOpen()
		p.lives(20 * time.Minute)
		p.closed(wire.CloseTokenExpired)
	})
}

// A token with a short life is refreshed again and again; each new one is
// announced once.
func TestRefreshOfShortTokens(t *testing.T) {
	bubble(t, proving, func(r *rig) {
		p := r.dial("s", nil)
		p.join(`,"token":"` + token(t, "ada", 30*time.Second) + `"`)
		for ref := range 20 {
			p.lives(20 * time.Second)
			p.say(fmt.Sprintf(`{"type":"command","ref":%d,"command":"refresh_token","data":{"token":"%s"}}`, ref+1, token(t, "ada", 30*time.Second)))
		}
		synctest.Wait()
		p.isOpen()
		if n := len(p.all(wire.TypeError)); n != 21 {
			r.Errorf("%d errors: %v", n, p.codes())
		}
	})
}

// Where nobody has to prove anything the command is the kind's, like any other.
func TestRefreshWithoutTokens(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		p := r.dial("s", nil)
		p.join(`,"token":"whatever"`)
		p.say(`{"type":"command","ref":1,"command":"refresh_token","data":{"token":"x"}}`)
		synctest.Wait()
		if got := fmt.Sprint(p.codes()); got != "[unknown_command]" {
			r.Errorf("errors %v", got)
		}
	})
}

// from is a handshake by way of a proxy.
func from(address string) *websocket.DialOptions {
	return &websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {address}}}
}

// tryFrom returns the status of a handshake; 101 if it is accepted.
func (r *rig) tryFrom(address string) (int, *peer, http.Header) {
	r.Helper()
	conn, res, err := websocket.Dial(r.Context(), "ws://"+r.tcp.Addr().String()+"/?session=s", from(address))
	if err != nil {
		if res == nil {
			r.Fatal(err)
		}
		return res.StatusCode, nil, res.Header
	}
	return res.StatusCode, r.listen(conn), res.Header
}

func TestAddressesAreLimited(t *testing.T) {
	proxies, _ := limit.ParseProxies([]string{"127.0.0.1"})
	t.Run("connections", func(t *testing.T) {
		r := overTCP(t, func(o *Options) { o.Proxies, o.AddressConnections = proxies, 2 })
		var mine []*peer
		for range 2 {
			_, p, _ := r.tryFrom("2001:db8::1")
			mine = append(mine, p)
		}
		if status, _, header := r.tryFrom("2001:db8::2"); status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
			r.Errorf("the third one of a network: %d", status)
		}
		if status, p, _ := r.tryFrom("2001:db8:0:1::1"); status != http.StatusSwitchingProtocols || p == nil {
			r.Errorf("another network: %d", status)
		}
		mine[0].Close(websocket.StatusNormalClosure, "")
		await(t, "free place", func() bool {
			status, _, _ := r.tryFrom("2001:db8::1")
			return status == http.StatusSwitchingProtocols
		})
	})
	t.Run("handshakes", func(t *testing.T) {
		r := overTCP(t, func(o *Options) { o.Proxies, o.AddressHandshakes = proxies, 0.1 })
		r.tryFrom("198.51.100.1")
		if status, _, header := r.tryFrom("198.51.100.1"); status != http.StatusTooManyRequests || header.Get("Retry-After") == "0" || header.Get("Content-Type") != "application/problem+json" {
			r.Errorf("the second one: %d %v", status, header)
		}
		if status, _, _ := r.tryFrom("198.51.100.1, 198.51.100.2"); status != http.StatusSwitchingProtocols {
			r.Errorf("another address: %d", status)
		}
	})
}
