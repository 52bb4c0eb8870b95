package history

import (
	"fmt"
	"time"
)

// walk follows a client from event to event.
func (j *judge) walk(c *Client) {
	w := walk{judge: j, c: c, left: make(map[int]bool)}
	next := 0
	for i := range c.marks {
		m := &c.marks[i]
		for ; next < m.after; next++ {
			w.sight(c.seen[next])
		}
		w.mark(m)
	}
	for ; next < len(c.seen); next++ {
		w.sight(c.seen[next])
	}
	j.sum.Deliveries += len(c.seen)
	w.end()
}

// walk is where a client is.
type walk struct {
	*judge
	c     *Client
	known bool
	at    position
	left  map[int]bool // epochs that it is through with
}

func (w *walk) sight(s sight) {
	f := &w.s.facts.all[s.fact]
	switch {
	case !w.known:
		w.say(RulePosition, s.at, f.position, fmt.Sprintf("%s saw offset %d before it knew where it was", w.c.name, f.offset), w.c)
	case f.offset > w.at.offset+1:
		w.say(RuleHole, s.at, f.position, fmt.Sprintf("%s saw offset %d after offset %d: %d missing",
			w.c.name, f.offset, w.at.offset, f.offset-w.at.offset-1), w.c)
	case f.offset <= w.at.offset:
		w.say(RuleOnce, s.at, f.position, fmt.Sprintf("%s saw offset %d when it was at offset %d already",
			w.c.name, f.offset, w.at.offset), w.c)
	}
	w.known, w.at = true, f.position
}

func (w *walk) mark(m *mark) {
	switch m.kind {
	case markBegin:
		w.known, w.at = true, m.position
	case markWelcome:
		w.sum.Connections++
		if m.resumed {
			w.resumed(m)
		}
	case markSnapshot:
		w.sum.Snapshots++
		w.replaced(m)
	case markFault:
		w.say(RuleFault, m.at, w.at, fmt.Sprintf("%s reports: %s", w.c.name, m.text), w.c)
	}
}

// resumed checks an exact replay. A client whose old connection went on while
// the new one was made may be past it already.
func (w *walk) resumed(m *mark) {
	w.sum.Resumes++
	if !w.known || m.epoch != w.at.epoch || m.offset > w.at.offset {
		w.say(RuleResume, m.at, m.position, fmt.Sprintf("%s was at %s and was resumed at %s",
			w.c.name, w.s.place(w.at), w.s.place(m.position)), w.c)
	}
}

func (w *walk) replaced(m *mark) {
	at, is := w.s.place(w.at), w.s.place(m.position)
	switch {
	case w.known && m.epoch == w.at.epoch && m.offset < w.at.offset:
		w.say(RuleOnce, m.at, m.position, fmt.Sprintf("%s was at %s and was given the state (%s) of %s",
			w.c.name, at, m.text, is), w.c)
	case w.known && m.epoch == w.at.epoch && m.text == "reset":
		w.say(RuleEpoch, m.at, m.position, fmt.Sprintf("%s was told that the past is gone, in the same epoch, at %s", w.c.name, is), w.c)
	case w.left[m.epoch]:
		w.say(RuleEpoch, m.at, m.position, fmt.Sprintf("%s was at %s and came back to %s", w.c.name, at, is), w.c)
	case w.s.expected.OneEpoch && (m.text == "reset" || w.known && m.epoch != w.at.epoch):
		w.say(RuleEpoch, m.at, m.position, fmt.Sprintf("%s was at %s and is now at %s (%s), though the store keeps everything",
			w.c.name, at, is, m.text), w.c)
	}
	if w.known && m.epoch != w.at.epoch {
		w.left[w.at.epoch] = true
	}
	w.known, w.at = true, m.position
}

func (w *walk) end() {
	if w.s.end == nil {
		return
	}
	last := w.s.history.now()
	if !w.c.gone && (!w.known || w.at.epoch != w.s.end.epoch || w.at.offset < w.s.end.offset) {
		w.say(RuleEnd, last, *w.s.end, fmt.Sprintf("%s ended at %s; all should have come to %s",
			w.c.name, w.s.place(w.at), w.s.place(*w.s.end)), w.c)
	}
	for i := range w.c.requests {
		if r := &w.c.requests[i]; r.asked && r.outcome == Waiting {
			w.say(RuleSettled, last, w.at, fmt.Sprintf("%s sent ref %d at %v and was never told what became of it",
				w.c.name, r.ref, r.sent.duration()), w.c)
		}
	}
}

