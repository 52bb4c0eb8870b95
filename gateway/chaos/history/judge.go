package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Rule names what a contradiction contradicts.
type Rule string

// The rules.
const (
	RuleOneOrder   Rule = "one order"          // two events at one offset
	RuleHole       Rule = "no hole"            // a client missed an offset
	RuleOnce       Rule = "each once"          // a client saw an offset again, or went back
	RulePosition   Rule = "a position first"   // events before a position was known
	RuleResume     Rule = "exact resume"       // resumed where the client was not
	RuleEpoch      Rule = "the past stays"     // an epoch came back, or changed where it must not
	RuleAsked      Rule = "nothing unasked"    // an event that nobody asked for
	RuleContent    Rule = "as it was sent"     // an event that differs from its request
	RuleTwice      Rule = "at most once"       // a request took effect twice
	RuleRefused    Rule = "refused is refused" // a refused request took effect
	RuleLost       Rule = "acknowledged once"  // an acknowledged request never took effect
	RuleAckOffset  Rule = "where it was acked" // an acknowledgement names an offset before the event's
	RuleOrderOfOne Rule = "order of a client"  // a client's requests took effect in another order
	RuleTime       Rule = "order of time"      // an event was seen before one was sent that precedes it
	RuleAcked      Rule = "acked is true"      // a welcome's acked is not what took effect
	RuleSnapshot   Rule = "snapshots agree"    // a snapshot is not what the events lead to
	RuleWorld      Rule = "events make sense"  // an event that cannot have happened, such as a second join
	RuleEnd        Rule = "all converge"       // a client stayed behind
	RuleSettled    Rule = "all is settled"     // a request was never answered
	RuleFault      Rule = "no fault found"     // the client itself reported one
)

// Contradiction is a promise that was not kept.
type Contradiction struct {
	Rule    Rule
	Session string
	Text    string
	At      time.Duration // since the history began

	session *Session
	clients []*Client // whose histories show it
	about   position
}

// Verdict is what the judge found.
type Verdict struct {
	Contradictions []Contradiction // the earliest first; not more than 50 of a session
	Summary
}

// Summary counts what was judged.
type Summary struct {
	Sessions, Clients, Connections int
	Events, Deliveries             int // distinct durable events; and those that a client saw, over all clients
	Requests                       int
	Acked, Refused, Unknown        int // outcomes of requests
	Effects                        int // of requests that took effect; with unknown outcome too
	Snapshots                      int // told to clients
	Resumes                        int // exact replays
	Epochs                         int // over all sessions; as many as those, if no past was lost
	Unseen                         int // offsets that nobody saw, because everybody got a snapshot beyond them
	Unjudged                       int // acknowledged requests that may lie there
	Median, P99, Worst             time.Duration
}

// Judge judges all sessions. Nothing may be recorded meanwhile.
func (h *History) Judge() Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	var v Verdict
	var l latencies
	for _, s := range h.sessions {
		j := judge{s: s, sum: &v.Summary, took: make(map[*Client][]uint32), own: make(map[*Client][]effect), byID: make(map[string]*Client)}
		j.session(&l)
		v.Contradictions = append(v.Contradictions, j.found...)
	}
	slices.SortStableFunc(v.Contradictions, func(a, b Contradiction) int { return cmp.Compare(a.At, b.At) })
	v.Median, v.P99, v.Worst = l.at(0.5), l.at(0.99), l.at(1)
	return v
}

// judge judges one session.
type judge struct {
	s      *Session
	sum    *Summary
	found  []Contradiction
	orders []order // of each epoch
	byID   map[string]*Client
	took   map[*Client][]uint32 // for each request, its event in Session.facts, plus 1; 0: none
	own    map[*Client][]effect // in the order in which they took effect
	unseen int                  // offsets that nobody saw
}

// effect is a request that took effect.
type effect struct {
	position
	ref uint64
}

const maxFound = 50

