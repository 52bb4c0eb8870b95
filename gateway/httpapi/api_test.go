package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPatchIsCompareAndSet(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		header, _ := request(t, routes, "POST", "/api/sessions", `{"id":"doc","kind":"document","options":{"document":{"a":1,"b":2}}}`, 201)
		first := header.Get("ETag")
		header, got := request(t, routes, "PATCH", "/api/sessions/doc", `{"b":null,"c":[1]}`, 200, "If-Match", first, "Content-Type", "application/merge-patch+json")
		if state := fmt.Sprint(got["state"]); state != "map[a:1 c:[1]]" || header.Get("ETag") == first {
			t.Errorf("%v, %v", got, header)
		}
		second := header.Get("ETag")
		for match, status := range map[string]int{
			first: 412, "W/" + second: 412, `"rubbish"`: 412, "": 200, "*": 200, `"x-1"`: 412, `"`: 412,
		} {
			header, _ := request(t, routes, "PATCH", "/api/sessions/doc", `{"d":1}`, status, "If-Match", match)
			if tag := header.Get("ETag"); (tag == "") != (status == 412) {
				t.Errorf("%s: the answer has the tag %q", match, tag)
			}
		}
		header, _ = request(t, routes, "PATCH", "/api/sessions/doc", `{"e":1}`, 200, "If-Match", first+`, "x-1" , `+currentTag(t, routes, "doc"))
		if header.Get("ETag") != currentTag(t, routes, "doc") {
			t.Errorf("the answer has the tag %q", header.Get("ETag"))
		}
		request(t, routes, "PATCH", "/api/sessions/doc", `{"e":1}`, 412, "If-Match", first+`, "x-1"`)
		request(t, routes, "POST", "/api/sessions", `{"id":"plain"}`, 201)
		if header, _ = request(t, routes, "PATCH", "/api/sessions/plain", `{}`, 405); header.Get("Allow") == "" {
			t.Error("405 without Allow")
		}
		request(t, routes, "PATCH", "/api/sessions/nobody", `{}`, 404, "If-Match", `"x-1"`)
		request(t, routes, "PATCH", "/api/sessions/nobody", `{}`, 404)
	})
}

// White space may stand around JSON (RFC 8259, section 2): what a body is does
// not depend on it.
func TestWhiteSpaceAroundABody(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", "\r\n\t {\"id\":\"doc\",\"kind\":\"document\",\"options\":{\"document\":{\"a\":1}}} \n", 201)
		_, got := request(t, routes, "PATCH", "/api/sessions/doc", "\n {\"b\":2}\n", 200, "Content-Type", "application/merge-patch+json")
		if state := fmt.Sprint(got["state"]); state != "map[a:1 b:2]" {
			t.Errorf("the document is %s; want the patch merged", state)
		}
		request(t, routes, "POST", "/api/sessions/doc/events", " {\"event\":\"e\"}", 201)
		for _, path := range []string{"/api/sessions", "/api/sessions/doc/events"} {
			request(t, routes, "POST", path, " []", 400)
		}
	})
}

// Names are compared exactly, as in every message: what is only alike is
// something that we do not know, and ignored.
func TestNamesThatAreOnlyAlike(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		_, got := request(t, routes, "POST", "/api/sessions", `{"id":"s","KIND":"document","Id":"other"}`, 201)
		if got["id"] != "s" || got["kind"] != "broadcast" {
			t.Errorf("made %v", got)
		}
		request(t, routes, "POST", "/api/sessions/s/events", `{"EVENT":"e"}`, 400)
		request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e","Event":"BAD"}`, 201)
	})
}

// currentTag is the entity tag that a session has now.
func currentTag(t *testing.T, routes http.Handler, id string) string {
	t.Helper()
	return do(t, routes, "HEAD", "/api/sessions/"+id, "").Header().Get("ETag")
}

