package integration

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraped are the metrics that a replica has, with the values of each label.
type scraped map[string]map[string][]string

// scrape reads /metrics as Prometheus does.
func scrape(t testing.TB, g *gateway) scraped {
	t.Helper()
	status, body, err := get(g.URL() + "/metrics")
	if err != nil || status != 200 {
		t.Fatalf("GET /metrics: %d, %v", status, err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	found := make(scraped)
	for name, family := range families {
		labels := make(map[string][]string)
		for _, m := range family.Metric {
			for _, l := range m.Label {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		found[name] = labels
		if family.GetType().String() == "HISTOGRAM" {
			found[name+"_sum"], found[name+"_count"] = labels, labels
			found[name+"_bucket"] = maps.Clone(labels)
			found[name+"_bucket"]["le"] = nil
			delete(found, name)
		}
	}
	return found
}

var (
	usedMetric  = regexp.MustCompile(`\b(plenum_[a-z_]+)(?:\{([^}]*)\})?`)
	usedMatcher = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
	usedLabels  = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// check fails the test if an expression uses what no replica has: a metric, a
// label, or a value of one.
func (s scraped) check(t *testing.T, where, expr string) {
	t.Helper()
	known := []string{"instance", "job"} // of Prometheus
	used := usedMetric.FindAllStringSubmatch(expr, -1)
	if len(used) == 0 && !strings.Contains(expr, "up{") {
		t.Errorf("%s uses no metric of ours: %s", where, expr)
	}
	for _, use := range used {
		labels, ok := s[use[1]]
		if !ok {
			t.Errorf("%s: no replica has the metric %s", where, use[1])
		}
		known = slices.AppendSeq(known, maps.Keys(labels))
		for _, m := range usedMatcher.FindAllStringSubmatch(use[2], -1) {
			values, ok := labels[m[1]]
			if m[1] == "instance" {
				continue
			}
			if !ok || (m[2] == "=" || m[2] == "!=") && !slices.Contains(values, m[3]) {
				t.Errorf("%s: %s has no %s=%q", where, use[1], m[1], m[3])
			}
		}
	}
	for _, by := range usedLabels.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			if !slices.Contains(known, strings.TrimSpace(label)) {
				t.Errorf("%s: no metric of %s has the label %s", where, expr, label)
			}
		}
	}
}

// dashboardQueries are the queries of all dashboards, by the titles of their
// panels.
func dashboardQueries(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../configs/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	queries := make(map[string][]string)
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal([]byte(readFile(t, file)), &dashboard); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range dashboard.Panels {
			for _, target := range p.Targets {
				queries[p.Title] = append(queries[p.Title], target.Expr)
			}
		}
	}
	if len(queries) < 20 {
		t.Errorf("%v have queries in %d panels only", files, len(queries))
	}
	return queries
}

// A query of a metric that does not exist is no error, it is an empty picture.
func TestDashboardsUseMetricsThatExist(t *testing.T) {
	t.Parallel()
	real := scrape(t, startGateway(t))
	for title, queries := range dashboardQueries(t) {
		for _, query := range queries {
			real.check(t, title, query)
		}
	}
}

// A rule on a metric that does not exist never fires; and each rule has tests in
// which it does and in which it does not.
func TestAlertsUseMetricsThatExist(t *testing.T) {
	t.Parallel()
	real := scrape(t, startGateway(t))
	rules := strings.Split(readFile(t, "../../configs/prometheus/alerts.yml"), "- alert: ")[1:]
	if len(rules) < 10 {
		t.Fatalf("found %d rules only", len(rules))
	}
	tests := ""
	files, _ := filepath.Glob("../../configs/prometheus/tests/*.yml")
	for _, file := range files {
		tests += readFile(t, file)
	}
	expected := regexp.MustCompile(`alertname: (\w+)\n\s+exp_alerts:( \[\])?`)
	fires, quiet := make(map[string]bool), make(map[string]bool)
	for _, m := range expected.FindAllStringSubmatch(tests, -1) {
		if m[2] == "" {
			fires[m[1]] = true
		} else {
			quiet[m[1]] = true
		}
	}
	for _, rule := range rules {
		name, rest, _ := strings.Cut(rule, "\n")
		expr, _, _ := strings.Cut(rest, "labels:")
		expr, _, _ = strings.Cut(expr, "\n        for:")
		real.check(t, name, expr)
		if !fires[name] || !quiet[name] {
			t.Errorf("%s: it is shown to fire: %v, to stay quiet: %v; want both", name, fires[name], quiet[name])
		}
	}
}
