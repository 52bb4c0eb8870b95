package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

const security = "../../docs/security.md"

// The program does all its work as the Redis user that docs/security.md gives,
// with a password from a file, on each form of Redis; and what that user may not
// do, it does not try, but for the settings that it would warn of.
func TestTheProgramNeedsNoMoreRights(t *testing.T) {
	t.Parallel()
	user := redistest.DocumentedUser(t, security, "plenum", "hunter2")
	t.Run("standalone", func(t *testing.T) {
		t.Parallel()
		redis := redistest.Start(t, user)
		worksWithLeastRights(t, redis.Denied, redis.URL())
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		redis := redistest.StartSentinel(t, user)
		watch := strings.Fields(redistest.DocumentedUser(t, security, "plenum-sentinel", "hunter2"))
		for _, command := range [][]string{append([]string{"ACL", "SETUSER"}, watch[1:]...), {"ACL", "SETUSER", "default", "-@pubsub", "-sentinel"}} {
			if _, err := redis.Do(command...); err != nil {
				t.Fatal(err)
			}
		}
		worksWithLeastRights(t, redis.Denied, redis.URL(), "PLENUM_REDIS_SENTINEL_USER=plenum-sentinel", "PLENUM_REDIS_SENTINEL_PASSWORD=hunter2")
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		redis := redistest.StartCluster(t, user)
		worksWithLeastRights(t, redis.Denied, redis.URL())
	})
}

// worksWithLeastRights runs two replicas as the documented user, and has members,
// a backend and an operator ask for everything that costs Redis a command.
func worksWithLeastRights(t *testing.T, denied func() ([]string, error), url string, settings ...string) {
	secret, key := filepath.Join(t.TempDir(), "password"), strings.Repeat("k", 40)
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings = append(settings, "PLENUM_REDIS_URL="+strings.Replace(url, "redis://", "redis://plenum@", 1),
		"PLENUM_REDIS_PASSWORD_FILE="+secret, "PLENUM_API_KEYS="+key)
	one, two := startGateway(t, settings...), startGateway(t, settings...)
	ada := listen(t, one, "s", `{"type":"join","client":"a","name":"Ada"}`)
	bob := listen(t, two, "s", `{"type":"join","client":"b","name":"Bob"}`)
	bob.say(`{"type":"publish","ref":1,"event":"hello","data":1}`)
	ada.event("hello", bob.member())

	everyRoute(t, one, key, bob.member())
	ada.event("session.ended", "")
	for _, g := range []*gateway{one, two} {
		g.Term()
		g.Wait(t)
		if log := g.log.String(); strings.Contains(log, "NOPERM") || strings.Contains(log, "hunter2") {
			t.Errorf("the log: %s", log)
		}
	}
	what, err := denied()
	what = slices.DeleteFunc(what, func(command string) bool { return command == "config|get" })
	if err != nil || len(what) > 0 {
		t.Errorf("Redis refused %q, %v", what, err)
	}
}

// everyRoute asks for each route that is about sessions or the fleet, the end of
// the session last.
func everyRoute(t *testing.T, g *gateway, key, member string) {
	t.Helper()
	ask := func(method, path, body string) (int, map[string]any) {
		t.Helper()
		r := request(t, method, g.URL()+path, body)
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
		if replicas, _ := fleet["replicas"].([]any); status != http.StatusOK || len(replicas) != 2 {
			return fmt.Errorf("%d, %d replicas", status, len(replicas))
		}
		return nil
	})
	poll(t, "the session to be listed", func() error {
		if status, list := ask("GET", "/api/ops/sessions?q=s", ""); status != http.StatusOK || len(list["sessions"].([]any)) != 1 {
			return fmt.Errorf("%d %v", status, list)
		}
		return nil
	})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/ops/sessions?q=s&match=contains", "", 200}, {"GET", "/api/ops/sessions/s", "", 200},
		{"POST", "/api/sessions", `{"id":"d","kind":"document"}`, 201}, {"PATCH", "/api/sessions/d", `{"a":1}`, 200},
		{"POST", "/api/sessions/s/events", `{"event":"e"}`, 201}, {"POST", "/api/sessions/s/events", `{"event":"e"}`, 200},
		{"GET", "/api/sessions/s/events", "", 200}, {"DELETE", "/api/ops/sessions/s/members/" + member, "", 204},
		{"POST", "/api/ops/replicas/nobody/drain", "", 404}, {"DELETE", "/api/sessions/s", "", 204},
	} {
		if status, answer := ask(c.method, c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, answer)
		}
	}
}

// A backup is taken as the Redis user that docs/security.md gives for it.
func TestBackupNeedsNoMoreRights(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t, redistest.DocumentedUser(t, security, "plenum-backup", "hunter2"))
	if _, err := redis.Do("SET", "plenum:x", "y"); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(redis.Addr(), ":")
	file := filepath.Join(t.TempDir(), "plenum.rdb")
	cmd := exec.Command("../../deploy/redis/backup", file, "-h", host, "-p", port, "--user", "plenum-backup")
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH=hunter2")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(readFile(t, file), "plenum:x") {
		t.Errorf("backup: %v\n%s", err, out)
	}
	if what, err := redis.Denied(); err != nil || len(what) > 0 {
		t.Errorf("Redis refused %q, %v", what, err)
	}
}
