package app

import (
	"slices"
	"strconv"
	"time"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/limit"
)

type (
	sayer   = func(ok bool, name, allowed string)
	between = func(n, least, most int, name string)
	during  = func(d, least, most time.Duration, name string)
)

// checkAccess looks at keys and limits.
func (s *Settings) checkAccess(say sayer, within between, _ during) {
	say(!slices.ContainsFunc(s.APIKeys, badKey), "API_KEYS", "keys of "+strconv.Itoa(auth.MinSecret)+" or more visible ASCII characters, separated by commas or lines")
	say(s.APIRead == "open" || s.APIRead == "key", "API_READ", "open or key")
	say(s.APIRate == 0 || s.APIRate >= 0.01 && s.APIRate <= 1e6, "API_RATE", "0, or from 0.01 to 1000000")
	within(s.APIBurst, 1, 1_000_000, "API_BURST")
	_, err := limit.ParseProxies(s.TrustedProxies)
	say(err == nil, "TRUSTED_PROXIES", "networks and addresses such as 10.0.0.0/8,fd00::1, separated by commas")
	say(s.AddressHandshakes == 0 || s.AddressHandshakes >= 0.01 && s.AddressHandshakes <= 1e6, "ADDRESS_HANDSHAKES", "0, or from 0.01 to 1000000")
	within(s.AddressConnections, 0, 10_000_000, "ADDRESS_CONNECTIONS")
}

// badKey reports whether a key is too short to be safe, or cannot stand in a
// header.
func badKey(key string) bool {
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return true
		}
	}
	return len(key) < auth.MinSecret
}
