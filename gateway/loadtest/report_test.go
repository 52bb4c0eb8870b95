package loadtest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got:\n%s", path, got)
	}
}

// sample is the report of a run that went well, or in which the gateway died.
func sample(died bool) *Report {
	o := Defaults()
	o.Targets, o.Session, o.Verify = []string{"https://plenum.example.org"}, "team", true
	h := newHistogram()
	for n := range 8640 {
		record(h, time.Duration(2+n%150)*time.Millisecond+time.Duration(n)*time.Microsecond)
	}
	r := &Report{
		Began: time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC), Load: o.load(), Duration: 60, TargetUsers: 12,
		Connections: attempts(12, 0), Messages: attempts(720, 0), Latency: latencyOf(h), Joins: Latency{12, 4, 1.5, 3.25, 20.5, 20.5},
		Deliveries: 8640, Frames: 7300, Received: 4_200_000, Thresholds: o.Thresholds.asked(), Distribution: barsOf(h),
		Generator:    Generator{Cores: 4, CPU: 0.031, Others: 0.2, Timers: Latency{P99: 0.21}, Sends: Latency{P99: 0.3}},
		Verification: &Verification{Deliveries: 8700, Events: 732, Acknowledged: 720, Snapshots: 12},
	}
	for n := range 60 {
		r.Course = append(r.Course, Second{float64(n + 1), 12, 12, 12, 0, 144, 80, 150, 160})
	}
	if died {
		r.Connections, r.Messages, r.Lost = attempts(12, 57), attempts(400, 320), 12
		r.Failures = []Failure{{ofMessages, "not answered by the end", 320}, {ofConnections, "connection refused", 57}, {ofLosses, "ended without a goodbye", 12}}
		for n := 33; n < 60; n++ {
			r.Course[n] = Second{At: float64(n + 1), Sent: 12}
		}
		r.Generator.CPU = 0.93
		r.Generator.judge(0)
	}
	r.Assessment = assess(r, &o)
	return r
}

func TestTextReport(t *testing.T) {
	for name, died := range map[string]bool{"passed.txt": false, "failed.txt": true} {
		var text strings.Builder
		if err := sample(died).WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden(t, name, text.String())
	}
}

// The page of a report, by what of it is structure.
func TestPage(t *testing.T) {
	for name, died := range map[string]bool{"passed.outline": false, "failed.outline": true} {
		var page strings.Builder
		if err := sample(died).WriteHTML(&page); err != nil {
			t.Fatal(err)
		}
		golden(t, name, outline(t, page.String()))
		if loads := regexp.MustCompile(`(?i)(src|href|@import|url\()[= "']`).FindString(page.String()); loads != "" {
			t.Errorf("the page needs something beside itself: %s", loads)
		}
	}
}

var heading = regexp.MustCompile(`<(title|h1|h2|small)>([^<]*)<|class="(pill[^"]*|tile [^"]*|limit)"|(?s)<svg .*?</svg>`)

// outline is the headings of a page, its verdicts, and of each picture what is
// in it.
func outline(t *testing.T, page string) string {
	var b strings.Builder
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		switch {
		case m[1] == "title" && strings.Contains(m[0], "ms"): // of a bar
		case m[1] != "":
			fmt.Fprintf(&b, "%s: %s\n", m[1], m[2])
		case m[3] != "":
			fmt.Fprintln(&b, m[3])
		default:
			drawn := parseSVG(t, m[0])
			fmt.Fprintf(&b, "picture: %s\n", drawn.label)
			for _, class := range []string{"bar", "bar over", "sent", "dot", "mark", "allowed", "p50", "p99", "connected"} {
				if n := drawn.count[class]; n > 0 {
					fmt.Fprintf(&b, "  %d %s\n", n, class)
				}
			}
			for _, text := range drawn.texts {
				fmt.Fprintf(&b, "  %q\n", text)
			}
		}
	}
	return b.String()
}

// svg is what a picture consists of.
type svg struct {
	label string
	count map[string]int
	texts []string
	bars  [][4]float64 // x, y, width, height
}

func parseSVG(t *testing.T, text string) *svg {
	t.Helper()
	s := &svg{count: make(map[string]int)}
	d := xml.NewDecoder(strings.NewReader(text))
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			t.Fatalf("the picture is not well formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := make(map[string]string)
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			inText = e.Name.Local == "text"
			if e.Name.Local == "svg" {
				s.label = attr["aria-label"]
			} else if !inText {
				s.count[attr["class"]]++
			}
			if strings.HasPrefix(attr["class"], "bar") {
				var bar [4]float64
				for i, name := range []string{"x", "y", "width", "height"} {
					bar[i], err = strconv.ParseFloat(attr[name], 64)
					if err != nil {
						t.Fatalf("a bar's %s: %v", name, err)
					}
				}
				s.bars = append(s.bars, bar)
			}
		case xml.CharData:
			if inText {
				s.texts = append(s.texts, string(e))
			}
		case xml.EndElement:
			inText = false
		}
	}
}

// The bars of the distribution stand side by side in the picture, and their
// heights are as the counts.
func TestDistributionIsDrawnToScale(t *testing.T) {
	r := sample(false)
	p := r.distribution()
	if len(p.Rects) != len(r.Distribution) {
		t.Fatalf("%d bars of %d", len(p.Rects), len(r.Distribution))
	}
	perCount := 0.0
	for i, bar := range p.Rects {
		if bar.X < 0 || bar.Y < 0 || bar.X+bar.W > p.Width || bar.Y+bar.H > p.Height || bar.H < 0 {
			t.Errorf("bar %d leaves the picture: %+v", i, bar)
		}
		if i > 0 && bar.X < p.Rects[i-1].X+p.Rects[i-1].W {
			t.Errorf("bar %d stands in the one before", i)
		}
		if n := float64(r.Distribution[i].Count); n > 500 {
			if perCount == 0 {
				perCount = bar.H / n
			}
			if !near(bar.H/n, perCount) {
				t.Errorf("bar %d is %.1f high for a count of %.0f, others %.3f each", i, bar.H, n, perCount)
			}
		}
	}
}

