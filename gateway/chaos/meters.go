package chaos

import (
	"bufio"
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metered are the counters of the gateways that a report shows.
var metered = map[string]string{
	"plenum_log_resubscriptions_total":   "a subscription was lost and taken up again",
	"plenum_log_holes_total":             "something was missing in what was heard",
	"plenum_log_repairs_total":           "it was read from the log",
	"plenum_log_append_repeats_total":    "a request had taken effect before",
	"plenum_log_append_conflicts_total":  "another replica was quicker",
	"plenum_connections_lagged_total":    "a slow connection had its frames dropped",
	"plenum_heartbeats_missed_total":     "a heartbeat was missed",
	"plenum_connections_drained_total":   "a connection was asked to move",
	"plenum_log_resets_total":            "a log had lost its past",
	"plenum_connections_caught_up_total": "a slow connection was brought up to date",
}

// meters add up what gateways count, over their restarts. What one counted since it
// was asked last is lost when it is killed. Its methods may be called concurrently.
type meters struct {
	mu   sync.Mutex         // guards the following
	sum  map[string]float64 // by the name of the counter
	seen map[*replica]map[string]float64
}

// watch asks the replicas every second until ctx ends.
func (m *meters) watch(ctx context.Context, replicas []*replica) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for sleep(ctx, time.Second) {
		for _, r := range replicas {
			if now := counters(client, "http://"+loopback(r.port)+"/metrics"); now != nil {
				m.add(r, now)
			}
		}
	}
}

// add takes what a replica counts now. Less than before says that it began anew.
func (m *meters) add(r *replica, now map[string]float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sum == nil {
		m.sum, m.seen = make(map[string]float64), make(map[*replica]map[string]float64)
	}
	for name, n := range now {
		before := m.seen[r][name]
		if n < before {
			before = 0
		}
		m.sum[name] += n - before
	}
	m.seen[r] = now
}

// all returns the sums by what they count.
func (m *meters) all() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]int)
	for name, n := range maps.All(m.sum) {
		all[metered[name]] = int(n)
	}
	return all
}

// counters reads what is metered; nil if the gateway does not answer.
func counters(client *http.Client, url string) map[string]float64 {
	res, err := client.Get(url)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil
	}
	found := make(map[string]float64)
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if metered[name] == "" {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			found[name] = n
		}
	}
	return found
}
