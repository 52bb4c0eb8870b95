package httpapi

import (
	"net/http"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Keys are the API keys of operators.
type Keys interface {
	// Configured reports whether there is any.
	Configured() bool
	// Allowed reports whether a request carries one of them.
	Allowed(r *http.Request) bool
}

// guarded lets only requests with an API key through.
func (o Operators) guarded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case o.Keys == nil || !o.Keys.Configured():
			deny(w, http.StatusForbidden, codeKeyUnset, "this needs an API key, and the gateway has none: set PLENUM_API_KEYS")
		case !o.Keys.Allowed(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="plenum"`)
			deny(w, http.StatusUnauthorized, codeKeyRequired, "this needs a valid API key: Authorization: Bearer <key>")
		default:
			h(w, r)
		}
	}
}

// deny answers with a problem.
func deny(w http.ResponseWriter, status int, _ wire.Code, detail string) { problem(w, status, detail) }

// denyForNow is a refusal of what may be tried again.
func denyForNow(w http.ResponseWriter, detail string, _ time.Duration) {
	w.Header().Set("Retry-After", "1")
	deny(w, http.StatusServiceUnavailable, wire.CodeUnavailable, detail)
}

// Codes of refusals.
const (
	codeBadQuery    wire.Code = "bad_query"
	codeKeyRequired wire.Code = "api_key_required"
	codeKeyUnset    wire.Code = "api_keys_not_configured"
	codeNotFound    wire.Code = "not_found"
)
