package chaos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a gateway counted is kept when it begins anew.
func TestMetersAddUpOverRestarts(t *testing.T) {
	t.Parallel()
	var m meters
	one, other := new(replica), new(replica)
	const name = "plenum_log_holes_total"
	for _, n := range []float64{3, 10, 2, 5} {
		m.add(one, map[string]float64{name: n})
	}
	m.add(other, map[string]float64{name: 100})
	if got := m.all()[metered[name]]; got != 115 {
		t.Errorf("%d; want 10, 5 and 100", got)
	}
}

func TestCountersAreRead(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "# HELP plenum_log_holes_total …\nplenum_log_holes_total 7\nplenum_other_total 9\n"+
			"plenum_log_repairs_total 1e+06\nplenum_connections_lagged_total ?\n")
	}))
	defer s.Close()
	got := counters(s.Client(), s.URL)
	if len(got) != 2 || got["plenum_log_holes_total"] != 7 || got["plenum_log_repairs_total"] != 1e6 {
		t.Errorf("%v", got)
	}
	if got := counters(s.Client(), "http://127.0.0.1:1"); got != nil {
		t.Errorf("of nobody: %v", got)
	}
}
