package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// effects holds the events of an epoch against the requests that made them.
func (j *judge) effects(o *order) {
	var latest *request // sent last among the requests of all events before
	var by *Client
	last := make(map[*Client]effect)
	for i := range o.facts {
		f := o.at(j.s, o.first+uint64(i))
		if f == nil {
			continue
		}
		c, r := j.effect(f, o.facts[i])
		known := f.seen
		if r != nil && r.outcome == Acked {
			known = min(known, r.settled)
		}
		if latest != nil && known < latest.sent {
			j.say(RuleTime, known, f.position, fmt.Sprintf("offset %d was known at %v; an event before it, ref %d of %s, was sent at %v",
				f.offset, known.duration(), latest.ref, by.name, latest.sent.duration()), by, c)
			latest = nil // once is enough
		}
		if r == nil {
			continue
		}
		if before, ok := last[c]; ok && before.ref >= r.ref {
			j.say(RuleOrderOfOne, f.seen, f.position, fmt.Sprintf("ref %d of %s took effect at offset %d, behind ref %d at offset %d",
				r.ref, c.name, f.offset, before.ref, before.offset), c)
		}
		last[c] = effect{f.position, r.ref}
		j.own[c] = append(j.own[c], last[c])
		if latest == nil || r.sent > latest.sent {
			latest, by = r, c
		}
	}
}

// effect finds the request that made an event; nil if the gateway made it.
func (j *judge) effect(f *fact, number uint32) (*Client, *request) {
	name, id := f.name.Value(), f.client.Value()
	if f.ref == 0 {
		if !isMemberEvent(name) && !strings.HasPrefix(name, "session.") {
			j.say(RuleAsked, f.seen, f.position, fmt.Sprintf("nobody's request made %s", j.s.describe(f)))
		}
		return nil, nil
	}
	c := j.byID[id]
	if c == nil {
		j.say(RuleAsked, f.seen, f.position, fmt.Sprintf("there is no client that made %s", j.s.describe(f)))
		return nil, nil
	}
	i, ok := c.byRef[f.ref]
	if !ok || !c.requests[i].asked || c.requests[i].sent > f.seen {
		j.say(RuleAsked, f.seen, f.position, fmt.Sprintf("%s had not sent what made %s", c.name, j.s.describe(f)), c)
		return nil, nil
	}
	r := &c.requests[i]
	if f.from.Value() != c.member || f.name != r.name || !r.any && f.sum != r.sum {
		j.say(RuleContent, f.seen, f.position, fmt.Sprintf("ref %d of %s (member %s) was a %s with other contents than %s",
			r.ref, c.name, c.member, r.name.Value(), j.s.describe(f)), c)
	}
	if before := j.took[c][i]; before != 0 && j.s.facts.all[before-1].epoch == f.epoch {
		j.say(RuleTwice, f.seen, f.position, fmt.Sprintf("ref %d of %s took effect at offset %d and again at offset %d",
			r.ref, c.name, j.s.facts.all[before-1].offset, f.offset), c)
		return c, nil
	}
	j.took[c][i] = number
	return c, r
}

// fold replays the events of an epoch and holds the snapshots against it.
func (j *judge) fold(epoch int) {
	o := &j.orders[epoch]
	var snaps []*snapshot
	for i := range j.s.snaps {
		if j.s.snaps[i].epoch == epoch {
			snaps = append(snaps, &j.s.snaps[i])
		}
	}
	slices.SortStableFunc(snaps, func(a, b *snapshot) int { return cmp.Compare(a.offset, b.offset) })
	r := replay{judge: j}
	if epoch == 0 && o.first <= 1 {
		first, err := newWorld(j.s.expected.Document)
		if err != nil {
			panic("history: the expected document is not JSON: " + err.Error())
		}
		r.world = first
	}
	for i, number := range o.facts {
		for len(snaps) > 0 && snaps[0].offset < o.first+uint64(i) {
			r.compare(snaps[0])
			snaps = snaps[1:]
		}
		r.step(number)
	}
	for _, s := range snaps {
		r.compare(s)
	}
}

// replay is the world as the events make it.
type replay struct {
	*judge
	world *world // nil while it is not known
}

// step goes on by an event, given as in order.facts.
func (r *replay) step(number uint32) {
	if number == 0 {
		r.unseen++
		r.world = nil
		return
	}
	if r.world == nil {
		return
	}
	f := &r.s.facts.all[number-1]
	if err := r.world.apply(f); err != nil {
		r.say(RuleWorld, f.seen, f.position, fmt.Sprintf("%s: %v", r.s.describe(f), err), r.witness(number-1))
		r.world = nil
	}
}

func (r *replay) compare(s *snapshot) {
	told, err := s.read(r.s.expected.Document != nil)
	if err != nil {
		r.say(RuleSnapshot, s.seen, s.position, fmt.Sprintf("the state of %s cannot be read: %v", r.s.place(s.position), err), r.teller(s))
		return
	}
	if r.world != nil {
		if text := r.world.difference(told); text != "" {
			r.say(RuleSnapshot, s.seen, s.position, fmt.Sprintf("the state that was told at %s is not what the events lead to: %s",
				r.s.place(s.position), text), r.teller(s))
		}
	}
	r.world = told
}

// teller returns the first client that was told a snapshot.
func (j *judge) teller(s *snapshot) (first *Client) {
	best := ^tick(0)
	for _, c := range j.s.clients {
		for i := range c.marks {
			if m := &c.marks[i]; m.kind == markSnapshot && &j.s.snaps[m.snap] == s && m.at < best {
				first, best = c, m.at
			}
		}
	}
	return first
}