func (j *judge) session(l *latencies) {
	j.sum.Sessions++
	j.sum.Clients += len(j.s.clients)
	j.sum.Events += len(j.s.facts.all)
	j.sum.Epochs += len(j.s.epochs)
	for _, c := range j.s.clients {
		j.byID[c.id] = c
		j.took[c] = make([]uint32, len(c.requests))
	}
	j.layOut()
	for _, c := range j.s.clients {
		j.walk(c)
	}
	for i := range j.orders {
		j.effects(&j.orders[i])
		j.fold(i)
	}
	var missing []Contradiction
	for _, c := range j.s.clients {
		missing = append(missing, j.outcomes(c)...)
		missing = append(missing, j.welcomes(c)...)
		j.latencies(c, l)
	}
	j.lost(missing)
}

// say notes a contradiction.
func (j *judge) say(rule Rule, at tick, about position, text string, clients ...*Client) {
	if len(j.found) < maxFound {
		j.found = append(j.found, j.contradiction(rule, at, about, text, clients...))
	}
}

func (j *judge) contradiction(rule Rule, at tick, about position, text string, clients ...*Client) Contradiction {
	return Contradiction{Rule: rule, Session: j.s.id, Text: text, At: at.duration(), session: j.s, clients: clients, about: about}
}

// most offsets of an epoch that can be judged. More can only be a mistake.
const most = 1 << 30

// order is the events of one epoch by offset.
type order struct {
	epoch int
	first uint64   // offset of facts[0]
	facts []uint32 // index in Session.facts, plus 1; 0: nobody saw it
}

// at returns the event at an offset; nil if nobody saw it.
func (o *order) at(s *Session, offset uint64) *fact {
	if offset < o.first || offset >= o.first+uint64(len(o.facts)) || o.facts[offset-o.first] == 0 {
		return nil
	}
	return &s.facts.all[o.facts[offset-o.first]-1]
}

// layOut puts the events in order. Offsets up to the lowest snapshot are left
// out: nobody was there to see them, or to ask for anything.
func (j *judge) layOut() {
	first, last := make([]uint64, len(j.s.epochs)), make([]uint64, len(j.s.epochs))
	reach := func(epoch int, from, to uint64) {
		if first[epoch] == 0 || from < first[epoch] {
			first[epoch] = from
		}
		last[epoch] = max(last[epoch], to)
	}
	for i := range j.s.facts.all {
		f := &j.s.facts.all[i]
		reach(f.epoch, f.offset, f.offset)
	}
	for i := range j.s.snaps {
		s := &j.s.snaps[i]
		reach(s.epoch, s.offset+1, s.offset)
	}
	j.orders = make([]order, len(j.s.epochs))
	for e := range j.orders {
		if last[e] > first[e] && last[e]-first[e] > most {
			j.say(RuleHole, 0, position{e, last[e]}, fmt.Sprintf("the offsets go from %d to %d", first[e], last[e]))
			last[e] = 0 // none of them is judged
		}
		j.orders[e] = order{epoch: e, first: max(first[e], 1)}
		if last[e] >= j.orders[e].first {
			j.orders[e].facts = make([]uint32, last[e]+1-j.orders[e].first)
		}
	}
	for i := range j.s.facts.all {
		j.place(uint32(i))
	}
}

func (j *judge) place(i uint32) {
	f := &j.s.facts.all[i]
	o := &j.orders[f.epoch]
	if f.offset < o.first || f.offset-o.first >= uint64(len(o.facts)) {
		return
	}
	at := &o.facts[f.offset-o.first]
	if *at == 0 {
		*at = i + 1
		return
	}
	other := &j.s.facts.all[*at-1]
	j.say(RuleOneOrder, max(f.seen, other.seen), f.position,
		fmt.Sprintf("two events at offset %d: %s, and %s", f.offset, j.s.describe(other), j.s.describe(f)),
		j.witness(*at-1), j.witness(i))
}

// witness returns the first client that saw an event.
func (j *judge) witness(i uint32) (first *Client) {
	best := ^tick(0)
	for _, c := range j.s.clients {
		k := slices.IndexFunc(c.seen, func(s sight) bool { return s.fact == i })
		if k >= 0 && c.seen[k].at < best {
			first, best = c, c.seen[k].at
		}
	}
	return first
}
