package loadtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// picture is a drawing of the report's page. The origin is its upper left corner.
type picture struct {
	Width, Height float64
	Alt           string // what is to be seen, for those who do not see it
	Rects         []rect
	Lines         []line
	Paths         []path
	Labels        []label
}

// Classes are those of the page's style.
type (
	rect struct {
		X, Y, W, H   float64
		Class, Title string
	}
	line struct {
		X1, Y1, X2, Y2 float64
		Class          string
	}
	path  struct{ D, Class string }
	label struct {
		X, Y                float64
		Text, Anchor, Class string
	}
)

func (p *picture) text(x, y float64, anchor, class, format string, args ...any) {
	p.Labels = append(p.Labels, label{x, y, fmt.Sprintf(format, args...), anchor, class})
}

func (p *picture) line(x1, y1, x2, y2 float64, class string) {
	p.Lines = append(p.Lines, line{x1, y1, x2, y2, class})
}

// scale maps values to places of a picture.
type scale struct {
	from, to float64 // values
	a, b     float64 // their places
	log      bool
}

func (s scale) at(value float64) float64 {
	v, from, to := value, s.from, s.to
	if s.log {
		v, from, to = math.Log(max(v, s.from)), math.Log(from), math.Log(to)
	}
	if to <= from {
		return s.a
	}
	return s.a + (min(v, to)-from)/(to-from)*(s.b-s.a)
}

// ticks are round values within a logarithmic scale, about as many as can be read.
func (s scale) ticks() (values []float64) {
	steps := []float64{1}
	if s.to/s.from < 50 {
		steps = []float64{1, 2, 5}
	}
	for decade := math.Pow(10, math.Floor(math.Log10(s.from))); decade <= s.to; decade *= 10 {
		for _, step := range steps {
			if v := decade * step; v >= s.from && v <= s.to {
				values = append(values, v)
			}
		}
	}
	return values
}

// roundStep is a round distance, so that about six of them are the whole.
func roundStep(whole float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(max(1, whole/6))))
	for _, step := range []float64{1, 2, 5} {
		if whole <= 7*step*decade {
			return step * decade
		}
	}
	return 10 * decade
}

// tickText is a round duration.
func tickText(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%g s", ms/1000)
	}
	return fmt.Sprintf("%g ms", math.Round(ms*1000)/1000)
}

// The margins of a picture: room for labels.
const (
	pictureWidth = 920
	leftMargin   = 56
	rightMargin  = 16
)

// distribution draws how many deliveries took how long.
func (r *Report) distribution() *picture {
	const height, top, bottom = 330, 16*markRows + 10, 30
	p := &picture{Width: pictureWidth, Height: height}
	if len(r.Distribution) == 0 {
		p.Alt = "Nothing was delivered."
		p.text(pictureWidth/2, height/2, "middle", "", "Nothing was delivered")
		return p
	}
	first, last := r.Distribution[0], r.Distribution[len(r.Distribution)-1]
	threshold := r.Thresholds.MeanLatencyMS
	x := scale{min(first.From, threshold/2), max(last.To, threshold*1.5), leftMargin, pictureWidth - rightMargin, true}
	tallest, all := int64(0), float64(r.Latency.Count)
	for _, b := range r.Distribution {
		tallest = max(tallest, b.Count)
	}
	y := scale{from: 0, to: float64(tallest), a: height - bottom, b: top}
	for _, part := range []float64{0.5, 1} {
		at := y.at(part * float64(tallest))
		p.line(leftMargin, at, pictureWidth-rightMargin, at, "grid")
		p.text(leftMargin-6, at+4, "end", "small", "%.2g %%", 100*part*float64(tallest)/all)
	}
	for _, b := range r.Distribution {
		class := "bar"
		if b.From >= threshold {
			class = "bar over"
		}
		left, top := x.at(b.From), y.at(float64(b.Count))
		if b.Count > 0 {
			top = min(top, height-bottom-1.5) // one of a million is seen too
		}
		p.Rects = append(p.Rects, rect{left, top, max(1, x.at(b.To)-left-1), height - bottom - top, class,
			fmt.Sprintf("%s to %s: %d deliveries, %.2f %%", millisText(b.From), millisText(b.To), b.Count, 100*float64(b.Count)/all)})
	}
	p.line(leftMargin, height-bottom, pictureWidth-rightMargin, height-bottom, "axis")
	for _, v := range x.ticks() {
		p.line(x.at(v), height-bottom, x.at(v), height-bottom+4, "axis")
		p.text(x.at(v), height-bottom+18, "middle", "small", "%s", tickText(v))
	}
	l := &r.Latency
	p.Alt = fmt.Sprintf("Latencies from %s to %s: half below %s, 99 %% below %s.", millisText(l.Min), millisText(l.Max), millisText(l.P50), millisText(l.P99))
	p.marks(x, height-bottom, []mark{{l.P50, "p50", "mark"}, {l.Mean, "mean", "mark"}, {l.P99, "p99", "mark"},
		{l.Max, "max", "mark"}, {threshold, "mean allowed", "allowed"}})
	return p
}

// mark is a value that is pointed out in a picture.
type mark struct {
	value       float64
	name, class string
}

// markRows is how many names of marks fit above each other.
const markRows = 5

