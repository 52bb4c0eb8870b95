package auth

import (
	"context"
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// issuer serves a key set.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex // guards the following
	keys  []jwkset.JWKMarshal
	away  bool
	asked int
}

func newIssuer(t *testing.T) *issuer {
	i := new(issuer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.asked++; i.away {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		json.NewEncoder(w).Encode(jwkset.JWKSMarshal{Keys: i.keys})
	}))
	t.Cleanup(i.Close)
	return i
}

// publish sets the keys: pairs of an id and a public key.
func (i *issuer) publish(t *testing.T, use jwkset.USE, pairs ...any) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
	for n := 0; n < len(pairs); n += 2 {
		key, err := jwkset.NewJWKFromKey(pairs[n+1].(crypto.PublicKey), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: pairs[n].(string), USE: use}})
		if err != nil {
			t.Fatal(err)
		}
		i.keys = append(i.keys, key.Marshal())
	}
}

func (i *issuer) goAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

func (i *issuer) times() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func TestJWKS(t *testing.T) {
	i := newIssuer(t)
	i.publish(t, jwkset.UseSig, "one", rsaKey.Public())
	keys, err := NewJWKS(t.Context(), i.URL, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	v := NewTokens(TokenOptions{Algorithm: "RS256", JWKS: keys})
	claims := jwt.MapClaims{"sub": "ada", "exp": soon.Unix()}
	first, second := signed(t, jwt.SigningMethodRS256, rsaKey, claims, "kid", "one"), signed(t, jwt.SigningMethodRS256, otherRSA, claims, "kid", "two")
	want := func(what, token string, code wire.Code) {
		t.Helper()
		if got := verdict(t, v, token, "s"); got != code {
			t.Errorf("%s: %q; want %q", what, got, code)
		}
	}
	want("a known key", first, "")
	want("no kid, one of the keys", signed(t, jwt.SigningMethodRS256, rsaKey, claims), "")
	want("a known kid, another key", signed(t, jwt.SigningMethodRS256, otherRSA, claims, "kid", "one"), wire.CodeNotAuthenticated)
	if n := i.times(); n != 1 {
		t.Errorf("the keys were read %d times", n)
	}

	i.publish(t, jwkset.UseSig, "one", rsaKey.Public(), "two", otherRSA.Public())
	want("a new key", second, "")
	for range 50 { // somebody who draws key ids has them read no more often
		want("no key at all", signed(t, jwt.SigningMethodRS256, otherRSA, claims, "kid", "three"), wire.CodeNotAuthenticated)
	}
	if n := i.times(); n != 2 {
		t.Errorf("the keys were read %d times", n)
	}

	i.goAway(true)
	keys.read = time.Time{}
	want("a known key while the issuer is away", first, "")
	want("a key that nobody can look up", signed(t, jwt.SigningMethodRS256, otherRSA, claims, "kid", "four"), wire.CodeUnavailable)
}

// Keys are read for all who wait for them: one who goes away meanwhile must not
// keep the others from a new key.
func TestJWKSIsReadForAll(t *testing.T) {
	i := newIssuer(t)
	i.publish(t, jwkset.UseSig, "one", rsaKey.Public())
	keys, err := NewJWKS(t.Context(), i.URL, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	i.publish(t, jwkset.UseSig, "one", rsaKey.Public(), "two", otherRSA.Public())
	v := NewTokens(TokenOptions{Algorithm: "RS256", JWKS: keys})
	token := signed(t, jwt.SigningMethodRS256, otherRSA, jwt.MapClaims{"sub": "ada", "exp": soon.Unix()}, "kid", "two")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	v.Verify(gone, token, "s") // whatever comes of it
	if got := verdict(t, v, token, "s"); got != "" {
		t.Errorf("behind one who has gone: %q", got)
	}
}

func TestJWKSIsReadAgain(t *testing.T) {
	i := newIssuer(t)
	i.publish(t, "", "one", rsaKey.Public())
	keys, err := NewJWKS(t.Context(), i.URL, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	before := keys.keys.Load()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		keys.Run(ctx, time.Millisecond)
	}()
	for keys.keys.Load() == before {
		select {
		case <-ended:
			t.Fatal("it has ended")
		default:
		}
	}
	i.goAway(true)
	for asked := i.times(); i.times() < asked+2; { // failures leave the keys as they are
	}
	cancel()
	<-ended
	v := NewTokens(TokenOptions{Algorithm: "RS256", JWKS: keys})
	if got := verdict(t, v, signed(t, jwt.SigningMethodRS256, rsaKey, jwt.MapClaims{"sub": "a", "exp": soon.Unix()}, "kid", "one"), "s"); got != "" {
		t.Errorf("after failures: %q", got)
	}
}

func TestJWKSThatCannotBeUsed(t *testing.T) {
	for name, answer := range map[string]string{
		"no JSON": "<html>", "no keys": `{"keys":[]}`, "nothing": "", "a secret": `{"keys":[{"kty":"zzz"}]}`, "endless": `{"keys":[` + strings.Repeat(" ", jwksMost),
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(answer)) }))
		if _, err := NewJWKS(t.Context(), server.URL, zap.NewNop()); err == nil {
			t.Errorf("%s was taken", name)
		}
		server.Close()
	}
	// A key that is for encryption verifies nothing.
	i := newIssuer(t)
	i.publish(t, jwkset.UseEnc, "one", rsaKey.Public())
	keys, err := NewJWKS(t.Context(), i.URL, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	v := NewTokens(TokenOptions{Algorithm: "RS256", JWKS: keys})
	if got := verdict(t, v, signed(t, jwt.SigningMethodRS256, rsaKey, jwt.MapClaims{"sub": "a", "exp": soon.Unix()}, "kid", "one"), "s"); got != wire.CodeNotAuthenticated {
		t.Errorf("a key for encryption: %q", got)
	}
}
