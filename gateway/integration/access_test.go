package integration

import (
	"net/http"
	"strings"
	"testing"
)

// A session that asks for a passcode does not show itself over HTTP, and cannot
// be changed there, by whoever only knows its id.
func TestAClosedSessionIsClosedOverHTTP(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 40)
	g, keyed := startGateway(t, "PLENUM_SESSION_KIND=estimation"), startGateway(t, "PLENUM_SESSION_KIND=estimation", "PLENUM_API_KEYS="+key)
	for _, c := range []struct {
		g       *gateway
		refused int
	}{{g, http.StatusForbidden}, {keyed, http.StatusUnauthorized}} {
		owner := listen(t, c.g, "s", `{"type":"join","client":"a","name":"Ada"}`)
		status := func(method, path, body, key string) int {
			t.Helper()
			r, err := http.NewRequest(method, c.g.URL()+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if key != "" {
				r.Header.Set("Authorization", "Bearer "+key)
			}
			res, err := requests.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			return res.StatusCode
		}
		if got := status("GET", "/api/sessions/s", "", ""); got != http.StatusOK {
			t.Errorf("an open session: %d", got)
		}
		owner.say(`{"type":"command","ref":1,"command":"set_passcode","data":{"passcode":"4711"}}`)
		owner.until("frame")
		for _, path := range []string{"/api/sessions/s", "/api/sessions/s/events"} {
			if got := status("GET", path, "", ""); got != c.refused {
				t.Errorf("GET %s: %d; want %d", path, got, c.refused)
			}
		}
		for method, path := range map[string]string{"POST": "/api/sessions/s/events", "PATCH": "/api/sessions/s", "DELETE": "/api/sessions/s"} {
			if got := status(method, path, `{"event":"e"}`, ""); got != c.refused {
				t.Errorf("%s %s: %d; want %d", method, path, got, c.refused)
			}
		}
		if c.g == keyed {
			if got := status("GET", "/api/sessions/s", "", key); got != http.StatusOK {
				t.Errorf("with a key: %d", got)
			}
		}
	}
}
