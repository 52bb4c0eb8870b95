package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// prometheus is a running Prometheus with configs/prometheus.
type prometheus struct {
	*process
	Addr string
}

// What startPrometheus exchanges.
var (
	anyFor     = regexp.MustCompile(`for: \d+[sm]`)
	targetList = regexp.MustCompile(`\[".*"\]`)
)

// startPrometheus has Prometheus watch replicas until the test ends. Its files are
// those of the repository, with these replicas and without the patience: it looks
// every second, and no alert has to last before it fires.
func startPrometheus(t *testing.T, replicas ...*gateway) *prometheus {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal(`prometheus not found: run "make setup"`)
	}
	p, dir := &prometheus{Addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}, t.TempDir()
	const from = "../../configs/prometheus/"
	writeFile(t, dir, "prometheus.yml", strings.ReplaceAll(readFile(t, from+"prometheus.yml"), "interval: 5s", "interval: 1s"))
	writeFile(t, dir, "alerts.yml", anyFor.ReplaceAllString(readFile(t, from+"alerts.yml"), "for: 0s"))
	writeFile(t, dir, "targets.yml", targetList.ReplaceAllString(readFile(t, from+"targets.yml"), `["`+strings.Join(addresses(replicas), `", "`)+`"]`))
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+p.Addr)
	p.process = startProcess(t, "prometheus", cmd, syscall.SIGKILL)
	return p
}

// ask returns the data of an answer of Prometheus's API.
func (p *prometheus) ask(path string, data any) error {
	status, body, err := get("http://" + p.Addr + path)
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("status %d: %w", status, err)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return nil
}

// series is how many series a query gives.
func (p *prometheus) series(query string) (int, error) {
	var data struct{ Result []any }
	err := p.ask("/api/v1/query?query="+url.QueryEscape(query), &data)
	return len(data.Result), err
}

// firing are the alerts that fire, and how many rules are evaluated without a
// fault; an error if there is a fault.
func (p *prometheus) firing() (alerts map[string]bool, rules int, err error) {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, State, Health, LastError string }
		}
	}
	if err := p.ask("/api/v1/rules", &data); err != nil {
		return nil, 0, err
	}
	alerts = make(map[string]bool)
	for _, group := range data.Groups {
		for _, rule := range group.Rules {
			if rule.Health != "ok" {
				return nil, 0, fmt.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
			}
			rules++
			if rule.State == "firing" {
				alerts[rule.Name] = true
			}
		}
	}
	return alerts, rules, nil
}

// A real Prometheus finds the replicas by the repository's files, evaluates each
// rule, has something to show for each query of the dashboard, and notices a
// replica that crashes.
func TestPrometheusWatchesTheReplicas(t *testing.T) {
	t.Parallel()
	redis := "PLENUM_REDIS_URL=" + redistest.Start(t).URL()
	one, two := startGateway(t, redis, "PLENUM_HEARTBEAT_INTERVAL=1s"), startGateway(t, redis, "PLENUM_HEARTBEAT_INTERVAL=1s")
	p := startPrometheus(t, one, two)
	members := everyone(t, 4, "watched", []string{one.URL(), two.URL()})
	stop, talks := chatter(t, members, 200*time.Millisecond)
	rules := strings.Count(readFile(t, "../../configs/prometheus/alerts.yml"), "- alert: ")
	poll(t, "every rule to be evaluated", func() error {
		alerts, n, err := p.firing()
		if err == nil && (n != rules || alerts["PlenumReplicaDown"] || alerts["PlenumReplicaLost"] || alerts["PlenumNoReplicas"] || alerts["PlenumRedisAway"]) {
			err = fmt.Errorf("of %d rules %d are, and these fire: %v", rules, n, alerts)
		}
		return err
	})
	for title, queries := range dashboardQueries(t) {
		for _, query := range queries {
			query = strings.NewReplacer("$__rate_interval", "20s", "$instance", ".+").Replace(query)
			poll(t, title+" to be shown: "+query, func() error {
				n, err := p.series(query)
				if err == nil && n == 0 && !strings.HasSuffix(query, " > 0") {
					err = errors.New("nothing")
				}
				return err
			})
		}
	}
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	two.Kill()
	poll(t, "the crash to be noticed", func() error {
		alerts, _, err := p.firing()
		if err == nil && (!alerts["PlenumReplicaDown"] || !alerts["PlenumReplicaLost"] || alerts["PlenumNoReplicas"]) {
			err = fmt.Errorf("firing: %v", alerts)
		}
		return err
	})
}
