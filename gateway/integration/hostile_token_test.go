package integration

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// mint makes tokens.
type mint struct {
	t      testing.TB
	key    *rsa.PrivateKey
	public []byte // PEM
	file   string // that holds it
}

func newMint(t testing.TB) *mint {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	m := &mint{t: t, key: key, public: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), file: filepath.Join(t.TempDir(), "key.pem")}
	if err := os.WriteFile(m.file, m.public, 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// token is a good one of a subject; edits make another one of it.
func (m *mint) token(subject string, edits ...func(c jwt.MapClaims)) string {
	c := jwt.MapClaims{"sub": subject, "exp": time.Now().Add(time.Hour).Unix()}
	for _, edit := range edits {
		edit(c)
	}
	return m.sign(jwt.SigningMethodRS256, m.key, c)
}

func (m *mint) sign(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	text, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		m.t.Error(err)
	}
	return text
}

// confused signs with the public key as if it were a secret.
func (m *mint) confused(subject string) string {
	segment := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := segment(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + segment(map[string]any{"sub": subject, "exp": time.Now().Add(time.Hour).Unix()})
	mac := hmac.New(sha256.New, m.public)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func claim(name string, value any) func(c jwt.MapClaims) {
	return func(c jwt.MapClaims) { c[name] = value }
}

// joinWith is a join with a token.
func joinWith(token, more string) []byte {
	return fmt.Appendf(nil, `{"type":"join","client":"c%d","name":"n","token":%q%s}`, time.Now().UnixNano(), token, more)
}

// Nobody joins with a token that the issuer did not make for them, and nobody
// who tries disturbs those who have one.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	m, redis := newMint(t), redistest.Start(t)
	settings := []string{"PLENUM_REDIS_URL=" + redis.URL(), "PLENUM_AUTH_ALGORITHM=RS256", "PLENUM_AUTH_KEY_FILE=" + m.file, "PLENUM_SESSION_CAPACITY=1000"}
	one, two := startGateway(t, settings...), startGateway(t, settings...)
	ada := listen(t, one, "target", string(joinWith(m.token("ada", claim("name", "Ada")), "")))
	bob := listen(t, two, "target", string(joinWith(m.token("bob"), "")))

	attacks := m.attacks(t, ada)
	failed := make(chan string, 2*len(attacks))
	for name, f := range attacks {
		for _, g := range []*gateway{one, two} {
			go func() {
				text := ""
				if err := f(attacker{t, g, "target", "mallory"}); err != nil {
					text = fmt.Sprintf("%s: %v", name, err)
				}
				failed <- text
			}()
		}
	}
	for range 2 * len(attacks) {
		if text := <-failed; text != "" {
			t.Error(text)
		}
	}
	// The others hear each other as before, and are who they were.
	for _, l := range []*listener{ada, bob} {
		l.say(`{"type":"publish","ref":1,"event":"test.alive","data":"here"}`)
		for _, hears := range []*listener{ada, bob} {
			hears.event("test.alive", l.member())
		}
	}
}

// attacks are joins with tokens that are not good, or not for that.
func (m *mint) attacks(t *testing.T, ada *listener) map[string]attack {
	t.Helper()
	another := newMint(t)
	good := strings.Split(m.token("ada"), ".")
	refused := func(code wire.Code, close wire.CloseCode, token, more string) attack {
		return func(a attacker) error {
			p, err := a.dial()
			if err == nil {
				err = p.send(joinWith(token, more))
			}
			if err != nil {
				return err
			}
			return p.expect(code, 0, close)
		}
	}
	no := func(token string) attack {
		return refused(wire.CodeNotAuthenticated, wire.CloseNotAuthenticated, token, "")
	}
	return map[string]attack{
		"no token":             no(""),
		"a seat, no token":     refused(wire.CodeNotAuthenticated, wire.CloseNotAuthenticated, "", `,"seat":"`+ada.seat()+`"`),
		"rubbish":              no("a.b.c"),
		"alg none":             no(m.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"sub": "ada", "exp": time.Now().Add(time.Hour).Unix()})),
		"HS256 for RS256":      no(m.confused("ada")),
		"another key":          no(another.token("ada")),
		"no signature":         no(good[0] + "." + good[1] + "."),
		"another's claims":     no(good[0] + "." + strings.Split(m.token("bob"), ".")[1] + "." + good[2]),
		"no end":               no(m.token("ada", func(c jwt.MapClaims) { delete(c, "exp") })),
		"not yet":              no(m.token("ada", claim("nbf", time.Now().Add(time.Hour).Unix()))),
		"a long one":           no(m.token("ada", claim("x", strings.Repeat("x", 9000)))),
		"expired":              refused(wire.CodeTokenExpired, wire.CloseTokenExpired, m.token("ada", claim("exp", time.Now().Add(-time.Hour).Unix())), ""),
		"of another session":   refused(wire.CodeForbidden, wire.CloseForbidden, m.token("ada", claim("session", "elsewhere")), ""),
		"of no session":        refused(wire.CodeForbidden, wire.CloseForbidden, m.token("ada", claim("session", []string{})), ""),
		"another's seat":       m.takesSeat(ada),
		"another's refresh":    m.takesRefresh,
		"refreshes in a row":   m.floodsRefresh,
		"the token in the URL": m.inURL,
	}
}