func TestConditionalGet(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		tag := currentTag(t, routes, "s")
		for match, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, tag[:len(tag)-1]: 200} {
			w := do(t, routes, "GET", "/api/sessions/s", "", "If-None-Match", match)
			if w.Code != status || w.Header().Get("ETag") != tag || status == 304 && w.Body.Len() > 0 {
				t.Errorf("%s: %d %s", match, w.Code, w.Body)
			}
		}
		request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e"}`, 201)
		request(t, routes, "GET", "/api/sessions/s", "", 200, "If-None-Match", tag)
	})
}

func TestEnd(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		header, _ := request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		first := header.Get("ETag")
		request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e"}`, 201)
		request(t, routes, "DELETE", "/api/sessions/s", "", 412, "If-Match", first)
		request(t, routes, "DELETE", "/api/sessions/s", "", 204, "If-Match", currentTag(t, routes, "s"))
		for _, method := range []string{"GET", "DELETE"} {
			request(t, routes, method, "/api/sessions/s", "", 404)
		}
		request(t, routes, "GET", "/api/sessions/s/events", "", 404)
		header, _ = request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		if header.Get("ETag") == first {
			t.Error("a new session has the position of the ended one")
		}
	})
}

func TestEventsArePublishedOnce(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		_, first := request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e","data":{"n":1}}`, 201, "Idempotency-Key", "k 1")
		for range 3 {
			_, again := request(t, routes, "POST", "/api/sessions/s/events", `{ "data": {"n": 1}, "event": "e" }`, 200, "Idempotency-Key", "k 1")
			if again["offset"] != first["offset"] || again["repeated"] != true || first["repeated"] != false {
				t.Errorf("%v, then %v", first, again)
			}
			<-time.After(time.Minute)
		}
		request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e","data":{"n":2}}`, 422, "Idempotency-Key", "k 1")
		for _, key := range []string{strings.Repeat("k", 256), "a\x00b", "ü"} {
			request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e"}`, 400, "Idempotency-Key", key)
		}
		for body, status := range map[string]int{
			`{"event":"e"}`: 201, `{"event":"E"}`: 400, `{}`: 400, `[]`: 400, `null`: 400, `"e"`: 400, `{"event":7}`: 400,
			`{"event":"member.left"}`: 403, `{"event":"session.ended"}`: 403,
			`{"event":"e","data":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`: 400,
			`{"event":"e","data":"\ud800"}`: 400, "{\"event\":\"\xff\"}": 400,
			`{"event":"e","data":"` + strings.Repeat("x", message) + `"}`: 413,
		} {
			request(t, routes, "POST", "/api/sessions/s/events", body, status)
		}
		request(t, routes, "POST", "/api/sessions/nobody/events", `{"event":"e"}`, 404)
	})
}

func TestHistoryIsPaged(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		for i := range 25 {
			request(t, routes, "POST", "/api/sessions/s/events", fmt.Sprintf(`{"event":"e","data":%d}`, i+1), 201)
		}
		var seen []string
		pages := 0
		for path := "/api/sessions/s/events?limit=10"; path != ""; pages++ {
			header, page := request(t, routes, "GET", path, "", 200)
			for _, e := range page["events"].([]any) {
				e := e.(map[string]any)
				seen = append(seen, fmt.Sprint(e["offset"], e["data"]))
			}
			if page["complete"] != true || page["offset"] != 25.0 {
				t.Errorf("%v", page)
			}
			if path, _ = page["next"].(string); path != "" && header.Get("Link") != "<"+path+`>; rel="next"` {
				t.Errorf("Link: %s, next: %s", header.Get("Link"), path)
			}
		}
		if len(seen) != 25 || pages != 3 || seen[0] != "1 1" || seen[24] != "25 25" {
			t.Errorf("%d pages with %v", pages, seen)
		}
		for query, status := range map[string]int{
			"after=24": 200, "after=99": 200, "after=25": 200, "after=-1": 400, "after=x": 400, "after=": 400, "limit=0": 400, "limit=1001": 400, "limit=1e3": 400,
			"after=99999999999999999999": 400, "epoch=other": 410, "unknown=1": 200,
		} {
			request(t, routes, "GET", "/api/sessions/s/events?"+query, "", status)
		}
		for range 100 {
			request(t, routes, "POST", "/api/sessions/s/events", `{"event":"e"}`, 201)
		}
		if _, page := request(t, routes, "GET", "/api/sessions/s/events?after=3", "", 200); page["complete"] != false {
			t.Errorf("events are missing, and the page says nothing of it: %v", page["complete"])
		}
	})
}

