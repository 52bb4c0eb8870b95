package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/fanout/redistest"
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

// The program does all its work as the Redis user that docs/security.md gives,
// with a password from a file.
func TestTheProgramNeedsNoMoreRights(t *testing.T) {
	t.Parallel()
	user := ""
	for line := range strings.Lines(readFile(t, "../../docs/security.md")) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "user plenum ") {
			user = strings.Replace(line, ">PASSWORD", ">hunter2", 1)
		}
	}
	redis, secret, key := redistest.Start(t, user), filepath.Join(t.TempDir(), "password"), strings.Repeat("k", 40)
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(redis.URL(), "redis://", "redis://plenum@", 1)
	settings := []string{"PLENUM_REDIS_URL=" + url, "PLENUM_REDIS_PASSWORD_FILE=" + secret, "PLENUM_API_KEYS=" + key, "PLENUM_SESSION_CREATE=join"}
	one, two := startGateway(t, settings...), startGateway(t, settings...)
	ada := listen(t, one, "s", `{"type":"join","client":"a","name":"Ada"}`)
	bob := listen(t, two, "s", `{"type":"join","client":"b","name":"Bob"}`)
	bob.say(`{"type":"publish","ref":1,"event":"hello","data":1}`)
	ada.event("hello", bob.member())

	ask := func(method, path, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequest(method, one.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k")
		res, err := requests.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer map[string]any
		_ = json.NewDecoder(res.Body).Decode(&answer) // some have no body
		return res.StatusCode, answer
	}
	poll(t, "both replicas to report", func() error {
		status, fleet := ask("GET", "/api/stats?scope=fleet", "")
		if replicas, _ := fleet["replicas"].([]any); status != 200 || len(replicas) != 2 {
			return fmt.Errorf("%d, %d replicas", status, len(replicas))
		}
		return nil
	})
	poll(t, "the session to be listed", func() error {
		if status, list := ask("GET", "/api/ops/sessions?q=s", ""); status != 200 || len(list["sessions"].([]any)) != 1 {
			return fmt.Errorf("%d %v", status, list)
		}
		return nil
	})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/ops/sessions?q=s&match=contains", "", 200}, {"GET", "/api/ops/sessions/s", "", 200},
		{"POST", "/api/sessions/s/events", `{"event":"e"}`, 201}, {"POST", "/api/sessions/s/events", `{"event":"e"}`, 200},
		{"GET", "/api/sessions/s/events", "", 200}, {"DELETE", "/api/ops/sessions/s/members/" + bob.member(), "", 204}, {"DELETE", "/api/sessions/s", "", 204},
	} {
		if status, answer := ask(c.method, c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, answer)
		}
	}
	ada.event("session.ended", "")
	for _, g := range []*gateway{one, two} {
		g.Term()
		g.Wait(t)
		if log := g.log.String(); strings.Contains(log, "NOPERM") || strings.Contains(log, "hunter2") {
			t.Errorf("the log: %s", log)
		}
	}
}
