package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestStatistics(t *testing.T) {
	serving(t, func(t *testing.T, _ *gone, routes http.Handler) {
		request(t, routes, "POST", "/api/sessions", `{"id":"s"}`, 201)
		header, one := request(t, routes, "GET", "/api/stats", "", 200)
		if header.Get("Cache-Control") != "no-store" || one["replica"].(map[string]any)["name"] != "one" {
			t.Errorf("%v %v", header, one)
		}
		if appends := one["figures"].(map[string]any)["log"].(map[string]any)["appends"]; appends != 1.0 {
			t.Errorf("%v appends; want 1", appends)
		}
		_, fleet := request(t, routes, "GET", "/api/stats?scope=fleet", "", 200)
		if fleet["scope"] != "fleet" || len(fleet["replicas"].([]any)) != 1 {
			t.Errorf("%v", fleet)
		}
		if _, wrong := request(t, routes, "GET", "/api/stats?scope=world", "", 400); !strings.Contains(wrong["detail"].(string), "fleet") {
			t.Errorf("%v", wrong)
		}
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		text, _ := io.ReadAll(w.Body)
		for _, line := range []string{"plenum_log_appends_total 1\n", `plenum_build_info{version="v1.2.3"} 1`, "go_goroutines "} {
			if !strings.Contains(string(text), line) {
				t.Errorf("/metrics has no %q", line)
			}
		}
		if strings.Contains(string(text), `"s"`) {
			t.Error("/metrics names a session")
		}
	})
}
