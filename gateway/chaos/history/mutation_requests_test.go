package history

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
)

func neverAnswer(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSettled })
	if i >= 0 {
		s.ops = slices.Delete(s.ops, i, i+1)
	}
	return i >= 0
}

func refuseWhatHappened(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSettled && o.outcome == Acked })
	if i >= 0 {
		s.ops[i].outcome = Refused
	}
	return i >= 0
}

func acknowledgeWhatDidNot(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSettled && o.outcome == Refused })
	if i < 0 || s.epochs() > 1 {
		return false
	}
	s.ops[i].outcome = Acked
	return true
}

// pickEffect picks an event that a request made and that fits.
func (s *script) pickEffect(r *rand.Rand, fits func(e *Event) bool) (*Event, bool) {
	if s.epochs() > 1 {
		return nil, false
	}
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSaw && o.event.Ref > 0 && fits(&o.event) })
	if i < 0 {
		return nil, false
	}
	e := s.ops[i].event
	return &e, true
}

func anyEffect(*Event) bool { return true }

func loseForAll(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, func(e *Event) bool { return e.Name == "note" })
	if !ok || s.pick(r, func(_ int, o *op) bool {
		return o.kind == opSettled && o.outcome == Acked && clientID(o.client) == e.Client && o.ref == e.Ref
	}) < 0 {
		return false
	}
	s.ops = slices.DeleteFunc(s.ops, func(o op) bool { return o.kind == opSaw && o.event.Offset == e.Offset })
	s.shift(e.Offset, -1)
	return true
}

func repeatARequest(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, anyEffect)
	if ok {
		s.repeat(e.Offset)
	}
	return ok
}

func acknowledgeEarlier(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool {
		return o.kind == opSettled && o.outcome == Acked && o.offset > 1 && s.ops[i-1].event.Offset == o.offset
	})
	if i < 0 || s.epochs() > 1 {
		return false
	}
	s.ops[i].offset--
	return true
}

func alterForAll(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, func(e *Event) bool { return e.Name == "note" })
	if ok {
		s.everySight(e.Offset, func(e *Event) { e.Data = []byte(`"else"`) })
	}
	return ok
}

func ascribeForAll(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, anyEffect)
	if ok {
		s.everySight(e.Offset, func(e *Event) { e.From = "somebody" })
	}
	return ok
}

func inventForAll(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, anyEffect)
	if ok {
		s.everySight(e.Offset, func(e *Event) { e.Client = "stranger" })
	}
	return ok
}

func sendLate(r *rand.Rand, s *script) bool {
	e, ok := s.pickEffect(r, anyEffect)
	if !ok {
		return false
	}
	sent := slices.IndexFunc(s.ops, func(o op) bool {
		return o.kind == opSent && clientID(o.client) == e.Client && o.ref == e.Ref
	})
	saw := slices.IndexFunc(s.ops, func(o op) bool { return o.kind == opSaw && o.event.Offset == e.Offset })
	late := s.ops[sent]
	late.at = s.ops[saw].at + tickLength
	s.ops = slices.Insert(s.ops, saw+1, late)
	s.ops = slices.Delete(s.ops, sent, sent+1)
	return true
}

func exchangeForAll(r *rand.Rand, s *script) bool {
	var second Event
	first, ok := s.pickEffect(r, func(e *Event) bool {
		i := slices.IndexFunc(s.ops, func(o op) bool {
			return o.kind == opSaw && o.event.Client == e.Client && o.event.Offset == e.Offset+1
		})
		if i >= 0 {
			second = s.ops[i].event
		}
		return i >= 0
	})
	if !ok {
		return false
	}
	one, two := *first, second
	two.Offset = one.Offset + 1 // second may be of another pick
	for i := range s.ops {
		if o := &s.ops[i]; o.kind == opSaw && o.event.Offset == two.Offset {
			two = o.event
		}
	}
	lower, upper := two, one
	lower.Offset, upper.Offset = one.Offset, two.Offset
	for i := range s.ops {
		o := &s.ops[i]
		switch {
		case o.kind == opSaw && o.event.Offset == one.Offset:
			o.event = lower
		case o.kind == opSaw && o.event.Offset == two.Offset:
			o.event = upper
		}
	}
	return true
}

func repeatMemberEvent(name string) func(r *rand.Rand, s *script) bool {
	return func(r *rand.Rand, s *script) bool {
		i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSaw && o.event.Name == name })
		if i < 0 || s.epochs() > 1 {
			return false
		}
		s.repeat(s.ops[i].event.Offset)
		return true
	}
}

// pickSnapshot picks a snapshot that is not the lowest, so that there are events
// that lead to it.
func (s *script) pickSnapshot(r *rand.Rand) *op {
	lowest := ^uint64(0)
	for i := range s.ops {
		if s.ops[i].kind == opSnapshot {
			lowest = min(lowest, s.ops[i].snap.Offset)
		}
	}
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSnapshot && o.snap.Offset > lowest })
	if i < 0 || s.epochs() > 1 {
		return nil
	}
	return &s.ops[i]
}

// alterMembers changes the list of a snapshot's members.
func alterMembers(o *op, change func(list []map[string]any) []map[string]any) bool {
	var list []map[string]any
	if o == nil || json.Unmarshal(o.snap.Members, &list) != nil {
		return false
	}
	o.snap.Members, _ = json.Marshal(change(list))
	return true
}

func snapshotWithoutMember(r *rand.Rand, s *script) bool {
	return alterMembers(s.pickSnapshot(r), func(list []map[string]any) []map[string]any {
		i := r.IntN(len(list))
		return slices.Delete(list, i, i+1)
	})
}

func snapshotWithWrongStatus(r *rand.Rand, s *script) bool {
	return alterMembers(s.pickSnapshot(r), func(list []map[string]any) []map[string]any {
		list[r.IntN(len(list))]["status"] = "away"
		return list
	})
}

func snapshotWithWrongDocument(r *rand.Rand, s *script) bool {
	o := s.pickSnapshot(r)
	if o == nil || s.document == nil {
		return false
	}
	o.snap.State = bytes.Replace(o.snap.State, []byte(`"t"`), []byte(`"T"`), 1)
	return true
}

func snapshotShifted(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool { return o.kind == opSnapshot && s.nextSight(i) >= 0 })
	if i < 0 {
		return false
	}
	s.ops[i].snap.Offset++
	return true
}

func ackedTooHigh(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opWelcome && !o.welcome.Resumed })
	if i < 0 || s.epochs() > 1 {
		return false
	}
	s.ops[i].welcome.Acked++
	return true
}

func ackedTooLow(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opWelcome && !o.welcome.Resumed && o.welcome.Acked > 0 })
	if i < 0 || s.epochs() > 1 {
		return false
	}
	s.ops[i].welcome.Acked--
	return true
}