// outcomes holds what a client was told of its requests against what happened.
// It returns those that were acknowledged and that nobody saw.
func (j *judge) outcomes(c *Client) (missing []Contradiction) {
	for i := range c.requests {
		r := &c.requests[i]
		j.sum.Requests++
		took := j.took[c][i]
		if took != 0 {
			j.sum.Effects++
		}
		switch r.outcome {
		case Acked:
			j.sum.Acked++
			if took == 0 {
				missing = append(missing, j.contradiction(RuleLost, r.settled, position{max(0, c.epoch), r.offset},
					fmt.Sprintf("%s was told at %v that its ref %d took effect (offset %d); nobody saw it",
						c.name, r.settled.duration(), r.ref, r.offset), c))
				continue
			}
			f := &j.s.facts.all[took-1]
			if r.offset != 0 && r.offset < f.offset && len(j.s.epochs) == 1 {
				j.say(RuleAckOffset, r.settled, f.position, fmt.Sprintf("%s was told that its ref %d took effect by offset %d; it did at %d",
					c.name, r.ref, r.offset, f.offset), c)
			}
		case Refused:
			j.sum.Refused++
			if took != 0 {
				f := &j.s.facts.all[took-1]
				j.say(RuleRefused, max(r.settled, f.seen), f.position, fmt.Sprintf("%s was told at %v that its ref %d did not take effect and never will; it did at offset %d",
					c.name, r.settled.duration(), r.ref, f.offset), c)
			}
		case Unknown:
			j.sum.Unknown++
		}
	}
	return missing
}

// lost judges what was acknowledged and not seen: that is possible only where
// there are offsets that nobody saw.
func (j *judge) lost(missing []Contradiction) {
	j.sum.Unseen += j.unseen
	if len(missing) <= j.unseen || len(j.s.epochs) > 1 {
		j.sum.Unjudged += len(missing)
		return
	}
	for _, m := range missing {
		j.say(m.Rule, tick(m.At/tickLength), m.about, m.Text, m.clients...)
	}
}

// welcomes checks what welcomes said to have taken effect. It returns what they
// said and nobody saw.
func (j *judge) welcomes(c *Client) (missing []Contradiction) {
	var last *mark
	lost := tick(0) // the new connection was made after that
	told := make(map[uint64]bool)
	for i := range c.marks {
		m := &c.marks[i]
		if m.kind == markLost {
			lost = m.at
		}
		if m.kind != markWelcome {
			continue
		}
		said := fmt.Sprintf("%s was welcomed at %s with acked %d; ", c.name, j.s.place(m.position), m.acked)
		if text := j.acked(c, m, last, lost); text != "" {
			j.say(RuleAcked, m.at, m.position, said+text, c)
		}
		if i, ok := c.byRef[m.acked]; ok && j.took[c][i] == 0 && c.requests[i].outcome != Acked && !told[m.acked] {
			told[m.acked] = true
			missing = append(missing, j.contradiction(RuleAcked, m.at, m.position, said+"nobody saw that ref take effect", c))
		}
		last = m
	}
	return missing
}

// acked says what is wrong with the acked of a welcome; last is the one before.
// What was acknowledged before lost must be in it; what was acknowledged later
// may have come over the connection before, while the new one was made.
func (j *judge) acked(c *Client, m, last *mark, lost tick) string {
	if last != nil && last.epoch == m.epoch && m.acked < last.acked {
		return fmt.Sprintf("the welcome before said %d", last.acked)
	}
	if i, ok := c.byRef[m.acked]; m.acked > 0 && (!ok || !c.requests[i].asked || c.requests[i].sent > m.at) {
		return "nothing of that ref was sent"
	}
	for i := range c.requests {
		r := &c.requests[i]
		if r.outcome == Acked && r.settled < lost && r.ref > m.acked && len(j.s.epochs) == 1 {
			return fmt.Sprintf("ref %d was acknowledged at %v", r.ref, r.settled.duration())
		}
	}
	for _, e := range j.own[c] {
		switch before := e.offset <= m.offset; {
		case e.epoch != m.epoch:
		case before && e.ref > m.acked:
			return fmt.Sprintf("ref %d took effect at offset %d", e.ref, e.offset)
		case !before && !m.resumed && e.ref <= m.acked:
			return fmt.Sprintf("ref %d took effect at offset %d only", e.ref, e.offset)
		}
	}
	return ""
}

// latencies counts how long deliveries took.
func (j *judge) latencies(c *Client, l *latencies) {
	for _, s := range c.seen {
		f := &j.s.facts.all[s.fact]
		author := j.byID[f.client.Value()]
		if f.ref == 0 || author == nil {
			continue
		}
		if i, ok := author.byRef[f.ref]; ok && author.requests[i].asked && s.at >= author.requests[i].sent {
			l.add(s.at - author.requests[i].sent)
		}
	}
}

// latencies are counted by the tick; those of over 20 s count as 20 s.
type latencies struct {
	counts []uint32
	total  int
	worst  tick
}

func (l *latencies) add(t tick) {
	const most = 20 * time.Second / tickLength
	i := int(min(t, tick(most)))
	if i >= len(l.counts) {
		l.counts = append(l.counts, make([]uint32, i+1-len(l.counts))...)
	}
	l.counts[i]++
	l.total++
	l.worst = max(l.worst, t)
}

// at returns the latency that a share of the deliveries did not exceed.
func (l *latencies) at(share float64) time.Duration {
	if share >= 1 || l.total == 0 {
		return l.worst.duration()
	}
	rest := int(share * float64(l.total))
	for t, n := range l.counts {
		if rest -= int(n); rest < 0 {
			return tick(t).duration()
		}
	}
	return l.worst.duration()
}