// takesSeat joins with a token of its own and somebody else's seat: it is itself.
func (m *mint) takesSeat(victim *listener) attack {
	return func(a attacker) error {
		p, err := a.dial()
		if err == nil {
			err = p.send(joinWith(m.token("mallory"), `,"seat":"`+victim.seat()+`"`))
		}
		if err != nil {
			return err
		}
		w, err := p.await("welcome")
		if err == nil && w.You.Member == victim.member() {
			err = errors.New("it is the victim now")
		}
		return errors.Join(err, p.Close())
	}
}

// takesRefresh brings somebody else's token into its connection.
func (m *mint) takesRefresh(a attacker) error {
	p, err := a.dial()
	if err == nil {
		err = p.send(joinWith(m.token("mallory"), ""))
	}
	if err == nil {
		_, err = p.await("welcome")
	}
	if err == nil {
		err = p.send(fmt.Appendf(nil, `{"type":"command","ref":1,"command":"refresh_token","data":{"token":%q}}`, m.token("ada")))
	}
	if err == nil {
		err = p.expect(wire.CodeForbidden, 1, 0)
	}
	if err == nil {
		err = p.alive(2)
	}
	return err
}

// floodsRefresh has tokens verified until it is closed for it.
func (m *mint) floodsRefresh(a attacker) error {
	p, err := a.dial()
	if err == nil {
		err = p.send(joinWith(m.token("mallory"), ""))
	}
	if err == nil {
		_, err = p.await("welcome")
	}
	if err != nil {
		return err
	}
	go func() {
		for ref := 1; p.send(fmt.Appendf(nil, `{"type":"command","ref":%d,"command":"refresh_token","data":{"token":"x.y.z"}}`, ref)) == nil; ref++ {
		}
	}()
	for {
		m, err := p.await("error")
		switch {
		case err != nil:
			return err
		case m.Code == string(wire.CodeTooFast):
			return p.expectEnd(wire.CloseTooFast, "wait ")
		case m.Code != string(wire.CodeSlowDown) && m.Code != string(wire.CodeNotAuthenticated):
			return fmt.Errorf("the error is %s", m.Code)
		}
	}
}

func (m *mint) inURL(a attacker) error {
	a.session += "&token=" + m.token("ada")
	return first(`{"type":"join","client":"c","name":"n"}`, wire.CodeNotAuthenticated, wire.CloseNotAuthenticated)(a)
}

// goodToken is one that is signed with a secret.
func goodToken(secret string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
}