// What a name says stays text.
func TestPageEscapes(t *testing.T) {
	r := sample(false)
	r.Load.Targets = []string{`https://a/<script>alert(1)</script>`}
	r.Failures = []Failure{{ofMessages, `"><img onerror=x>`, 1}}
	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script>") || strings.Contains(page.String(), "<img") {
		t.Error("the page has an element that is somebody's name")
	}
}

// A run in which nothing was delivered has a page too.
func TestPageOfNothing(t *testing.T) {
	o := Defaults()
	r := &Report{Load: o.load(), Thresholds: o.Thresholds.asked(), TargetUsers: 12}
	r.Assessment = assess(r, &o)
	var page, text strings.Builder
	if err := errors.Join(r.WriteHTML(&page), r.WriteText(&text)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "Nothing was delivered") || !strings.Contains(text.String(), "Assessment: FAILED") {
		t.Errorf("%s\n%s", &text, &page)
	}
}

// The names in the JSON are a promise to those who read it in CI.
func TestJSONReport(t *testing.T) {
	text, err := json.Marshal(sample(true))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Duration    float64 `json:"duration_seconds"`
		TargetUsers int     `json:"target_users"`
		Connections struct {
			Made, Succeeded, Failed int
			SuccessRate             float64 `json:"success_rate"`
		}
		Messages struct {
			Made, Succeeded, Failed int
			SuccessRate             float64 `json:"success_rate"`
		}
		Latency    struct{ Mean, Min, P50, P99, Max float64 }
		Assessment struct {
			Passed bool
			Checks []struct {
				Passed          bool
				Name, Is, Asked string
			}
		}
		Generator struct {
			Limit bool
			Signs []string
		}
		Verification struct{ Contradictions, Deliveries int }
		Failures     []struct {
			Of, Reason string
			Count      int
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Duration != 60 || r.TargetUsers != 12 || r.Connections.Made != 69 || r.Connections.Succeeded != 12 || r.Connections.Failed != 57 ||
		r.Messages.Made != 720 || r.Messages.Succeeded != 400 || r.Messages.Failed != 320 || !near(r.Messages.SuccessRate, 0.5556) ||
		!near(r.Connections.SuccessRate, 0.1739) {
		t.Errorf("%+v", r)
	}
	if l := r.Latency; l.Min <= 0 || l.Min > l.P50 || l.P50 > l.P99 || l.P99 > l.Max || l.Mean <= 0 {
		t.Errorf("latency %+v", l)
	}
	if r.Assessment.Passed || len(r.Assessment.Checks) != 4 || !r.Generator.Limit || len(r.Generator.Signs) != 1 ||
		r.Verification.Deliveries != 8700 || len(r.Failures) != 3 || r.Failures[0].Count != 320 {
		t.Errorf("%+v", r)
	}
}

func TestAssessment(t *testing.T) {
	good := func() *Report {
		return &Report{Connections: attempts(95, 5), Messages: attempts(95, 5), Latency: Latency{Count: 1, Mean: 200, P99: 900}}
	}
	for name, c := range map[string]struct {
		edit   func(r *Report, o *Options)
		failed string // the names of the checks that are missed
	}{
		"just enough":            {func(*Report, *Options) {}, ""},
		"a connection less":      {func(r *Report, _ *Options) { r.Connections = attempts(94, 6) }, "connection success"},
		"a message less":         {func(r *Report, _ *Options) { r.Messages = attempts(94, 6) }, "message success"},
		"too slow":               {func(r *Report, _ *Options) { r.Latency.Mean = 200.1 }, "mean latency"},
		"p99 is not looked at":   {func(r *Report, _ *Options) { r.Latency.P99 = 1e6 }, ""},
		"p99 too slow":           {func(r *Report, o *Options) { o.Thresholds.P99Latency = 800 * time.Millisecond }, "p99 latency"},
		"nothing":                {func(r *Report, _ *Options) { *r = Report{} }, "connection success, message success, mean latency"},
		"silent members":         {func(r *Report, o *Options) { o.Rate, r.Messages, r.Latency = 0, Attempts{}, Latency{} }, ""},
		"other thresholds":       {func(r *Report, o *Options) { o.Thresholds.ConnectionSuccess = 0.96 }, "connection success"},
		"a contradiction":        {func(r *Report, _ *Options) { r.Verification = &Verification{Contradictions: 1, Deliveries: 10} }, "delivery"},
		"judged, nothing to see": {func(r *Report, _ *Options) { r.Verification = &Verification{} }, "delivery"},
		"judged well":            {func(r *Report, _ *Options) { r.Verification = &Verification{Deliveries: 10} }, ""},
	} {
		r, o := good(), Defaults()
		c.edit(r, &o)
		a := assess(r, &o)
		var failed []string
		for _, check := range a.Checks {
			if !check.Passed {
				failed = append(failed, check.Name)
			}
		}
		if got := strings.Join(failed, ", "); got != c.failed || a.Passed != (c.failed == "") {
			t.Errorf("%s: missed %q, passed %v; want %q", name, got, a.Passed, c.failed)
		}
	}
}

// A share that is not all is not shown as all.
func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{1: "100 %", 0.999999: "99.99 %", 0.95: "95 %", 0.12345: "12.35 %", 0: "0 %"} {
		if got := percent(share); got != want {
			t.Errorf("%v is %q, not %q", share, got, want)
		}
	}
}
