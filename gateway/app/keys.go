package app

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// apiKeys implements httpapi.Keys. Only hashes of the keys are kept.
type apiKeys [][sha256.Size]byte

func keysOf(keys []string) (k apiKeys) {
	for _, key := range keys {
		k = append(k, sha256.Sum256([]byte(key)))
	}
	return k
}

func (k apiKeys) Configured() bool { return len(k) > 0 }

func (k apiKeys) Allowed(r *http.Request) bool {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given, found := sha256.Sum256([]byte(strings.TrimSpace(key))), 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(given[:], k[i][:])
	}
	return found == 1 && strings.EqualFold(scheme, "Bearer")
}
