package loadtest

import (
	"fmt"
	"io"
	"strings"
)

// figures are the figures of the report, in its order.
func (r *Report) figures() [][2]string {
	number := func(n int64) string { return fmt.Sprint(n) }
	l := func(ms float64) string {
		if r.Latency.Count == 0 {
			return "-"
		}
		return millisText(ms)
	}
	rate := func(a Attempts) string {
		if a.Made == 0 {
			return "-"
		}
		return percent(a.SuccessRate)
	}
	return [][2]string{
		{"Duration", fmt.Sprintf("%.1f s", r.Duration)},
		{"Target users", fmt.Sprint(r.TargetUsers)},
		{"Connections made", number(r.Connections.Made)},
		{"Connections succeeded", number(r.Connections.Succeeded)},
		{"Connections failed", number(r.Connections.Failed)},
		{"Messages sent", number(r.Messages.Made)},
		{"Messages succeeded", number(r.Messages.Succeeded)},
		{"Messages failed", number(r.Messages.Failed)},
		{"Latency mean", l(r.Latency.Mean)},
		{"Latency min", l(r.Latency.Min)},
		{"Latency p50", l(r.Latency.P50)},
		{"Latency p99", l(r.Latency.P99)},
		{"Latency max", l(r.Latency.Max)},
		{"Connection success rate", rate(r.Connections)},
		{"Message success rate", rate(r.Messages)},
	}
}

// beside are sentences about what the figures leave open.
func (r *Report) beside() (lines []string) {
	say := func(when bool, format string, args ...any) {
		if when {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	say(r.EndedEarly != "", "The load ended early: %s.", r.EndedEarly)
	say(r.Deliveries > 0, "%d deliveries, %.0f a second, in %d frames; a delivery is one message at one member. Members received %.1f MB.",
		r.Deliveries, float64(r.Deliveries)/max(r.Duration, 0.001), r.Frames, float64(r.Received)/1e6)
	say(r.Joins.Count > 0, "From dialing to the welcome: %s (p50), %s (p99), %s (max).", millisText(r.Joins.P50), millisText(r.Joins.P99), millisText(r.Joins.Max))
	say(r.Reconnects > 0, "%d connections were dropped on purpose; %d deliveries came when their members were back, and are not in the latency.", r.Reconnects, r.CaughtUp)
	say(r.Lost > 0, "%d connections were lost.", r.Lost)
	if v := r.Verification; v != nil {
		say(true, "Judged: %d deliveries of %d events; %d requests took effect, %d were refused, of %d nobody knows; %d exact resumes, %d snapshots.",
			v.Deliveries, v.Events, v.Acknowledged, v.Refused, v.Unknown, v.Resumes, v.Snapshots)
		say(v.PastsLost > 0, "%d times a session had lost its past, and told so.", v.PastsLost)
		say(v.Unseen > 0, "%d events are not judged: everybody skipped them by a snapshot.", v.Unseen)
	}
	return lines
}

// verdict says how the load generator fared.
func (g *Generator) verdict() string {
	var b strings.Builder
	if g.Limit {
		fmt.Fprintf(&b, "THE LOAD GENERATOR WAS THE LIMIT, not the gateway alone: %s. Latencies are partly its own. ", strings.Join(g.Signs, "; "))
		fmt.Fprintf(&b, "It used %.0f %% of its %d processors, other programs %.0f %% of the machine. ", 100*g.CPU, g.Cores, 100*g.Others)
		b.WriteString("Use fewer members, a quieter machine, or several.")
		return b.String()
	}
	fmt.Fprintf(&b, "The load generator kept up: %.0f %% of its %d processors, timers %s late, messages sent %s late (p99).",
		100*g.CPU, g.Cores, millisText(g.Timers.P99), millisText(g.Sends.P99))
	for _, s := range g.Signs {
		fmt.Fprintf(&b, " But %s.", s)
	}
	return b.String()
}

// WriteText writes the report for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Load)
	for _, f := range r.figures() {
		fmt.Fprintf(&b, "%-24s%14s\n", f[0], f[1])
	}
	b.WriteString("\n")
	for _, line := range r.beside() {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintln(&b, r.Generator.verdict())
	r.writeFailures(&b)
	if v := r.Verification; v != nil && v.First != "" {
		fmt.Fprintf(&b, "\n%s", v.First)
	}
	fmt.Fprintf(&b, "\nAssessment: %s\n", passed(r.Assessment.Passed))
	for _, c := range r.Assessment.Checks {
		fmt.Fprintf(&b, "  %-8s%-20s%s, asked for: %s\n", passed(c.Passed), c.Name, c.Is, c.Asked)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeFailures(w io.Writer) {
	if len(r.Failures) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat failed:")
	for _, f := range r.Failures {
		fmt.Fprintf(w, "%8d  %s: %s\n", f.Count, f.Of, f.Reason)
	}
}

func passed(p bool) string {
	if p {
		return "passed"
	}
	return "FAILED"
}
