package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// MinSecret is the least length of an API key and of an HS256 secret, in bytes:
// what is shorter can be guessed.
const MinSecret = 32

// Keys are the keys of backends and operators. Several may be valid at once, so
// that one can be replaced without a moment in which none works. The zero value
// has none. Its methods may be called concurrently.
type Keys struct{ hashes [][sha256.Size]byte }

// NewKeys returns the keys. Only hashes of them are kept.
func NewKeys(keys []string) Keys {
	var k Keys
	for _, key := range keys {
		k.hashes = append(k.hashes, sha256.Sum256([]byte(key)))
	}
	return k
}

// Configured reports whether there is any key.
func (k Keys) Configured() bool { return len(k.hashes) > 0 }

// Allowed reports whether a request carries one of the keys.
func (k Keys) Allowed(r *http.Request) bool { return k.Which(r) >= 0 }

// Which returns the index of the key that a request carries as "Authorization:
// Bearer <key>" (RFC 6750, section 2.1); -1 if it carries none of them. The time
// that it takes does not depend on which key it is, or on how much of one is
// right.
func (k Keys) Which(r *http.Request) int {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return -1
	}
	given, found := sha256.Sum256([]byte(strings.TrimSpace(key))), -1
	for i := range k.hashes {
		equal := subtle.ConstantTimeCompare(given[:], k.hashes[i][:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	return found
}
