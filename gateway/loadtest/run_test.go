package loadtest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
	"github.com/plenum-gateway/plenum/pkg/wstest"
)

// small is a run of 4 members who send 10 messages each.
func small() Options {
	o := Defaults()
	o.Targets, o.Session = []string{"ws://plenum.test"}, "s"
	o.Members, o.Rate, o.Duration, o.Verify = 4, 0.5, 20*time.Second, true
	return o
}

// perform runs a load test against a double, in virtual time.
func perform(t *testing.T, o Options, edit func(d *double), test func(r *Report)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(t)
		edit(d)
		srv := wstest.NewServer(t, d)
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		run := newRun(o, newClock(), srv.DialContext)
		if err := run.setUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(run.perform(t.Context()))
	})
}

func near(got, want float64) bool { return math.Abs(got-want) <= want/100 }

func TestEverythingSucceeds(t *testing.T) {
	for _, kind := range []Kind{Broadcast, Document} {
		o := small()
		o.Kind = kind
		perform(t, o, func(d *double) { d.delay = func(time.Duration) time.Duration { return 50 * time.Millisecond } }, func(r *Report) {
			if r.Connections != (Attempts{4, 4, 0, 1}) || r.Messages != (Attempts{40, 40, 0, 1}) || r.Deliveries != 160 || r.Latency.Count != 160 {
				t.Errorf("%s: connections %+v, messages %+v, %d deliveries, latency %+v", kind, r.Connections, r.Messages, r.Deliveries, r.Latency)
			}
			for _, ms := range []float64{r.Latency.Min, r.Latency.Mean, r.Latency.P50, r.Latency.P99, r.Latency.Max} {
				if !near(ms, 50) {
					t.Errorf("%s: every latency is 50 ms, not %+v", kind, r.Latency)
				}
			}
			if v := r.Verification; v.Contradictions != 0 || v.Deliveries != 160 || v.Acknowledged != 40 {
				t.Errorf("%s: judged %+v", kind, v)
			}
			if !r.Assessment.Passed || r.Duration != 20 || r.EndedEarly != "" || len(r.Failures) > 0 {
				t.Errorf("%s: assessment %+v after %v s, %q, %v", kind, r.Assessment, r.Duration, r.EndedEarly, r.Failures)
			}
		})
	}
}

// A gateway that stands still for half of the load is not waited for: what was
// due meanwhile has waited, and says so.
func TestAGatewayThatStandsStillShows(t *testing.T) {
	stands := func(at time.Duration) time.Duration { return max(0, 15*time.Second-at) } // until then
	o := small()
	o.Verify = false
	perform(t, o, func(d *double) { d.delay = stands }, func(r *Report) {
		if r.Messages != (Attempts{40, 40, 0, 1}) {
			t.Errorf("messages %+v", r.Messages)
		}
		// The load begins at most a second in and messages are due evenly: three quarters of them
		// waited, 7 s on average.
		if r.Latency.Mean < 4500 || r.Latency.Max < 11_000 || r.Assessment.Passed {
			t.Errorf("latency %+v, passed %v", r.Latency, r.Assessment.Passed)
		}
		if g := r.Generator; g.Limit {
			t.Errorf("it is not the load generator's doing: %+v", g)
		}
	})
}

func TestWhatIsUnderWayAtTheEndIsWaitedFor(t *testing.T) {
	perform(t, small(), func(d *double) { d.delay = func(time.Duration) time.Duration { return 5 * time.Second } }, func(r *Report) {
		if r.Messages != (Attempts{40, 40, 0, 1}) || r.Deliveries != 160 || !near(r.Latency.Min, 5000) || !near(r.Latency.Max, 5000) {
			t.Errorf("messages %+v, %d deliveries, latency %+v", r.Messages, r.Deliveries, r.Latency)
		}
		if r.Duration != 20 || r.Verification.Contradictions != 0 || r.Verification.Unknown != 0 {
			t.Errorf("%v s, judged %+v", r.Duration, r.Verification)
		}
	})
}

