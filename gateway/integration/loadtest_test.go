package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/loadtest"
)

// builtLoadtest builds the load test once, for all tests that run it. The
// binary is put beside the gateway's, which goes when the tests end.
var builtLoadtest = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(program), "plenum-loadtest")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/loadtest").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

// startLoadtest runs the load test. What it measures must not decide a test on a
// machine that is busy, so any latency will do.
func startLoadtest(t testing.TB, args ...string) *process {
	t.Helper()
	path, err := builtLoadtest()
	if err != nil {
		t.Fatalf("building the load test: %v\n%s", err, path)
	}
	args = append([]string{"-mean-latency", "10m", "-patience", "30s"}, args...)
	return startProcess(t, "loadtest", exec.Command(path, args...), syscall.SIGKILL)
}

// loadtestReport waits for the end of a load test, and reads its report.
func loadtestReport(t testing.TB, p *process, file string, code int) *loadtest.Report {
	t.Helper()
	if got := p.Wait(t); got != code {
		t.Fatalf("exit code %d, not %d:\n%s", got, code, p.log)
	}
	r := new(loadtest.Report)
	if err := json.Unmarshal([]byte(readFile(t, file)), r); err != nil {
		t.Fatalf("the report as JSON: %v", err)
	}
	return r
}

// underLoad waits until the load has gone on for a second.
func underLoad(t testing.TB, p *process) {
	t.Helper()
	p.log.await(t, "the load to begin", func(text string) bool { return aSecondIn.MatchString(text) || p.over() })
}

var aSecondIn = regexp.MustCompile(`under load [1-9]`)

func TestLoadTestPasses(t *testing.T) {
	t.Parallel()
	one := startGateway(t)
	_, both := replicas(t)
	for name, c := range map[string]struct {
		args       string
		users      int64
		sent       int64 // a member sends so often in 3 s, whatever its phase
		reconnects bool
	}{
		"the embedded log":         {"-target " + one.URL() + " -rate 4 -members 12", 12, 12 * 12, false},
		"documents on two targets": {"-target " + both[0].URL() + "," + both[1].URL() + " -kind document -sessions 3 -members 4 -rate 3 -size 100-2000 -gzip", 12, 12 * 9, false},
		"reconnects":               {"-target " + both[0].URL() + " -target " + both[1].URL() + " -members 10 -rate 4 -reconnects 30", 10, 10 * 12, true},
		"silent members":           {"-target " + one.URL() + " -rate 0 -sessions 2", 24, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, page := filepath.Join(t.TempDir(), "report.json"), filepath.Join(t.TempDir(), "report.html")
			args := append(strings.Fields(c.args), "-duration", "3s", "-verify", "-json", file, "-html", page)
			r := loadtestReport(t, startLoadtest(t, args...), file, 0)
			if !r.Assessment.Passed || r.Connections.Failed != 0 || r.Messages.Failed != 0 || r.Lost != 0 || len(r.Failures) != 0 {
				t.Errorf("%+v %+v %+v %v", r.Assessment, r.Connections, r.Messages, r.Failures)
			}
			if v := r.Verification; v.Contradictions != 0 || int64(v.Acknowledged) != r.Messages.Made || v.Deliveries == 0 {
				t.Errorf("judged %+v", v)
			}
			if c.reconnects {
				// Who is away on purpose says nothing.
				if r.Reconnects == 0 || r.Connections.Made != c.users+r.Reconnects || int64(r.Verification.Resumes) != r.Reconnects || r.Messages.Made > c.sent {
					t.Errorf("%d reconnects, %d resumes, connections %+v, messages %+v", r.Reconnects, r.Verification.Resumes, r.Connections, r.Messages)
				}
			} else if r.Connections.Made != c.users || r.Messages.Made != c.sent {
				t.Errorf("%d connections, %d messages; want %d and %d", r.Connections.Made, r.Messages.Made, c.users, c.sent)
			}
			if each := int64(r.Load.Members); r.Deliveries != each*r.Messages.Made {
				t.Errorf("%d deliveries of %d messages to %d members each", r.Deliveries, r.Messages.Made, each)
			}
			if !strings.Contains(readFile(t, page), "</svg>") {
				t.Error("the page has no picture")
			}
		})
	}
}

// Estimation rounds: everybody votes, somebody reveals, and the next round begins.
func TestLoadTestOfEstimationRounds(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := startLoadtest(t, "-target", both[0].URL()+","+both[1].URL(), "-kind", "estimation", "-sessions", "2", "-members", "6", "-rate", "4", "-duration", "4s", "-json", file)
	r := loadtestReport(t, p, file, 0)
	// Each session has at least one whole round in 16 moments: six votes, a reveal, another round.
	if r.Messages.Failed != 0 || r.Messages.Made < 2*(6+2) || r.Messages.Made > 12*16 || r.Deliveries < 2*6*(6+2) || r.Latency.Count != r.Deliveries {
		t.Errorf("messages %+v, %d deliveries, latency %+v, %v", r.Messages, r.Deliveries, r.Latency, r.Failures)
	}
}

