package loadtest

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Report is what a run found. Times are in milliseconds where a name does not say
// otherwise, shares go from 0 to 1.
type Report struct {
	Began      time.Time `json:"began"`
	Load       Load      `json:"load"`
	Duration   float64   `json:"duration_seconds"`      // of the load
	EndedEarly string    `json:"ended_early,omitempty"` // why

	TargetUsers int      `json:"target_users"`
	Connections Attempts `json:"connections"`
	Messages    Attempts `json:"messages"`
	Latency     Latency  `json:"latency"` // from the moment a message was due to each member who was given it

	Lost       int64   `json:"connections_lost"` // not by the load test's doing
	Reconnects int64   `json:"reconnects"`       // connections that it dropped itself
	Joins      Latency `json:"joins"`            // from dialing to the welcome
	Deliveries int64   `json:"deliveries"`
	Frames     int64   `json:"frames"`         // that brought events to a member
	Received   int64   `json:"received_bytes"` // by all members
	CaughtUp   int64   `json:"caught_up"`      // of the deliveries; not in Latency: they came while a member was away by the load test's doing

	Thresholds   Asked         `json:"thresholds"`
	Assessment   Assessment    `json:"assessment"`
	Generator    Generator     `json:"generator"`
	Verification *Verification `json:"verification,omitempty"`
	Failures     []Failure     `json:"failures"`
	Distribution []Bar         `json:"distribution"` // of Latency
	Course       []Second      `json:"course"`
}

// Load is what was asked for.
type Load struct {
	Targets    []string `json:"targets"`
	Kind       Kind     `json:"kind"`
	Session    string   `json:"session"` // the ids begin with it
	Sessions   int      `json:"sessions"`
	Members    int      `json:"members"` // in each
	Rate       float64  `json:"rate"`    // messages a second of each member
	Size       string   `json:"size"`    // bytes of each
	Reconnects float64  `json:"reconnects_per_minute"`
	Seconds    float64  `json:"seconds"`
}

// Asked are the thresholds, as a report has them.
type Asked struct {
	ConnectionSuccess float64 `json:"connection_success"`
	MessageSuccess    float64 `json:"message_success"`
	MeanLatencyMS     float64 `json:"mean_latency"`
	P99LatencyMS      float64 `json:"p99_latency"` // 0: not looked at
}

// String is the load in a sentence.
func (l Load) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s of %s", l.Kind, count(l.Sessions, "session"), count(l.Members, "member"))
	if l.Rate > 0 {
		fmt.Fprintf(&b, ", from each %g a second of %s bytes", l.Rate, l.Size)
	} else {
		b.WriteString(", silent")
	}
	if l.Reconnects > 0 {
		fmt.Fprintf(&b, ", each back anew %g times a minute", l.Reconnects)
	}
	fmt.Fprintf(&b, ", on %s", strings.Join(l.Targets, ", "))
	return b.String()
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// Attempts are connections, or messages: made, and how they ended.
type Attempts struct {
	Made        int64   `json:"made"`
	Succeeded   int64   `json:"succeeded"`
	Failed      int64   `json:"failed"`
	SuccessRate float64 `json:"success_rate"` // 0 if none was made
}

func attempts(succeeded, failed int64) Attempts {
	a := Attempts{Made: succeeded + failed, Succeeded: succeeded, Failed: failed}
	if a.Made > 0 {
		a.SuccessRate = float64(succeeded) / float64(a.Made)
	}
	return a
}

// report puts everything together, when every member has gone.
func (r *run) report(began time.Time, lasted time.Duration, why string, g Generator) *Report {
	t, all := &r.tally, r.meter.all()
	report := &Report{
		Began: began.UTC().Truncate(time.Second), Load: r.o.load(), Duration: round(lasted.Seconds()), EndedEarly: why,
		TargetUsers: len(r.members), Connections: attempts(t.joined.Load(), t.refused.Load()),
		Messages: attempts(t.settled.Load(), t.failed.Load()), Latency: latencyOf(all),
		Lost: t.lost.Load(), Reconnects: t.reconnects.Load(), Joins: latencyOf(r.joins.total),
		Deliveries: t.deliveries.Load(), Frames: t.frames.Load(), Received: t.received.Load(), CaughtUp: t.caughtUp.Load(),
		Thresholds: r.o.Thresholds.asked(), Generator: g, Verification: r.judge(), Failures: t.list(), Distribution: barsOf(all), Course: r.looks.course.list,
	}
	report.Assessment = assess(report, &r.o)
	return report
}

func (o *Options) load() Load {
	return Load{Targets: o.Targets, Kind: o.Kind, Session: o.Session, Sessions: o.Sessions, Members: o.Members, Rate: o.Rate,
		Size: o.Size.String(), Reconnects: o.Reconnects, Seconds: o.Duration.Seconds()}
}

func (t *Thresholds) asked() Asked {
	return Asked{t.ConnectionSuccess, t.MessageSuccess, ms(t.MeanLatency), ms(t.P99Latency)}
}

// percent is a share as people read it. One that is not all is not rounded up
// to all.
func percent(share float64) string {
	hundredths := math.Round(share * 10_000)
	if share < 1 {
		hundredths = min(hundredths, 9_999)
	}
	return fmt.Sprintf("%g %%", hundredths/100)
}

// millisText is a duration in milliseconds, with three figures.
func millisText(ms float64) string {
	switch {
	case ms >= 10_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}
