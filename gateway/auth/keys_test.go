package auth

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	one, two := strings.Repeat("a", 40), strings.Repeat("b", 40)
	keys := NewKeys([]string{one, two})
	for header, want := range map[string]int{
		"Bearer " + one: 0, "bearer " + two: 1, "Bearer  " + one + " ": 0,
		"": -1, "Bearer": -1, "Bearer ": -1, one: -1, "Basic " + one: -1,
		"Bearer " + one[1:]: -1, "Bearer " + one + "a": -1, "Bearer " + strings.ToUpper(one): -1,
		"Bearer " + one + "," + two: -1,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		if got := keys.Which(r); got != want || keys.Allowed(r) != (want >= 0) {
			t.Errorf("%q is key %d; want %d", header, got, want)
		}
	}
	r := httptest.NewRequest("GET", "/?api_key="+one, nil)
	if keys.Allowed(r) {
		t.Error("a key in the URL was taken")
	}
	r.Header.Set("Authorization", "Bearer ")
	if none := NewKeys(nil); none.Configured() || none.Allowed(r) {
		t.Error("no key at all lets somebody in")
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		origins Origins
		origin  string
		want    bool
	}{
		{nil, "", true},
		{nil, "https://gw.example", true},
		{nil, "http://GW.example", true},
		{nil, "https://gw.example.evil", false},
		{nil, "https://evil/gw.example", false},
		{nil, "null", false},
		{nil, "%", false},
		{Origins{"*.example.com"}, "https://a.example.com", true},
		{Origins{"*.example.com"}, "https://example.com", false},
		{Origins{"*.example.com"}, "https://a.example.com.evil", false},
		{Origins{"*.example.com"}, "https://a.example.com:8443", false},
		{Origins{"https://app.example.org"}, "https://app.example.org", true},
		{Origins{"https://app.example.org"}, "http://app.example.org", false},
		{Origins{"*"}, "null", true},
		{Origins{"*"}, "%", true},
	} {
		r := httptest.NewRequest("GET", "http://gw.example/", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := c.origins.Allow(r); got != c.want {
			t.Errorf("%q with %q: %t", c.origin, c.origins, got)
		}
	}
}
