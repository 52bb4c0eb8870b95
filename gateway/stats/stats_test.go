package stats

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/latency"
	"github.com/plenum-gateway/plenum/fanout/memlog"
	"github.com/plenum-gateway/plenum/gateway/connection"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/gateway/session"
)

// replica has the sources of one, which a test counts in.
type replica struct {
	*Collector
	log     *fanout.Stats
	people  *session.Service
	sockets *connection.Server
	ping    latency.Histogram
	drains  bool
}

func newReplica(t *testing.T, name string, fleet Fleet) *replica {
	t.Helper()
	r := &replica{people: session.New(session.Options{Replica: name, Kinds: []kind.Kind{broadcast.Kind{}}, DefaultKind: "broadcast"})}
	hub := fanout.New(memlog.New(memlog.Options{}), connection.Codec{}, r.people.Owner, fanout.Options{})
	r.people.Attach(hub)
	r.log = &hub.Stats
	var err error
	r.sockets, err = connection.New(r.people, connection.Options{Handshakes: 1, Heartbeat: time.Minute}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.sockets.Run(ctx) // closes what it has open
	r.Collector = New(Replica{Name: name, ID: "id-" + name, Version: "v1", Log: "embedded"}, Sources{Log: r.log, Sessions: &r.people.Stats,
		Connections: &r.sockets.Stats, Census: func() session.Census { return session.Census{Sessions: 2, Online: 5} }, ConnectionLimit: 10,
		Draining: func() bool { return r.drains }, StoreAway: func() bool { return false }, Ping: &r.ping, Host: NewHost(t.Context())}, fleet)
	return r
}

// tree is JSON.
func tree(t *testing.T, v json.Marshaler) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// at follows a path such as "figures.connections.open".
func at(t *testing.T, v any, path string) any {
	t.Helper()
	for key := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		next, ok := object[key]
		if !ok {
			t.Fatalf("there is no %s (at %s)", path, key)
		}
		v = next
	}
	return v
}

func TestTableIsSound(t *testing.T) {
	name := regexp.MustCompile(`^plenum_[a-z]+(_[a-z]+)*$`)
	seen := make(map[string]bool)
	for _, m := range Metrics {
		if !name.MatchString(m.Name) || m.Help == "" || seen[m.Name] || seen[m.Group+"."+m.Key] {
			t.Errorf("%+v: the name must be plenum_<noun>_<unit>, once, with a help", m)
		}
		seen[m.Name], seen[m.Group+"."+m.Key] = true, true
		if (m.Kind == Histogram) != (m.spread != nil) || (m.Kind == Histogram) == (m.numbers != nil) || (m.Label == "") != (len(m.Values) == 0) {
			t.Errorf("%s is not complete", m.Name)
		}
		if strings.HasSuffix(m.Name, "_total") != (m.Kind == Counter) {
			t.Errorf("%s: counters, and only those, end in _total", m.Name)
		}
	}
}

// Whatever may be told is there from the start, at zero; the conventions of
// Prometheus are kept.
func TestMetricsOfAnIdleReplica(t *testing.T) {
	r := newReplica(t, "one", nil)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newExporter(r.Collector))
	problems, err := testutil.GatherAndLint(registry)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, _ := io.ReadAll(w.Result().Body)
	for _, m := range Metrics {
		suffix := ""
		if m.Kind == Histogram {
			suffix = `_bucket{le="0.1"}`
		}
		if m.Label != "" {
			for _, v := range m.Values {
				if line := m.Name + `{` + m.Label + `="` + v + `"} `; !strings.Contains(string(text), line) {
					t.Errorf("no %s", line)
				}
			}
		} else if !strings.Contains(string(text), "\n"+m.Name+suffix+" ") {
			t.Errorf("no %s%s", m.Name, suffix)
		}
	}
	if extra, err := promlint.New(strings.NewReader(string(text))).Lint(); err != nil || len(extra) > 0 {
		t.Errorf("%v, %v", extra, err)
	}
}

func TestReportOfAReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(t, "one", nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx, zap.NewNop()) })
		synctest.Wait()
		r.sockets.Stats.Accepted.Add(600)
		r.people.Stats.Joins.Add(540)
		r.people.Stats.Refused.Add(40)
		r.sockets.Stats.Refused.Add(50)
		r.sockets.Stats.RefusedDraining.Add(30)
		r.log.Publish.ObserveMany(20*time.Millisecond, 99)
		r.log.Publish.Observe(2 * time.Second)
		time.Sleep(30 * time.Second)
		got := tree(t, new(r.Report()))
		for path, want := range map[string]any{
			"replica.name": "one", "replica.draining": false,
			"figures.connections.accepted": 600.0, "recent.seconds": 30.0, "recent.figures.connections.accepted": 20.0,
			"figures.sessions.active": 2.0, "figures.sessions.members.online": 5.0,
			"figures.connections.refused.other": 20.0, "ratios.join_success": 0.9, "recent.ratios.join_success": 0.9,
			"ratios.message_errors": nil, "figures.latency.publish.count": 100.0, "figures.latency.publish.max": 2000.0,
			"recent.figures.latency.publish.max": 2000.0,
		} {
			if at(t, got, path) != want {
				t.Errorf("%s is %v, want %v", path, at(t, got, path), want)
			}
		}
		if p50 := at(t, got, "figures.latency.publish.p50").(float64); p50 < 15 || p50 > 20 {
			t.Errorf("the median is %v ms, not about 20", p50)
		}
		if gauges, ok := at(t, got, "recent.figures.sessions").(map[string]any)["active"]; ok {
			t.Errorf("a gauge has a rate: %v", gauges)
		}
		if memory, _ := at(t, got, "figures.process.memory").(float64); memory < 1<<20 {
			t.Errorf("the process has %v bytes", memory)
		}
		time.Sleep(2 * time.Minute)
		got = tree(t, new(r.Report()))
		if at(t, got, "recent.figures.connections.accepted") != 0.0 || at(t, got, "recent.figures.latency.publish.count") != 0.0 ||
			at(t, got, "recent.figures.latency.publish.max") != 0.0 || at(t, got, "recent.ratios.join_success") != nil {
			t.Errorf("what was two minutes ago is recent: %v", at(t, got, "recent"))
		}
		if at(t, got, "figures.latency.publish.max") != 2000.0 || at(t, got, "figures.connections.accepted") != 600.0 {
			t.Errorf("what was two minutes ago is forgotten: %v", at(t, got, "figures"))
		}
		if seconds := at(t, got, "recent.seconds").(float64); seconds < 58 || seconds > 62 {
			t.Errorf("the last minute has %v s", seconds)
		}
		cancel()
		running.Wait()
	})
}

func TestDocumentIsMadeFromTheTable(t *testing.T) {
	var want bytes.Buffer
	WriteDoc(&want)
	got, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/metrics.md is not what gateway/stats says; run: make generate")
	}
}