// What is not there, not allowed, or not understood is a problem, too.
func TestRefusalsAreProblems(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		for _, c := range []struct {
			method, path, header, value string
			status                      int
		}{
			{"GET", "/api/nothing", "", "", 404}, {"POST", "/api/nothing", "", "", 404}, {"GET", "/nothing/there", "", "", 404},
			{"PUT", "/api/sessions/s", "", "", 405}, {"GET", "/api/sessions", "", "", 405}, {"PATCH", "/api/sessions/s/events", "", "", 405}, {"POST", "/", "", "", 405},
			{"OPTIONS", "/api/sessions/s", "", "", 405}, {"TRACE", "/healthz", "", "", 405},
			{"POST", "/api/sessions", "Content-Type", "text/plain", 415}, {"POST", "/api/sessions", "Content-Type", "application/x-www-form-urlencoded", 415},
			{"POST", "/api/sessions", "Content-Type", "", 415}, {"POST", "/api/sessions", "Content-Type", ";;", 415}, {"PATCH", "/api/sessions/s", "Content-Type", "application/json-patch+json", 415},
			{"POST", "/api/sessions", "Content-Encoding", "gzip", 415}, {"POST", "/api/sessions/s/events", "Content-Encoding", "br, gzip", 415}, {"PATCH", "/api/sessions/s", "Content-Encoding", "deflate", 415},
			{"GET", "/api/sessions/a%2Fb", "", "", 400}, {"DELETE", "/api/sessions/a%00b", "", "", 400}, {"PATCH", "/api/sessions/%C3%BC", "", "", 400},
			{"POST", "/api/sessions/" + strings.Repeat("a", 65) + "/events", "", "", 400}, {"GET", "/api/sessions/a%20b/events", "", "", 400},
		} {
			headers := []string{}
			if c.header != "" {
				headers = []string{c.header, c.value}
			}
			header, _ := request(t, routes, c.method, c.path, `{"event":"e"}`, c.status, headers...)
			if c.status == 405 && header.Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", c.method, c.path)
			}
			if c.method == "PATCH" && c.header == "Content-Type" && header.Get("Accept-Patch") == "" {
				t.Error("no Accept-Patch")
			}
		}
		request(t, routes, "POST", "/api/sessions", `{}`, 201, "Content-Type", "Application/JSON; charset=utf-8", "Content-Encoding", "identity")
	})
}

// Paths with dots and double slashes lead to the same place, or nowhere.
func TestPathTricks(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		for _, path := range []string{"/api/sessions/../sessions/s", "//api//sessions/s", "/api/./sessions/s", "/api/sessions/s/../../../healthz", "/../api/sessions/s"} {
			w := do(t, routes, "DELETE", path, "")
			if to := w.Header().Get("Location"); w.Code != 301 && w.Code != 307 || strings.Contains(to, "..") || strings.Contains(to, "//") {
				t.Errorf("%s: %d to %q", path, w.Code, to)
			}
		}
		for _, path := range []string{"/api/sessions/%2e%2e/s", "/api/sessions/..%2fs", "/api/sessions/s%2f..", "/%2e%2e/%2e%2e/etc/passwd", "/api/sessions/s%00"} {
			if w := do(t, routes, "DELETE", path, ""); w.Code < 300 || w.Code >= 500 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
		request(t, routes, "GET", "/api/sessions/s", "", 200)
	})
}
