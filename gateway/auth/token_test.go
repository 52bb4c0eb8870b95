package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

const secret = "a secret of more than 32 bytes, for tests"

var (
	rsaKey     = must(rsa.GenerateKey(rand.Reader, 2048))
	otherRSA   = must(rsa.GenerateKey(rand.Reader, 2048))
	edPublic   ed25519.PublicKey
	edKey      ed25519.PrivateKey
	soon, past = time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
)

func init() { edPublic, edKey, _ = ed25519.GenerateKey(rand.Reader) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signed is a token with claims; more may be put into its header.
func signed(t testing.TB, method jwt.SigningMethod, key any, c jwt.MapClaims, header ...string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	for i := 0; i+1 < len(header); i += 2 {
		token.Header[header[i]] = header[i+1]
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verdict is the code of a refusal; empty if the token is good.
func verdict(t testing.TB, v *Tokens, token, session string) wire.Code {
	t.Helper()
	_, err := v.Verify(t.Context(), token, session)
	var e *wire.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%v is no *wire.Error", err)
	}
	if e == nil {
		return ""
	}
	if e.Close == 0 || token != "" && strings.Contains(e.Message, token) {
		t.Errorf("the refusal is %v", e)
	}
	return e.Code
}

func TestTokensOfEachAlgorithm(t *testing.T) {
	c := jwt.MapClaims{"sub": "ada", "exp": soon.Unix()}
	for name, o := range map[string]struct {
		options TokenOptions
		method  jwt.SigningMethod
		key     any
	}{
		"HS256": {TokenOptions{Algorithm: "HS256", Secrets: []string{secret}}, jwt.SigningMethodHS256, []byte(secret)},
		"RS256": {TokenOptions{Algorithm: "RS256", Keys: []crypto.PublicKey{rsaKey.Public()}}, jwt.SigningMethodRS256, rsaKey},
		"EdDSA": {TokenOptions{Algorithm: "EdDSA", Keys: []crypto.PublicKey{edPublic}}, jwt.SigningMethodEdDSA, edKey},
	} {
		who, err := NewTokens(o.options).Verify(t.Context(), signed(t, o.method, o.key, c), "s")
		if err != nil || who.Subject != "ada" || who.Expires.Unix() != soon.Unix() {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	rotating := NewTokens(TokenOptions{Algorithm: "HS256", Secrets: []string{"the next one, which has 32 bytes too", secret}})
	if got := verdict(t, rotating, signed(t, jwt.SigningMethodHS256, []byte(secret), c), "s"); got != "" {
		t.Errorf("while a secret is replaced the old one is %s", got)
	}
}

func TestClaims(t *testing.T) {
	v := NewTokens(TokenOptions{Algorithm: "HS256", Secrets: []string{secret}, Issuer: "https://id.example", Audience: "plenum", Leeway: 10 * time.Second})
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"sub": "ada", "exp": soon.Unix(), "iss": "https://id.example", "aud": []string{"x", "plenum"}}
	}
	for name, c := range map[string]struct {
		claim string
		value any // nil: left out
		want  wire.Code
	}{
		"all is well":             {"x", 1, ""},
		"no sub":                  {"sub", nil, wire.CodeNotAuthenticated},
		"an empty sub":            {"sub", "", wire.CodeNotAuthenticated},
		"a long sub":              {"sub", strings.Repeat("s", 256), wire.CodeNotAuthenticated},
		"a number as sub":         {"sub", 5, wire.CodeNotAuthenticated},
		"no exp":                  {"exp", nil, wire.CodeNotAuthenticated},
		"a text as exp":           {"exp", "tomorrow", wire.CodeNotAuthenticated},
		"expired":                 {"exp", past.Unix(), wire.CodeTokenExpired},
		"within the leeway":       {"exp", time.Now().Add(-5 * time.Second).Unix(), ""},
		"an exp beyond time":      {"exp", 1e300, wire.CodeTokenExpired},
		"not yet":                 {"nbf", soon.Unix(), wire.CodeNotAuthenticated},
		"another issuer":          {"iss", "https://evil.example", wire.CodeNotAuthenticated},
		"no issuer":               {"iss", nil, wire.CodeNotAuthenticated},
		"another audience":        {"aud", "other", wire.CodeNotAuthenticated},
		"no audience":             {"aud", nil, wire.CodeNotAuthenticated},
		"this session":            {"session", "team-7", ""},
		"another session":         {"session", "team-8", wire.CodeForbidden},
		"sessions":                {"session", []string{"a", "team-7"}, ""},
		"other sessions":          {"session", []string{"a", "b"}, wire.CodeForbidden},
		"no sessions":             {"session", []string{}, wire.CodeForbidden},
		"an empty session":        {"session", "", wire.CodeForbidden},
		"a pattern":               {"session", "team-*", ""},
		"another pattern":         {"session", []string{"x*"}, wire.CodeForbidden},
		"a bad pattern":           {"session", "team-[", wire.CodeForbidden},
		"a number as session":     {"session", 7, wire.CodeNotAuthenticated},
		"a number as name":        {"name", 7, wire.CodeNotAuthenticated},
		"an object as role":       {"role", map[string]any{}, wire.CodeNotAuthenticated},
		"a name that is too long": {"name", strings.Repeat("é", 99), ""},
	} {
		claims := good()
		if claims[c.claim] = c.value; c.value == nil {
			delete(claims, c.claim)
		}
		if got := verdict(t, v, signed(t, jwt.SigningMethodHS256, []byte(secret), claims), "team-7"); got != c.want {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
	claims := good()
	claims["name"], claims["role"] = " Ada\n\x1b "+strings.Repeat("é", 99), "facilitator"
	who, err := v.Verify(t.Context(), signed(t, jwt.SigningMethodHS256, []byte(secret), claims), "s")
	if err != nil || who.Role != "facilitator" || !strings.HasPrefix(who.Name, "Ada é") || len([]rune(who.Name)) != wire.MaxName {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := wire.CheckName(who.Name); err != nil {
		t.Error(err)
	}
}

// Forgeries: what an attacker makes who knows the public key, and every token
// that was ever shown.
func TestForgedTokens(t *testing.T) {
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(rsaKey.Public()))})
	claims := jwt.MapClaims{"sub": "root", "exp": soon.Unix()}
	segment := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	good := signed(t, jwt.SigningMethodRS256, rsaKey, claims)
	parts := strings.Split(good, ".")
	mac := hmac.New(sha256.New, public)
	confused := segment(`{"alg":"HS256","typ":"JWT"}`) + "." + parts[1]
	mac.Write([]byte(confused))
	_, evil, _ := ed25519.GenerateKey(rand.Reader)

	v := NewTokens(TokenOptions{Algorithm: "RS256", Keys: []crypto.PublicKey{rsaKey.Public()}})
	for name, token := range map[string]string{
		"alg none":                         signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims),
		"alg None":                         segment(`{"alg":"None"}`) + "." + parts[1] + ".",
		"alg none with a signature":        segment(`{"alg":"none"}`) + "." + parts[1] + "." + parts[2],
		"no alg":                           segment(`{"typ":"JWT"}`) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key":        confused + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"HS256 with the PEM, by a library": signed(t, jwt.SigningMethodHS256, public, claims),
		"another key":                      signed(t, jwt.SigningMethodRS256, otherRSA, claims),
		"another algorithm of the key":     signed(t, jwt.SigningMethodRS512, rsaKey, claims),
		"PSS instead":                      signed(t, jwt.SigningMethodPS256, rsaKey, claims),
		"EdDSA":                            signed(t, jwt.SigningMethodEdDSA, evil, claims),
		"its own key in the header":        signed(t, jwt.SigningMethodRS256, otherRSA, claims, "jwk", `{"kty":"RSA"}`),
		"a key elsewhere":                  signed(t, jwt.SigningMethodRS256, otherRSA, claims, "jku", "https://evil.example/jwks", "kid", "../../etc/passwd"),
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"two parts":                        parts[0] + "." + parts[1],
		"five parts":                       good + ".a.b",
		"other claims":                     parts[0] + "." + segment(`{"sub":"root","exp":9999999999,"role":"owner"}`) + "." + parts[2],
		"a padded signature":               good + "==",
		"rubbish":                          "rubbish",
		"dots":                             "..",
		"a long one":                       good + strings.Repeat("a", maxToken),
		"nothing":                          "",
		"blanks":                           "   ",
		"expired, and forged":              signed(t, jwt.SigningMethodRS256, otherRSA, jwt.MapClaims{"sub": "root", "exp": past.Unix()}),
	} {
		if got := verdict(t, v, token, "s"); got != wire.CodeNotAuthenticated {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := verdict(t, v, good, "s"); got != "" {
		t.Errorf("the true one: %q", got)
	}
}

func TestParseKeys(t *testing.T) {
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	rsaPEM, edPEM := block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(rsaKey.Public()))), block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(edPublic)))
	pkcs1 := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&otherRSA.PublicKey))
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	for name, c := range map[string]struct {
		text, algorithm string
		keys            int
	}{
		"one": {rsaPEM, "RS256", 1}, "two": {rsaPEM + "\n# comment\n" + pkcs1, "RS256", 2}, "Ed25519": {edPEM, "EdDSA", 1},
		"nothing": {"", "RS256", 0}, "rubbish": {"rubbish", "RS256", 0}, "of another algorithm": {edPEM, "RS256", 0}, "of the other": {rsaPEM, "EdDSA", 0},
		"one good, one bad": {rsaPEM + edPEM, "RS256", 0}, "a private one": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), "RS256", 0},
		"a small one":  {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&small.PublicKey)), "RS256", 0},
		"a broken one": {block("PUBLIC KEY", []byte("x")), "RS256", 0},
	} {
		keys, err := ParseKeys(c.text, c.algorithm)
		if len(keys) != c.keys || (err == nil) != (c.keys > 0) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
}