// A gateway that is gone for good fails the run, and the report says why.
func TestLoadTestFailsWhenTheGatewayIsKilled(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := startLoadtest(t, "-target", g.URL(), "-rate", "5", "-duration", "4s", "-patience", "2s", "-verify", "-json", file)
	underLoad(t, p)
	g.Kill()
	r := loadtestReport(t, p, file, 1)
	if r.Assessment.Passed || r.Messages.Failed == 0 || r.Messages.Made != 12*20 || r.Connections.Succeeded != 12 || r.Connections.Failed == 0 || r.Lost != 12 {
		t.Errorf("messages %+v, connections %+v, %d lost", r.Messages, r.Connections, r.Lost)
	}
	if r.Verification.Contradictions != 0 {
		t.Errorf("a crash is no contradiction: %s", r.Verification.First)
	}
	for _, what := range []string{"Assessment: FAILED", "FAILED  message success", "FAILED  connection success", "connection refused", "not answered by the end"} {
		if !strings.Contains(p.log.String(), what) {
			t.Errorf("it does not say %q:\n%s", what, p.log)
		}
	}
}

// A gateway that stands still until the load is over answers everything then. It
// was not waited for: as much was sent, and the latencies say how long it took.
func TestLoadTestShowsAGatewayThatStandsStill(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := startLoadtest(t, "-target", g.URL(), "-rate", "5", "-duration", "5s", "-json", file)
	underLoad(t, p)
	g.signal(syscall.SIGSTOP)
	p.log.await(t, "the load to end", func(text string) bool { return strings.Contains(text, "settling") || p.over() })
	g.signal(syscall.SIGCONT)
	r := loadtestReport(t, p, file, 0)
	if r.Messages.Made != 12*25 || r.Messages.Failed != 0 || r.Deliveries != 12*12*25 {
		t.Errorf("messages %+v, %d deliveries", r.Messages, r.Deliveries)
	}
	if r.Latency.Max < 2000 || r.Latency.Mean < 500 {
		t.Errorf("the gateway stood still for seconds, and the latency is %+v", r.Latency)
	}
}

func TestLoadTestIsInterrupted(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := startLoadtest(t, "-target", g.URL(), "-rate", "10", "-duration", "1h", "-json", file)
	underLoad(t, p)
	p.signal(syscall.SIGINT)
	r := loadtestReport(t, p, file, 0)
	if r.EndedEarly != "interrupted" || r.Duration > patience.Seconds() || r.Messages.Made == 0 || r.Messages.Failed != 0 {
		t.Errorf("ended %q after %v s, messages %+v", r.EndedEarly, r.Duration, r.Messages)
	}
}

// Without a target it starts a gateway of its own, whose limits suit the run, and
// ends it.
func TestLoadTestStartsAGateway(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	p := startLoadtest(t, "-gateway", program, "-members", "70", "-rate", "30", "-duration", "1s", "-json", file)
	r := loadtestReport(t, p, file, 0)
	if r.Connections.Succeeded != 70 || r.Messages.Succeeded != 70*30 || r.Messages.Failed != 0 {
		t.Errorf("connections %+v, messages %+v, %v", r.Connections, r.Messages, r.Failures)
	}
	address, ok := strings.CutPrefix(r.Load.Targets[0], "http://")
	if !ok {
		t.Fatalf("targets %v", r.Load.Targets)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("its gateway still runs")
	}
}

func TestLoadTestSaysWhatIsWrongWithItsSetUp(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "PLENUM_SESSION_CREATE=api", "PLENUM_SESSION_CAPACITY=5")
	nobody := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	broken := filepath.Join(t.TempDir(), "gateway")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho no such luck >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args string
		code int
		says []string
	}{
		"flags":         {"-members none -rate -1", 2, []string{"-members none", "-rate -1"}},
		"nobody":        {"-target " + nobody, 2, []string{"-target " + nobody, "nobody answers there", "refused"}},
		"half there":    {"-target " + g.URL() + "," + nobody, 2, []string{"-target " + nobody}},
		"no file":       {"-target " + g.URL() + " -json /does/not/exist", 2, []string{"-json", "/does/not/exist"}},
		"no gateway":    {"-gateway /does/not/exist", 2, []string{"-gateway /does/not/exist"}},
		"ends at once":  {"-gateway " + broken, 2, []string{"-gateway " + broken, "ended at once", "no such luck"}},
		"none lets in":  {"-target " + g.URL(), 1, []string{"no_such_session", "no member was left", "connection success"}},
		"more than fit": {"-target " + g.URL() + " -api-key unused -duration 1s", 1, []string{"session_full", "FAILED  connection success"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startLoadtest(t, strings.Fields(c.args)...)
			if got := p.Wait(t); got != c.code {
				t.Errorf("exit code %d, not %d:\n%s", got, c.code, p.log)
			}
			for _, what := range c.says {
				if !strings.Contains(p.log.String(), what) {
					t.Errorf("it does not say %q:\n%s", what, p.log)
				}
			}
		})
	}
}

// The report on paper has the figures by name, each in a line of its own.
func TestLoadTestReportHasItsFigures(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := startLoadtest(t, "-target", g.URL(), "-duration", "1s", "-quiet")
	if code := p.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for name, value := range map[string]string{"Duration": `[1-9]\d*\.\d s`, "Target users": "12", "Connections made": "12", "Connections succeeded": "12",
		"Connections failed": "0", "Messages sent": "12", "Messages succeeded": "12", "Messages failed": "0",
		"Latency mean": `[\d.]+ m?s`, "Latency min": `[\d.]+ m?s`, "Latency p50": `[\d.]+ m?s`, "Latency p99": `[\d.]+ m?s`, "Latency max": `[\d.]+ m?s`,
		"Connection success rate": "100 %", "Message success rate": "100 %", "Assessment:": "passed"} {
		if !regexp.MustCompile(`(?m)^` + name + ` +` + value + `$`).MatchString(p.log.String()) {
			t.Errorf("there is no line %s %s:\n%s", name, value, p.log)
		}
	}
}
