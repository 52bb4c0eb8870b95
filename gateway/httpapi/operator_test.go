package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// operate is a request with the key; it is answered with JSON, or with nothing.
func operate(t *testing.T, routes http.Handler, method, path string, status int) (answer map[string]any) {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer secret")
	routes.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d %s; want %d", method, path, w.Code, w.Body, status)
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	return answer
}

// sitting is a connection that does nothing.
type sitting struct{ closed chan wire.CloseCode }

func (s sitting) Deliver(*fanout.Frame)         {}
func (s sitting) Send([]byte)                   {}
func (s sitting) More()                         {}
func (s sitting) Joined(*session.Participant)   {}
func (s sitting) Start([]byte, uint64)          {}
func (s sitting) Lag() (from uint64, lags bool) { return 0, false }
func (s sitting) End(e *wire.Error)             { s.closed <- e.Close }

// sit lets somebody into a session.
func sit(t *testing.T, log *gone, id, name string) sitting {
	t.Helper()
	c := sitting{make(chan wire.CloseCode, 1)}
	if err := log.service.Join(context.Background(), id, &wire.Join{Client: "c-" + name, Name: name}, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOperatorsNeedAKey(t *testing.T) {
	operated(t, func(t *testing.T, log *gone, routes http.Handler) {
		sit(t, log, "s", "Ada")
		for _, path := range []string{"GET /api/ops/sessions", "GET /api/ops/sessions/s", "GET /api/ops/sessions/s/tap",
			"DELETE /api/ops/sessions/s/members/m_x", "POST /api/ops/replicas/one/drain", "DELETE /api/ops/replicas/one/drain"} {
			method, path, _ := strings.Cut(path, " ")
			if _, p := request(t, routes, method, path, "", 401); !strings.Contains(p["detail"].(string), "API key") {
				t.Errorf("%s %s: %v", method, path, p)
			}
		}
		if len(log.orders) > 0 {
			t.Errorf("orders without a key: %v", log.orders)
		}
	})
}

func TestOperatorsAreRefusedWhereThereIsNoKey(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		if _, p := request(t, routes, "GET", "/api/ops/sessions", "", 403); !strings.Contains(p["detail"].(string), "PLENUM_API_KEYS") {
			t.Errorf("%v", p)
		}
	})
}

func TestOperatorsFindSessions(t *testing.T) {
	operated(t, func(t *testing.T, log *gone, routes http.Handler) {
		for _, id := range []string{"team-b", "team-a", "retro-team", "x"} {
			sit(t, log, id, "Ada")
		}
		sit(t, log, "team-a", "Bob")
		request(t, routes, "POST", "/api/sessions", `{"id":"empty"}`, 201, "Authorization", "Bearer secret")
		synctest.Wait()
		list := func(query string, want ...string) (next string) {
			t.Helper()
			page := operate(t, routes, "GET", "/api/ops/sessions"+query, 200)
			got := []string{}
			for _, s := range page["sessions"].([]any) {
				got = append(got, s.(map[string]any)["id"].(string))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q; want %q", query, got, want)
			}
			next, _ = page["next"].(string)
			return next
		}
		list("", "retro-team", "team-a", "team-b", "x")
		list("?q=team", "team-a", "team-b")
		list("?q=team&match=contains", "retro-team", "team-a", "team-b")
		list("?q=nothing")
		list("?q=empty", "empty") // nobody is in it, but it is there
		next := list("?limit=3", "retro-team", "team-a", "team-b")
		if !strings.HasPrefix(next, "/api/ops/sessions?") {
			t.Fatalf("next is %q", next)
		}
		if next = list(strings.TrimPrefix(next, "/api/ops/sessions"), "x"); next != "" {
			t.Errorf("after the last page comes %q", next)
		}
		first := operate(t, routes, "GET", "/api/ops/sessions?q=team-a", 200)["sessions"].([]any)[0].(map[string]any)
		if first["online"] != 2.0 || first["connections"] != 2.0 || first["kind"] != "broadcast" || first["replicas"].([]any)[0] != "one" {
			t.Errorf("%v", first)
		}
		sit(t, log, "a-x", "Zed")
		next = list("?q=x&match=contains&limit=1", "x", "a-x") // the very session first
		list(strings.TrimPrefix(next, "/api/ops/sessions"))    // and once
		for _, wrong := range []string{"?limit=0", "?limit=x", "?limit=1000", "?match=fuzzy"} {
			operate(t, routes, "GET", "/api/ops/sessions"+wrong, 400)
		}
	})
}

