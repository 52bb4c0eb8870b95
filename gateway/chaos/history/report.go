package history

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// around is how many lines of a history are shown before and behind a
// contradiction.
const around = 8

// Explain writes the first contradiction with the histories around it, and names
// the others. Without one it writes nothing.
func (v *Verdict) Explain(w io.Writer) {
	if len(v.Contradictions) == 0 {
		return
	}
	first := &v.Contradictions[0]
	fmt.Fprintf(w, "CONTRADICTION of %q at %v in session %s:\n  %s\n", first.Rule, round(first.At), first.Session, first.Text)
	first.session.writeOrder(w, first.about)
	for _, c := range slices.Compact(slices.Clone(first.clients)) {
		if c != nil {
			c.write(w, tick(first.At/tickLength))
		}
	}
	if rest := v.Contradictions[1:]; len(rest) > 0 {
		fmt.Fprintf(w, "\n%d more:\n", len(rest))
		for i := range rest[:min(len(rest), 20)] {
			fmt.Fprintf(w, "  %v %s %q: %s\n", round(rest[i].At), rest[i].Session, rest[i].Rule, rest[i].Text)
		}
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// place describes a position.
func (s *Session) place(at position) string {
	epoch := "none"
	if at.epoch < len(s.epochs) {
		epoch = s.epochs[at.epoch]
	}
	return fmt.Sprintf("%s/%d", epoch, at.offset)
}

// describe describes an event.
func (s *Session) describe(f *fact) string {
	text := fmt.Sprintf("%s at %s", f.name.Value(), s.place(f.position))
	if from := f.from.Value(); from != "" {
		text += " from " + from
	}
	if f.ref != 0 {
		name := f.client.Value()
		for _, c := range s.clients {
			if c.id == name {
				name = c.name
			}
		}
		text += fmt.Sprintf(" (ref %d of %s)", f.ref, name)
	}
	if f.data != nil {
		return text + " " + shorten(string(f.data))
	}
	return fmt.Sprintf("%s, %d bytes, hash %08x", text, f.size, uint32(f.sum))
}

func shorten(text string) string {
	if len(text) > 120 {
		return text[:120] + "…"
	}
	return text
}

// writeOrder writes the events around a position, and how many clients saw each.
func (s *Session) writeOrder(w io.Writer, about position) {
	fmt.Fprintf(w, "\nthe order around %s:\n", s.place(about))
	var near []uint32
	for i := range s.facts.all {
		f := &s.facts.all[i]
		if f.epoch == about.epoch && f.offset+around/2 >= about.offset && f.offset <= about.offset+around/2 {
			near = append(near, uint32(i))
		}
	}
	slices.SortFunc(near, func(a, b uint32) int { return cmp.Compare(s.facts.all[a].offset, s.facts.all[b].offset) })
	counts := s.count(near)
	for _, i := range near {
		f := &s.facts.all[i]
		fmt.Fprintf(w, "  %10v  seen by %d: %s\n", round(f.seen.duration()), counts[i], s.describe(f))
	}
}

func (s *Session) count(facts []uint32) map[uint32]int {
	counts := make(map[uint32]int)
	for _, i := range facts {
		counts[i] = 0
	}
	for _, c := range s.clients {
		for _, sight := range c.seen {
			if n, ok := counts[sight.fact]; ok {
				counts[sight.fact] = n + 1
			}
		}
	}
	return counts
}

// line is a line of a client's history.
type line struct {
	at   tick
	text string
}

// write writes what happened to a client around a moment.
func (c *Client) write(w io.Writer, at tick) {
	fmt.Fprintf(w, "\n%s (member %s, client %s) around %v:\n", c.name, c.member, c.id, round(at.duration()))
	var lines []line
	lines = append(lines, window(c.sights(), at)...)
	lines = append(lines, window(c.connections(), at)...)
	lines = append(lines, window(c.asked(), at)...)
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	for _, l := range lines {
		fmt.Fprintf(w, "  %10v  %s\n", round(l.at.duration()), l.text)
	}
}

// window returns the lines around a moment.
func window(lines []line, at tick) []line {
	i, _ := slices.BinarySearchFunc(lines, at, func(l line, at tick) int { return cmp.Compare(l.at, at) })
	return lines[max(0, i-around):min(len(lines), i+around)]
}

func (c *Client) sights() (lines []line) {
	for _, s := range c.seen {
		f := &c.session.facts.all[s.fact]
		lines = append(lines, line{s.at, "saw " + c.session.describe(f)})
	}
	return lines
}

func (c *Client) connections() (lines []line) {
	for i := range c.marks {
		m := &c.marks[i]
		var text string
		switch m.kind {
		case markBegin:
			text = "begins at " + c.session.place(m.position)
		case markWelcome:
			how := "with a snapshot"
			if m.resumed {
				how = "resumed"
			}
			text = fmt.Sprintf("welcomed by %s %s at %s, acked %d", m.text, how, c.session.place(m.position), m.acked)
		case markSnapshot:
			text = fmt.Sprintf("given the state (%s) at %s", m.text, c.session.place(m.position))
		case markLost:
			text = "lost a connection: " + m.text
		case markFault:
			text = "FAULT: " + m.text
		case markGone:
			text = "ends: " + m.text
		}
		lines = append(lines, line{m.at, text})
	}
	return lines
}

func (c *Client) asked() (lines []line) {
	for i := range c.requests {
		r := &c.requests[i]
		if r.asked {
			lines = append(lines, line{r.sent, fmt.Sprintf("sent ref %d, a %s", r.ref, r.name.Value())})
		}
		if r.outcome != Waiting {
			lines = append(lines, line{r.settled, fmt.Sprintf("ref %d is %s, offset %d", r.ref, r.outcome, r.offset)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	return lines
}

// String is the summary in a few lines.
func (s *Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "judged      %d deliveries of %d events to %d clients over %d connections in %d sessions\n",
		s.Deliveries, s.Events, s.Clients, s.Connections, s.Sessions)
	fmt.Fprintf(&b, "requests    %d: %d acknowledged, %d refused, %d unknown to their client; %d took effect\n",
		s.Requests, s.Acked, s.Refused, s.Unknown, s.Effects)
	fmt.Fprintf(&b, "returns     %d exact resumes, %d snapshots, %d epochs of %d sessions\n", s.Resumes, s.Snapshots, s.Epochs, s.Sessions)
	if s.Unseen > 0 {
		fmt.Fprintf(&b, "not judged  %d offsets that everybody skipped by a snapshot, %d acknowledged requests that may lie there\n", s.Unseen, s.Unjudged)
	}
	fmt.Fprintf(&b, "delivery    p50 %v, p99 %v, at most %v, from the publish to each member", s.Median, s.P99, s.Worst)
	return b.String()
}
