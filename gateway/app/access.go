package app

import (
	"context"
	"fmt"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/httpapi"
	"github.com/plenum-gateway/plenum/gateway/limit"
)

// tokens returns what verifies the tokens of members; nil where none are asked for.
func (a *App) tokens(ctx context.Context) (*auth.Tokens, error) {
	s := &a.settings
	o := auth.TokenOptions{Algorithm: s.AuthAlgorithm, Secrets: s.AuthSecret, Issuer: s.AuthIssuer, Audience: s.AuthAudience, Leeway: s.AuthLeeway}
	var err error
	switch {
	case s.AuthAlgorithm == "":
		return nil, nil
	case s.AuthJWKSURL != "":
		if a.keys, err = auth.NewJWKS(ctx, s.AuthJWKSURL, a.log); err != nil {
			return nil, fmt.Errorf("%sAUTH_JWKS_URL: %w", prefix, err)
		}
		o.JWKS = a.keys
	case s.AuthKey != "":
		if o.Keys, err = auth.ParseKeys(s.AuthKey, s.AuthAlgorithm); err != nil {
			return nil, fmt.Errorf("%sAUTH_KEY: %w", prefix, err)
		}
	}
	return auth.NewTokens(o), nil
}

// access is who may use the HTTP API.
func (s *Settings) access() httpapi.Access {
	a := httpapi.Access{Keys: auth.NewKeys(s.APIKeys), Members: s.AuthAlgorithm != "", KeyToRead: s.APIRead == "key",
		Origins: s.Origins, Proxies: s.proxies()}
	if s.APIRate > 0 {
		a.Rates = limit.NewRates[httpapi.Caller](s.APIRate, s.APIBurst)
	}
	return a
}

// proxies are those that are trusted; the settings were checked.
func (s *Settings) proxies() limit.Proxies {
	p, _ := limit.ParseProxies(s.TrustedProxies)
	return p
}

// exposed says what everybody who reaches the gateway may do, where an operator
// may not have meant it.
func (s *Settings) exposed() (warnings []string) {
	switch {
	case s.AuthAlgorithm != "" && len(s.APIKeys) == 0:
		warnings = append(warnings, "members need a token and PLENUM_API_KEYS is empty: the HTTP API of sessions is refused to everybody")
	case len(s.APIKeys) == 0:
		warnings = append(warnings, "PLENUM_API_KEYS is empty: whoever reaches this gateway may create, change and end sessions over HTTP")
	}
	if s.AuthAlgorithm == "" {
		warnings = append(warnings, "PLENUM_AUTH_ALGORITHM is empty: whoever knows a session's id may join it")
	}
	return warnings
}