func TestOperatorsSeeAndRemoveMembers(t *testing.T) {
	operated(t, func(t *testing.T, log *gone, routes http.Handler) {
		ada, bob := sit(t, log, "s", "Ada"), sit(t, log, "s", "Bob")
		d := operate(t, routes, "GET", "/api/ops/sessions/s", 200)
		members := d["members"].([]any)
		second := members[0].(map[string]any)
		if second["name"] != "Bob" { // they came in the same millisecond, so either may be first
			second = members[1].(map[string]any)
		}
		connection := second["connections"].([]any)[0].(map[string]any)
		if len(members) != 2 || second["name"] != "Bob" || second["status"] != "online" || connection["replica"] != "one" || connection["client"] != "c-Bob" {
			t.Errorf("%v", d)
		}
		text, _ := json.Marshal(d)
		if strings.Contains(string(text), "seat") {
			t.Errorf("it tells of a seat's secret: %s", text)
		}
		operate(t, routes, "DELETE", "/api/ops/sessions/s/members/"+second["member"].(string), 204)
		if code := <-bob.closed; code != wire.CloseRemoved {
			t.Errorf("Bob was closed with %d", code)
		}
		select {
		case code := <-ada.closed:
			t.Errorf("Ada was closed with %d", code)
		default:
		}
		operate(t, routes, "DELETE", "/api/ops/sessions/s/members/"+second["member"].(string), 404)
		operate(t, routes, "DELETE", "/api/ops/sessions/none/members/m_x", 404)
		operate(t, routes, "GET", "/api/ops/sessions/none", 404)
		operate(t, routes, "GET", "/api/ops/sessions/a%20b", 400)
	})
}

func TestOperatorsDrainReplicas(t *testing.T) {
	operated(t, func(t *testing.T, log *gone, routes http.Handler) {
		operate(t, routes, "POST", "/api/ops/replicas/nobody/drain", 404)
		operate(t, routes, "POST", "/api/ops/replicas/one/drain", 409)
		if len(log.orders) != 0 {
			t.Errorf("the only replica was told to %v", log.orders)
		}
		operate(t, routes, "POST", "/api/ops/replicas/one/drain?force=true", 202)
		operate(t, routes, "DELETE", "/api/ops/replicas/"+log.service.Incarnation()+"/drain", 202)
		if !slices.Equal(log.orders, []string{"drain", "serve"}) {
			t.Errorf("orders %v", log.orders)
		}
	})
}

func TestOperatorsLookOn(t *testing.T) {
	operated(t, func(t *testing.T, log *gone, routes http.Handler) {
		operate(t, routes, "GET", "/api/ops/sessions/none/tap", 404)
		sit(t, log, "s", "Ada")
		reader, done := tapped(t, routes, "/api/ops/sessions/s/tap")
		next := func() map[string]any {
			t.Helper()
			text, err := reader.ReadBytes('\n')
			var line map[string]any
			if err != nil || json.Unmarshal(text, &line) != nil {
				t.Fatalf("%q, %v", text, err)
			}
			return line
		}
		if first := next(); first["type"] != "start" || first["session"].(map[string]any)["offset"] != 1.0 {
			t.Errorf("%v", first)
		}
		if _, err := log.service.Publish(context.Background(), "s", "note", json.RawMessage("{\"a\":\n[1,\r\n2]}"), ""); err != nil {
			t.Fatal(err)
		}
		frame := next()
		event := frame["events"].([]any)[0].(map[string]any)
		if frame["type"] != "frame" || event["event"] != "note" || event["offset"] != 2.0 || len(event["data"].(map[string]any)["a"].([]any)) != 2 {
			t.Errorf("%v", frame)
		}
		began := time.Now()
		if line := next(); line["type"] != "alive" || time.Since(began) > tapAlive {
			t.Errorf("%v after %v", line, time.Since(began))
		}
		if err := log.service.End(context.Background(), "s", nil); err != nil {
			t.Fatal(err)
		}
		if line := next(); line["events"].([]any)[0].(map[string]any)["event"] != "session.ended" {
			t.Errorf("%v", line)
		}
		if line := next(); line["type"] != "end" || line["reason"] != "session_ended" {
			t.Errorf("%v", line)
		}
		<-done
	})
}

// tapped reads what a path goes on answering with.
func tapped(t *testing.T, routes http.Handler, path string) (*bufio.Reader, <-chan struct{}) {
	t.Helper()
	w, done := newPiped(), make(chan struct{})
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer secret")
	go func() {
		defer close(done)
		defer w.Close()
		routes.ServeHTTP(w, r)
	}()
	return bufio.NewReader(w.from), done
}

// An operator who reads nothing holds nobody up, and is told that something was
// left out.
func TestTapOfAnOperatorWhoDoesNotRead(t *testing.T) {
	tap := &tapping{lines: make(chan []byte, tapLines)}
	for range 2 * tapLines {
		tap.put([]byte("{}"))
	}
	w, over := httptest.NewRecorder(), make(chan error, 1)
	over <- session.ErrOver
	tapWriter{w, http.NewResponseController(w)}.copy(tap, over)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if len(lines) != tapLines+2 || !slices.Contains(lines, `{"type":"missed"}`) || lines[len(lines)-1] != `{"type":"end","reason":"session_ended"}` {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