func TestWhatIsNeverAnsweredHasFailed(t *testing.T) {
	dies := func(at time.Duration) time.Duration {
		if at > 10*time.Second {
			return time.Hour
		}
		return 0
	}
	perform(t, small(), func(d *double) { d.delay = dies }, func(r *Report) {
		if m := r.Messages; m.Made != 40 || m.Failed < 14 || m.Failed > 26 || m.Succeeded+m.Failed != 40 {
			t.Errorf("messages %+v", m)
		}
		if len(r.Failures) != 1 || r.Failures[0] != (Failure{ofMessages, errUnanswered.Error(), r.Messages.Failed}) {
			t.Errorf("failures %+v", r.Failures)
		}
		if r.Assessment.Passed || r.Verification.Contradictions != 0 || int64(r.Verification.Unknown) != r.Messages.Failed {
			t.Errorf("assessment %+v, judged %+v", r.Assessment, r.Verification)
		}
	})
}

func TestMembersThatAreRefusedAreCounted(t *testing.T) {
	full := &wire.Error{Code: wire.CodeSessionFull, Message: "full", Close: wire.CloseSessionFull}
	refuse := func(n int) *wire.Error {
		if n == 2 {
			return full
		}
		return nil
	}
	perform(t, small(), func(d *double) { d.join = refuse }, func(r *Report) {
		if r.Connections != (Attempts{4, 3, 1, 0.75}) || r.Messages != (Attempts{30, 30, 0, 1}) || r.Assessment.Passed {
			t.Errorf("connections %+v, messages %+v", r.Connections, r.Messages)
		}
		if want := "session_full, closed with 4509: full"; len(r.Failures) != 1 || r.Failures[0].Reason != want {
			t.Errorf("failures %+v", r.Failures)
		}
	})
	perform(t, small(), func(d *double) { d.join = func(int) *wire.Error { return full } }, func(r *Report) {
		if r.Connections != (Attempts{4, 0, 4, 0}) || r.Duration > 1 || !strings.Contains(r.EndedEarly, "no member was left") {
			t.Errorf("connections %+v, ended after %v s: %q", r.Connections, r.Duration, r.EndedEarly)
		}
	})
}

// Of a member who is removed, everything that is due later has failed: somebody
// cannot say what they want to.
func TestMembersThatArePutOutAreCounted(t *testing.T) {
	removed := &wire.Error{Code: wire.CodeRemoved, Message: "removed", Close: wire.CloseRemoved}
	o := small()
	o.Verify = false
	perform(t, o, func(d *double) {
		d.expel = func(j *wire.Join) (time.Duration, *wire.Error) {
			if j.Name == "load 3" {
				return 10 * time.Second, removed
			}
			return 0, nil
		}
	}, func(r *Report) {
		if m := r.Messages; m.Made != 40 || m.Failed < 4 || m.Failed > 6 || r.Lost != 1 || r.Connections != (Attempts{4, 4, 0, 1}) {
			t.Errorf("messages %+v, %d lost, connections %+v", m, r.Lost, r.Connections)
		}
		want := []Failure{{ofMessages, errPutOut.Error(), r.Messages.Failed}, {ofLosses, "removed, closed with 4505: removed", 1}}
		if !slices.Equal(r.Failures, want) {
			t.Errorf("failures %+v, not %+v", r.Failures, want)
		}
	})
}

// Members that reconnect on purpose resume, say nothing meanwhile, and what came
// while they were away is not taken for slow.
func TestReconnects(t *testing.T) {
	o := small()
	o.Reconnects, o.Duration, o.Rate = 6, time.Minute, 50
	perform(t, o, func(*double) {}, func(r *Report) {
		if r.Reconnects != 4*6 || r.Connections != (Attempts{28, 28, 0, 1}) || r.Lost != 0 {
			t.Errorf("%d reconnects, connections %+v, %d lost", r.Reconnects, r.Connections, r.Lost)
		}
		const due = 4 * 50 * 60
		if m := r.Messages; m.Failed != 0 || m.Made >= due || m.Made < due*9/10 || r.Deliveries != 4*m.Made {
			t.Errorf("messages %+v, %d deliveries", m, r.Deliveries)
		}
		if r.CaughtUp == 0 || r.Latency.Max > 1 {
			t.Errorf("%d deliveries were caught up with, the others have latencies %+v", r.CaughtUp, r.Latency)
		}
		if v := r.Verification; v.Contradictions != 0 || v.Resumes != 4*6 {
			t.Errorf("judged %+v", v)
		}
	})
}

