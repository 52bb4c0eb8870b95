package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/limit"
)

var (
	key   = strings.Repeat("k", 40)
	other = strings.Repeat("o", 40)
)

// uses are all requests about sessions, and whether they only read.
var uses = []struct {
	method, path, body string
	reads              bool
	status             int // of one who may
}{
	{"POST", "/api/sessions", `{"id":"new"}`, false, 201},
	{"GET", "/api/sessions/s", "", true, 200},
	{"HEAD", "/api/sessions/s", "", true, 200},
	{"GET", "/api/sessions/s/events", "", true, 200},
	{"PATCH", "/api/sessions/s", `{}`, false, 200},
	{"POST", "/api/sessions/s/events", `{"event":"e"}`, false, 201},
	{"DELETE", "/api/sessions/s", "", false, 204},
}

// Each row is a configuration: what somebody without a key gets, and with one.
func TestWhoMayDoWhat(t *testing.T) {
	keys := auth.NewKeys([]string{other, key})
	for name, c := range map[string]struct {
		access      Access
		read, write int // without a key; 0: as one who may
		keyed       int // with a key
	}{
		"open":                     {Access{}, 0, 0, 0},
		"keys":                     {Access{Keys: keys}, 0, 401, 0},
		"keys, also to read":       {Access{Keys: keys, KeyToRead: true}, 401, 401, 0},
		"members have to prove":    {Access{Keys: keys, Members: true}, 401, 401, 0},
		"members, and no keys":     {Access{Members: true}, 403, 403, 403},
		"no keys, but one to read": {Access{KeyToRead: true}, 403, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			guarded(t, c.access, func(t *testing.T, _ *gone, routes http.Handler) {
				made := func() {
					do(t, routes, "POST", "/api/sessions", `{"id":"s","kind":"document"}`, "Authorization", "Bearer "+key)
				}
				for _, u := range uses {
					for _, header := range []string{"", "Bearer wrong", "Basic " + key, "Bearer " + key} {
						made()
						want := u.status
						refusal := map[bool]int{true: c.read, false: c.write}[u.reads]
						if header == "Bearer "+key {
							refusal = c.keyed
							if !c.access.Keys.Configured() && c.access.KeyToRead && u.reads {
								refusal = 403
							}
						}
						if refusal != 0 {
							want = refusal
						}
						w := do(t, routes, u.method, u.path, u.body, "Authorization", header)
						if u.path == "/api/sessions" && w.Code == 409 {
							w.Code = 201 // made in an earlier round
						}
						if w.Code != want || want == 401 && w.Header().Get("WWW-Authenticate") == "" {
							t.Errorf("%s %s with %q: %d %s; want %d", u.method, u.path, header, w.Code, w.Body, want)
						}
					}
				}
				for _, path := range []string{"/healthz", "/readyz", "/api/version"} {
					request(t, routes, "GET", path, "", 200)
				}
			})
		})
	}
}

// A page of another origin cannot change anything in its visitors' name.
func TestOtherOriginsDoNotWrite(t *testing.T) {
	guarded(t, Access{Origins: auth.Origins{"*.example.com"}}, func(t *testing.T, _ *gone, routes http.Handler) {
		for _, u := range uses {
			for origin, mine := range map[string]bool{"http://example.com": true, "https://app.example.com": true, "https://evil.example": false, "null": false} {
				do(t, routes, "POST", "/api/sessions", `{"id":"s","kind":"document"}`)
				w := do(t, routes, u.method, u.path, u.body, "Origin", origin)
				if allowed := mine || u.reads; allowed == (w.Code == 403) {
					t.Errorf("%s %s from %s: %d", u.method, u.path, origin, w.Code)
				}
			}
		}
	})
}

func TestRequestsAreLimited(t *testing.T) {
	proxies, _ := limit.ParseProxies([]string{"192.0.2.0/24"}) // where requests of httptest come from
	keys := auth.NewKeys([]string{key, other})
	guarded(t, Access{Keys: keys, Proxies: proxies, Rates: limit.NewRates[Caller](1, 3)}, func(t *testing.T, _ *gone, routes http.Handler) {
		of := func(status int, headers ...string) {
			t.Helper()
			header, _ := request(t, routes, "GET", "/api/sessions/nobody", "", status, headers...)
			if wait, err := strconv.Atoi(header.Get("Retry-After")); status == 429 && (err != nil || wait < 1) {
				t.Errorf("Retry-After: %q", header.Get("Retry-After"))
			}
		}
		for range 3 {
			of(404, "X-Forwarded-For", "2001:db8::1")
		}
		of(429, "X-Forwarded-For", "2001:db8::ffff") // the same network
		of(404, "X-Forwarded-For", "2001:db8:0:1::1")
		of(404, "X-Forwarded-For", "2001:db8::1", "Authorization", "Bearer "+key)
		of(429, "X-Forwarded-For", "6.6.6.6, 2001:db8::1") // what a client writes itself does not help it
		for range 2 {
			of(404, "Authorization", "Bearer "+key)
		}
		of(429, "Authorization", "Bearer "+key)
		of(404, "Authorization", "Bearer "+other)
		for range 5 {
			request(t, routes, "GET", "/healthz", "", 200, "X-Forwarded-For", "2001:db8::1")
		}
		<-time.After(2 * time.Second)
		of(404, "X-Forwarded-For", "2001:db8::1")
		of(404, "X-Forwarded-For", "2001:db8::1")
		of(429, "X-Forwarded-For", "2001:db8::1")
	})
}
