package auth

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Algorithms are the signatures that tokens may have. One of them is pinned by
// configuration: what a token says of itself never chooses how it is checked.
var Algorithms = []string{"HS256", "RS256", "EdDSA"}

// Bounds of a token.
const (
	maxToken   = 8192 // bytes
	maxSubject = 255  // bytes
)

// TokenOptions say which tokens are good. Exactly one of Secrets, Keys and JWKS
// is set.
type TokenOptions struct {
	Algorithm string
	Secrets   []string           // of HS256; the token's signature is by one of them
	Keys      []crypto.PublicKey // of RS256 or EdDSA
	JWKS      *JWKS              // of RS256 or EdDSA
	Issuer    string             // that iss must be; empty: any
	Audience  string             // that aud must hold; empty: any
	Leeway    time.Duration      // by which clocks may differ
}

// Identity is who the bearer of a token is.
type Identity struct {
	Subject string
	Name    string // empty: the member may choose one
	Role    string // empty: the member may choose one, where the session's kind has roles
	Expires time.Time
}

// Tokens verifies the tokens of members (JWT, RFC 7519). Its methods may be
// called concurrently.
type Tokens struct {
	parser *jwt.Parser
	key    func(ctx context.Context) jwt.Keyfunc
	leeway time.Duration
}

// NewTokens returns a verifier.
func NewTokens(o TokenOptions) *Tokens {
	options := []jwt.ParserOption{jwt.WithValidMethods([]string{o.Algorithm}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(o.Leeway), jwt.WithStrictDecoding()}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	t := &Tokens{parser: jwt.NewParser(options...), leeway: o.Leeway}
	if o.JWKS != nil {
		t.key = o.JWKS.keyfunc
		return t
	}
	var set jwt.VerificationKeySet
	for _, secret := range o.Secrets {
		set.Keys = append(set.Keys, []byte(secret))
	}
	for _, key := range o.Keys {
		set.Keys = append(set.Keys, key)
	}
	t.key = func(context.Context) jwt.Keyfunc { return func(*jwt.Token) (any, error) { return set, nil } }
	return t
}

// claims are what we read of a token.
type claims struct {
	jwt.RegisteredClaims
	Name    string   `json:"name"`
	Role    string   `json:"role"`
	Session *allowed `json:"session"`
}

// allowed are patterns of session ids; one, or a list.
type allowed []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *allowed) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = allowed{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

func (a *allowed) allows(session string) bool {
	if a == nil {
		return true
	}
	for _, pattern := range *a {
		if ok, _ := path.Match(pattern, session); ok {
			return true
		}
	}
	return false
}

// Verify returns whose token it is, if it is good for the session. Where keys have
// to be read first it may take 10 s, also when ctx ends earlier. Errors are
// *wire.Error, and say nothing of what is in the token.
func (t *Tokens) Verify(ctx context.Context, token, session string) (Identity, error) {
	switch {
	case token == "":
		return Identity{}, refused("this gateway asks for a token: send it as the join's token")
	case len(token) > maxToken:
		return Identity{}, refused("the token is longer than 8192 bytes")
	}
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, t.key(ctx))
	switch {
	case errors.Is(err, errKeysAway):
		return Identity{}, &wire.Error{Code: wire.CodeUnavailable, Close: wire.CloseStoreAway, Retry: true, After: 5 * time.Second,
			Message: "the keys to verify tokens with cannot be read right now; come back in 5 s or more"}
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Identity{}, Expired
	case err != nil:
		return Identity{}, refused("the token is not valid: " + what(err))
	case c.Subject == "" || len(c.Subject) > maxSubject:
		return Identity{}, refused("the token's sub must be 1 to 255 bytes")
	case !c.Session.allows(session):
		return Identity{}, &wire.Error{Code: wire.CodeForbidden, Close: wire.CloseForbidden, Message: "the token is not for this session"}
	}
	return Identity{Subject: c.Subject, Name: displayName(c.Name), Role: c.Role, Expires: c.ExpiresAt.Add(t.leeway)}, nil
}

// Expired is the refusal of a token that was good once. Its close code lets a
// client fetch a new one and come back.
var Expired = &wire.Error{Code: wire.CodeTokenExpired, Close: wire.CloseTokenExpired, Retry: true,
	Message: "the token has expired: come back with a new one"}

func refused(message string) *wire.Error {
	return &wire.Error{Code: wire.CodeNotAuthenticated, Close: wire.CloseNotAuthenticated, Message: message}
}

// what says in fixed words what is wrong with a token.
func what(err error) string {
	for _, k := range []struct {
		is   error
		text string
	}{
		{errUnknownKey, "its kid is none of the issuer's keys"},
		{jwt.ErrTokenMalformed, "it is no JWT"},
		{jwt.ErrTokenUnverifiable, "no key fits it"},
		{jwt.ErrTokenSignatureInvalid, "its signature or algorithm is not the one that is set here"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet"},
		{jwt.ErrTokenInvalidIssuer, "its iss is another one"},
		{jwt.ErrTokenInvalidAudience, "its aud is another one"},
		{jwt.ErrTokenRequiredClaimMissing, "it lacks exp, or iss or aud where those are set here"},
	} {
		if errors.Is(err, k.is) {
			return k.text
		}
	}
	return "a claim has a wrong type"
}

// displayName is a name as sessions take it. What an issuer knows somebody by
// may be longer, or have characters that no list of members should show.
func displayName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)
	runes := []rune(strings.TrimSpace(name))
	if len(runes) > wire.MaxName {
		runes = runes[:wire.MaxName]
	}
	return strings.TrimSpace(string(runes))
}
