package limit

import (
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestClientAddress(t *testing.T) {
	trusted, err := ParseProxies([]string{"10.0.0.0/8", " 192.168.1.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"203.0.113.9:1234", nil, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9"}, // who is no proxy says nothing about others
		{"10.1.2.3:80", nil, "10.1.2.3"},
		{"10.1.2.3:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.1.2.3:80", []string{"6.6.6.6, 198.51.100.1"}, "198.51.100.1"}, // the left one was sent by the client
		{"10.1.2.3:80", []string{"6.6.6.6", "198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"10.1.2.3:80", []string{"198.51.100.1, 192.168.1.7"}, "198.51.100.1"},
		{"10.1.2.3:80", []string{"10.7.7.7"}, "10.7.7.7"},
		{"10.1.2.3:80", []string{"198.51.100.1, rubbish"}, "10.1.2.3"},
		{"10.1.2.3:80", []string{""}, "10.1.2.3"},
		{"10.1.2.3:80", []string{"198.51.100.1:5555"}, "198.51.100.1"},
		{"[fd00::1]:80", []string{"[2001:db8::5]:99"}, "2001:db8::5"},
		{"[fd00::1%eth0]:80", []string{"2001:db8::5"}, "2001:db8::5"},
		{"[::ffff:10.1.2.3]:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"192.168.1.8:80", []string{"198.51.100.1"}, "192.168.1.8"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		for _, line := range c.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		if got := trusted.Client(r); got.String() != c.want {
			t.Errorf("from %s, for %q: %s; want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if got := Proxies(nil).Client(&http.Request{RemoteAddr: "pipe"}); got.IsValid() {
		t.Errorf("an address that is none: %s", got)
	}
	for _, wrong := range []string{"", "10.0.0.0/99", "proxy.example.org"} {
		if _, err := ParseProxies([]string{wrong}); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestGroup(t *testing.T) {
	for addr, want := range map[string]string{"203.0.113.9": "203.0.113.9/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::ffff:203.0.113.9": "203.0.113.9/32"} {
		if got := Group(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s is of %s; want %s", addr, got, want)
		}
	}
	if Group(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("no address is of a network")
	}
}

func TestRates(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRates[string](2, 3)
	take := func(key string, want time.Duration) {
		t.Helper()
		if got := r.Take(key, now); got != want {
			t.Errorf("%s has to wait %v; want %v", key, got, want)
		}
	}
	for range 3 {
		take("a", 0)
	}
	for range 5 { // to be refused costs nothing
		take("a", 500*time.Millisecond)
	}
	take("b", 0)
	now = now.Add(500 * time.Millisecond)
	take("a", 0)
	take("a", 500*time.Millisecond)
	if free := NewRates[string](0, 0); free.Take("a", now) != 0 || free.Keys() != 0 {
		t.Error("a rate of 0 is a limit")
	}
}

// An attacker with many addresses does not take the memory.
func TestRatesForget(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRates[int](10, 10)
	for i := range 200_000 {
		r.Take(i, now)
		now = now.Add(time.Millisecond)
	}
	if n := r.Keys(); n > 4*cleanAt {
		t.Errorf("%d keys are kept", n)
	}
}

func TestCounts(t *testing.T) {
	c := NewCounts[string](2)
	first, second, third := c.Enter("a"), c.Enter("a"), c.Enter("a")
	if !first || !second || third || !c.Enter("b") {
		t.Error("2 may be in at once")
	}
	c.Leave("a")
	if !c.Enter("a") {
		t.Error("a place was free")
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if c.Enter("c") {
				c.Leave("c")
			}
		})
	}
	all.Wait()
	if len(c.count) != 2 {
		t.Errorf("counted are %v", c.count)
	}
	if free := NewCounts[string](0); !free.Enter("a") {
		t.Error("0 is a limit")
	}
}