// marks draws values as upright lines, with names above that do not overlap.
func (p *picture) marks(x scale, bottom float64, marks []mark) {
	const row, wide, gap = 16, 125, 4
	type span struct{ from, to float64 }
	var taken [markRows][]span
	for _, m := range marks {
		at := x.at(m.value)
		is, anchor, textAt := span{at, at + wide}, "start", at+gap
		if is.to > pictureWidth-rightMargin {
			is, anchor, textAt = span{at - wide, at}, "end", at-gap
		}
		overlaps := func(s span) bool { return s.from < is.to && is.from < s.to }
		i := 0
		for i < markRows-1 && slices.ContainsFunc(taken[i], overlaps) {
			i++
		}
		taken[i] = append(taken[i], is)
		y := float64(12 + i*row)
		p.line(at, y-8, at, bottom, m.class)
		p.text(textAt, y, anchor, m.class, "%s %s", m.name, millisText(m.value))
	}
}

// course draws the latencies second by second, what was sent and answered, and
// who was connected.
func (r *Report) course() *picture {
	const height, top, latencies, messages, members = 330, 22, 190, 262, 312
	p := &picture{Width: pictureWidth, Height: height, Alt: "The run second by second: latencies, messages, connected members."}
	if len(r.Course) == 0 {
		p.text(pictureWidth/2, height/2, "middle", "", "The load was too short for a course")
		return p
	}
	end := r.Course[len(r.Course)-1].At
	x := scale{from: 0, to: max(end, 1), a: leftMargin, b: pictureWidth - rightMargin}
	p.latencies(r, x, top, latencies)
	p.messages(r, x, latencies+28, messages)
	p.members(r, x, messages+22, members)
	for at := 0.0; at <= end; at += roundStep(end) {
		p.text(x.at(at), height-4, "middle", "small", "%g s", at)
	}
	return p
}

func (p *picture) latencies(r *Report, x scale, top, bottom float64) {
	least, most := math.Inf(1), r.Thresholds.MeanLatencyMS*1.2
	for _, s := range r.Course {
		if s.Deliveries > 0 && s.P50 > 0 {
			least, most = min(least, s.P50), max(most, s.Max)
		}
	}
	if math.IsInf(least, 1) {
		least = most / 10
	}
	y := scale{least * 0.8, most * 1.1, bottom, top, true}
	for _, v := range y.ticks() {
		p.line(leftMargin, y.at(v), pictureWidth-rightMargin, y.at(v), "grid")
		p.text(leftMargin-6, y.at(v)+4, "end", "small", "%s", tickText(v))
	}
	p.line(leftMargin, y.at(r.Thresholds.MeanLatencyMS), pictureWidth-rightMargin, y.at(r.Thresholds.MeanLatencyMS), "allowed")
	p.text(leftMargin, top-8, "start", "small", "Latency of what was delivered in that second: max (dots), p99 (thin), p50 (thick). No line: nothing was delivered.")
	of := func(value func(*Second) float64) string {
		return trace(r.Course, x, y, func(s *Second) (float64, bool) { return value(s), s.Deliveries > 0 && s.Max > 0 })
	}
	p.Paths = append(p.Paths, path{of(func(s *Second) float64 { return s.P99 }), "p99"}, path{of(func(s *Second) float64 { return s.P50 }), "p50"})
	for i := range r.Course {
		if s := &r.Course[i]; s.Max > 0 {
			p.Rects = append(p.Rects, rect{x.at(s.At) - 1, y.at(s.Max) - 1, 2, 2, "dot", fmt.Sprintf("%.0f s: max %s", s.At, millisText(s.Max))})
		}
	}
}

func (p *picture) messages(r *Report, x scale, top, bottom float64) {
	most := int64(1)
	for _, s := range r.Course {
		most = max(most, s.Sent, s.Succeeded)
	}
	y := scale{from: 0, to: float64(most), a: bottom, b: top}
	p.text(leftMargin, top-8, "start", "small", "Messages: sent (grey), answered (blue). Grey alone: they wait.")
	p.text(leftMargin-6, top+6, "end", "small", "%d", most)
	width := max(0.6, (x.b-x.a)/float64(len(r.Course))-1)
	for i := range r.Course {
		s := &r.Course[i]
		left, title := x.at(s.At)-width, fmt.Sprintf("%.0f s: %d sent, %d answered, %d failed", s.At, s.Sent, s.Succeeded, s.Failed)
		left = max(left, leftMargin)
		p.Rects = append(p.Rects, rect{left, y.at(float64(s.Sent)), width, bottom - y.at(float64(s.Sent)), "sent", title},
			rect{left + width*0.25, y.at(float64(s.Succeeded)), width * 0.5, bottom - y.at(float64(s.Succeeded)), "bar", title})
	}
	p.line(leftMargin, bottom, pictureWidth-rightMargin, bottom, "axis")
}

func (p *picture) members(r *Report, x scale, top, bottom float64) {
	y := scale{from: 0, to: float64(max(1, r.TargetUsers)), a: bottom, b: top}
	p.text(leftMargin, top-6, "start", "small", "Connected, of %d", r.TargetUsers)
	d := trace(r.Course, x, y, func(s *Second) (float64, bool) { return float64(s.Connected), true })
	p.Paths = append(p.Paths, path{d, "connected"})
	p.line(leftMargin, bottom, pictureWidth-rightMargin, bottom, "axis")
}

// trace is a line through a value of each second; it has a gap where there is
// none, and a point of its own between two gaps.
func trace(course []Second, x, y scale, value func(*Second) (float64, bool)) string {
	var b strings.Builder
	open := false
	for i := range course {
		v, ok := value(&course[i])
		if !ok {
			open = false
			continue
		}
		if !open {
			fmt.Fprintf(&b, "M%.1f %.1fh0.1", x.at(course[i].At), y.at(v))
		}
		fmt.Fprintf(&b, "L%.1f %.1f", x.at(course[i].At), y.at(v))
		open = true
	}
	return b.String()
}
