package loadtest

import "fmt"

// Assessment says whether a run reached its thresholds.
type Assessment struct {
	Passed bool    `json:"passed"`
	Checks []Check `json:"checks"`
}

// Check is one threshold.
type Check struct {
	Passed bool   `json:"passed"`
	Name   string `json:"name"`
	Is     string `json:"is"`    // what was found
	Asked  string `json:"asked"` // what had to be
}

// assess holds a report against the thresholds. What was not asked for is not
// looked at: messages and their latency where nobody was to send.
func assess(r *Report, o *Options) Assessment {
	t := &o.Thresholds
	var a Assessment
	check := func(passed bool, name, is, asked string) {
		a.Checks = append(a.Checks, Check{passed, name, is, asked})
	}
	share := func(s *Attempts, least float64, name string) {
		is := percent(s.SuccessRate)
		if s.Made == 0 {
			is = "none was made"
		}
		check(s.Made > 0 && s.SuccessRate >= least, name, is, "at least "+percent(least))
	}
	latency := func(value, most float64, name string) {
		is := millisText(value)
		if r.Latency.Count == 0 {
			is = "nothing was delivered"
		}
		check(r.Latency.Count > 0 && value <= most, name, is, "at most "+millisText(most))
	}
	share(&r.Connections, t.ConnectionSuccess, "connection success")
	if o.Rate > 0 {
		share(&r.Messages, t.MessageSuccess, "message success")
		latency(r.Latency.Mean, ms(t.MeanLatency), "mean latency")
		if t.P99Latency > 0 {
			latency(r.Latency.P99, ms(t.P99Latency), "p99 latency")
		}
	}
	if v := r.Verification; v != nil {
		check(v.Contradictions == 0 && v.Deliveries > 0, "delivery", count(v.Contradictions, "contradiction"),
			fmt.Sprintf("none in %d deliveries", v.Deliveries))
	}
	a.Passed = true
	for _, c := range a.Checks {
		a.Passed = a.Passed && c.Passed
	}
	return a
}
