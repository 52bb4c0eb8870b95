package app

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/plenum-gateway/plenum/gateway/auth"
)

// checkAuth looks at what members have to prove.
func (s *Settings) checkAuth(say sayer, during during) {
	during(s.AuthLeeway, 0, 5*time.Minute, "AUTH_LEEWAY")
	during(s.AuthJWKSRefresh, 10*time.Second, 24*time.Hour, "AUTH_JWKS_REFRESH")
	given := map[string]bool{"AUTH_SECRET": len(s.AuthSecret) > 0, "AUTH_KEY": s.AuthKey != "", "AUTH_JWKS_URL": s.AuthJWKSURL != "",
		"AUTH_ISSUER": s.AuthIssuer != "", "AUTH_AUDIENCE": s.AuthAudience != ""}
	switch {
	case s.AuthAlgorithm == "":
		for _, name := range []string{"AUTH_SECRET", "AUTH_KEY", "AUTH_JWKS_URL", "AUTH_ISSUER", "AUTH_AUDIENCE"} {
			say(!given[name], name, "empty where PLENUM_AUTH_ALGORITHM is")
		}
	case !slices.Contains(auth.Algorithms, s.AuthAlgorithm):
		say(false, "AUTH_ALGORITHM", "HS256, RS256, or EdDSA")
	case s.AuthAlgorithm == "HS256":
		say(given["AUTH_SECRET"] && !slices.ContainsFunc(s.AuthSecret, badKey), "AUTH_SECRET",
			"for HS256 one or more secrets of "+strconv.Itoa(auth.MinSecret)+" or more visible ASCII characters")
		say(!given["AUTH_KEY"], "AUTH_KEY", "empty for HS256")
		say(!given["AUTH_JWKS_URL"], "AUTH_JWKS_URL", "empty for HS256")
	default:
		s.checkPublicKeys(say)
	}
}

func (s *Settings) checkPublicKeys(say sayer) {
	say(len(s.AuthSecret) == 0, "AUTH_SECRET", "empty for "+s.AuthAlgorithm+": it is verified with public keys")
	if s.AuthJWKSURL != "" {
		u, err := url.Parse(s.AuthJWKSURL)
		say(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "", "AUTH_JWKS_URL", "https://host/path")
		say(s.AuthKey == "", "AUTH_KEY", "empty where PLENUM_AUTH_JWKS_URL is set")
		return
	}
	_, err := auth.ParseKeys(s.AuthKey, s.AuthAlgorithm)
	allowed := "public keys in PEM for " + s.AuthAlgorithm + ", unless PLENUM_AUTH_JWKS_URL is set"
	if err != nil {
		allowed += ": " + err.Error()
	}
	say(err == nil, "AUTH_KEY", allowed)
}
