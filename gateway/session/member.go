package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// member is a seat as the log keeps it. The secret itself is nowhere kept.
type member struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Seat   string    `json:"seat"` // hash of the secret
	Status string    `json:"status"`
	Until  int64     `json:"until,omitempty"` // when reconnecting becomes offline, milliseconds since 1970
	Gone   int64     `json:"gone,omitempty"`  // since when it is offline, milliseconds since 1970
	Joined int64     `json:"joined"`
	Conns  []connRef `json:"conns,omitempty"`
}

// connRef is one connection of a member, on whichever replica.
type connRef struct {
	Client  string `json:"client"`
	Replica string `json:"replica"` // the incarnation of its process
	Number  uint64 `json:"number"`  // within that
	At      int64  `json:"at"`      // when it asked to join, milliseconds since 1970
}

// places is how many connections of the session's capacity the member takes.
// One who may come back any moment keeps a place.
func (m *member) places() int {
	if len(m.Conns) == 0 && m.Status == wire.StatusReconnecting {
		return 1
	}
	return len(m.Conns)
}

// drop takes connections out. It reports whether the member had one of them.
func (m *member) drop(refs []connRef) bool {
	had := len(m.Conns)
	m.Conns = slices.DeleteFunc(m.Conns, func(c connRef) bool { return slices.Contains(refs, c) })
	return len(m.Conns) < had
}

// expired reports whether the grace of a lost member is over.
func (m *member) expired(now time.Time) bool {
	return m.Status == wire.StatusReconnecting && now.UnixMilli() >= m.Until
}

// newSeat returns a secret and its hash.
func newSeat() (secret, hash string) {
	var b [18]byte
	rand.Read(b[:])
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, seatHash(secret)
}

// seatHash is what is kept of a secret. The secret has 144 random bits, so a
// plain hash is enough: there is nothing to guess.
func seatHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// randomID returns n characters of a-z and 2-7.
func randomID(n int) string { return strings.ToLower(rand.Text()[:n]) }