// An attempt that nobody has answered when the run ends has failed, like those
// that were given up.
func TestAttemptsThatHangAreCounted(t *testing.T) {
	o := small()
	o.Verify, o.Duration = false, 25*time.Second // it ends amidst the fourth attempt
	perform(t, o, func(d *double) { d.hangs = func(j *wire.Join) bool { return j.Name == "load 3" } }, func(r *Report) {
		if c := r.Connections; c.Succeeded != 3 || c.Failed != 4 || r.Assessment.Passed {
			t.Errorf("connections %+v", c)
		}
		want := []Failure{{ofConnections, "no answer in time", r.Connections.Failed - 1}, {ofConnections, errUnanswered.Error(), 1}}
		if !slices.Equal(r.Failures, want) {
			t.Errorf("failures %+v, not %+v", r.Failures, want)
		}
	})
}

// A delivery that is wrong is found by -verify, and fails the run.
func TestWrongDeliveryFails(t *testing.T) {
	twist := func(e *wire.Event) {
		if e.Offset == 20 {
			e.Data = bytes.Replace(e.Data, []byte(`"pad":"`), []byte(`"pad":"-`), 1)
		}
	}
	perform(t, small(), func(d *double) { d.twist = twist }, func(r *Report) {
		if r.Assessment.Passed || r.Verification.Contradictions != 1 || !strings.Contains(r.Verification.First, "as it was sent") {
			t.Errorf("passed %v, judged %+v", r.Assessment.Passed, r.Verification)
		}
		if r.Messages != (Attempts{40, 40, 0, 1}) {
			t.Errorf("messages %+v", r.Messages)
		}
	})
}

// Everybody joins with a token and the passcode, and the members of a session are
// dealt out over the targets.
func TestJoinsAreAsTheOptionsSay(t *testing.T) {
	o := small()
	o.Targets = []string{"ws://first.test", "ws://second.test"}
	o.Sessions, o.Members, o.Tokens, o.Passcode, o.Gzip = 2, 2, []string{"one", "two", "three"}, "open", true
	o.Verify, o.Duration = false, 2*time.Second
	var got []string
	perform(t, o, func(d *double) {
		d.seen = func(r *http.Request, j *wire.Join) {
			got = append(got, fmt.Sprintf("%s %s %s %s %s %v", r.Host, r.URL.Query().Get("session"), j.Name, j.Token, j.Passcode, j.Accept))
		}
	}, func(r *Report) {
		slices.Sort(got)
		want := []string{
			"first.test s-0 load 0 one open [gzip]",
			"first.test s-1 load 3 one open [gzip]",
			"second.test s-0 load 2 three open [gzip]",
			"second.test s-1 load 1 two open [gzip]",
		}
		if !slices.Equal(got, want) {
			t.Errorf("joins\n%s", strings.Join(got, "\n"))
		}
	})
}

func TestAnInterruptEndsTheLoadWithAReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewServer(t, newDouble(t))
		run := newRun(small(), newClock(), srv.DialContext)
		ctx, stop := context.WithTimeout(t.Context(), 11*time.Second)
		defer stop()
		r := run.perform(ctx)
		if r.EndedEarly != "interrupted" || r.Duration > 11 || r.Messages.Made < 16 || r.Messages.Made > 24 || r.Messages.Failed != 0 {
			t.Errorf("ended %q after %v s, messages %+v", r.EndedEarly, r.Duration, r.Messages)
		}
	})
}
