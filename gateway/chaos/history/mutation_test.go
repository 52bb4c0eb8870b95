package history

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// mutation turns a valid history into one that contradicts itself.
type mutation struct {
	name string
	// change reports false if the script has no place for it.
	change func(r *rand.Rand, s *script) bool
	rules  []Rule // one of these must be found each time, and the first of them at least once
}

var mutations = []mutation{
	{"one client misses an event", missAnEvent, []Rule{RuleHole}},
	{"one client sees an event twice", seeTwice, []Rule{RuleOnce}},
	{"one client sees two events exchanged", seeExchanged, []Rule{RuleHole}},
	{"one client sees another content", seeAnother, []Rule{RuleOneOrder}},
	{"one client begins with events", seeEarly, []Rule{RulePosition}},
	{"one client is resumed further on", resumeFurther, []Rule{RuleResume}},
	{"one client is given an old state", stateOld, []Rule{RuleOnce}},
	{"one client is given another epoch", stateOfOtherEpoch, []Rule{RuleEpoch}},
	{"one client comes back to an epoch", stateOfFormerEpoch, []Rule{RuleEpoch}},
	{"a reset in the same epoch", resetWithoutEpoch, []Rule{RuleEpoch}},
	{"one client stays behind", stayBehind, []Rule{RuleEnd}},
	{"a request is never answered", neverAnswer, []Rule{RuleSettled}},
	{"a refused request takes effect", refuseWhatHappened, []Rule{RuleRefused}},
	{"an acknowledged request takes no effect", acknowledgeWhatDidNot, []Rule{RuleLost}},
	{"an acknowledged event is gone for everybody", loseForAll, []Rule{RuleLost, RuleAcked}},
	{"a request takes effect twice", repeatARequest, []Rule{RuleTwice}},
	{"an acknowledgement names an earlier offset", acknowledgeEarlier, []Rule{RuleAckOffset}},
	{"everybody sees another content", alterForAll, []Rule{RuleContent}},
	{"everybody sees another author", ascribeForAll, []Rule{RuleContent}},
	{"everybody sees the event of a stranger", inventForAll, []Rule{RuleAsked}},
	{"an event is seen before it was sent", sendLate, []Rule{RuleAsked}},
	{"two requests of a client exchanged for everybody", exchangeForAll, []Rule{RuleOrderOfOne, RuleAsked}},
	{"a member joins twice", repeatMemberEvent("member.joined"), []Rule{RuleWorld}},
	{"a change of presence is told twice", repeatMemberEvent("member.changed"), []Rule{RuleWorld}},
	{"a snapshot lacks a member", snapshotWithoutMember, []Rule{RuleSnapshot}},
	{"a snapshot has a wrong status", snapshotWithWrongStatus, []Rule{RuleSnapshot}},
	{"a snapshot has a wrong document", snapshotWithWrongDocument, []Rule{RuleSnapshot}},
	{"a snapshot stands one offset too high", snapshotShifted, []Rule{RuleSnapshot, RuleOnce}},
	{"acked is too high", ackedTooHigh, []Rule{RuleAcked}},
	{"acked is too low", ackedTooLow, []Rule{RuleAcked}},
}

func TestEachKindOfFaultIsCaught(t *testing.T) {
	t.Parallel()
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			const wanted = 25
			applied, caught := 0, make(map[Rule]bool)
			for seed := uint64(0); applied < wanted && seed < 20_000; seed++ {
				s := valid(seed)
				if s.judge().Unseen > 0 || !m.change(rand.New(rand.NewPCG(seed, 1)), &s) {
					continue
				}
				applied++
				v, hit := s.judge(), false
				for _, c := range v.Contradictions {
					hit = hit || slices.Contains(m.rules, c.Rule)
					caught[c.Rule] = true
				}
				if !hit {
					v.Explain(t.Output())
					t.Fatalf("seed %d: not caught: want %q among %d contradictions", seed, m.rules, len(v.Contradictions))
				}
			}
			if applied < wanted || !caught[m.rules[0]] {
				t.Fatalf("%d of the histories had a place for it, and these rules caught it: %v", applied, caught)
			}
		})
	}
}

// pick returns the index of one of the lines that fit; -1 if none does.
func (s *script) pick(r *rand.Rand, fits func(i int, o *op) bool) int {
	var all []int
	for i := range s.ops {
		if fits(i, &s.ops[i]) {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return -1
	}
	return all[r.IntN(len(all))]
}

// next returns the next line of one of the kinds of the same client; -1: none.
func (s *script) next(i int, kinds ...opKind) int {
	for k := i + 1; k < len(s.ops); k++ {
		if s.ops[k].client == s.ops[i].client && slices.Contains(kinds, s.ops[k].kind) {
			return k
		}
	}
	return -1
}

// nextSight returns the next event of the same client, if it comes behind i
// without a snapshot in between.
func (s *script) nextSight(i int) int {
	if k := s.next(i, opSaw, opSnapshot, opGone); k >= 0 && s.ops[k].kind == opSaw {
		return k
	}
	return -1
}

func (s *script) epochs() int {
	seen := make(map[string]bool)
	for i := range s.ops {
		if s.ops[i].kind == opSnapshot {
			seen[s.ops[i].snap.Epoch] = true
		}
	}
	return len(seen)
}

// everySight changes all sights of the event at an offset.
func (s *script) everySight(offset uint64, change func(e *Event)) {
	for i := range s.ops {
		if o := &s.ops[i]; o.kind == opSaw && o.event.Offset == offset {
			change(&o.event)
		}
	}
}

// shift moves everything from an offset on.
func (s *script) shift(from uint64, by int) {
	for i := range s.ops {
		o := &s.ops[i]
		for _, offset := range []*uint64{&o.offset, &o.event.Offset, &o.welcome.Offset, &o.snap.Offset} {
			if *offset >= from {
				*offset += uint64(by)
			}
		}
	}
}

// repeat has everybody who sees an event see it again, at an offset of its own.
func (s *script) repeat(offset uint64) {
	s.shift(offset+1, 1)
	for i := len(s.ops) - 1; i >= 0; i-- {
		if s.ops[i].kind == opSaw && s.ops[i].event.Offset == offset {
			again := s.ops[i]
			again.event.Offset++
			s.ops = slices.Insert(s.ops, i+1, again)
		}
	}
}

func missAnEvent(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool { return o.kind == opSaw && s.nextSight(i) >= 0 })
	if i >= 0 {
		s.ops = slices.Delete(s.ops, i, i+1)
	}
	return i >= 0
}

func seeTwice(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSaw })
	if i >= 0 {
		s.ops = slices.Insert(s.ops, i+1, s.ops[i])
	}
	return i >= 0
}

func seeExchanged(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool { return o.kind == opSaw && s.nextSight(i) >= 0 })
	if i >= 0 {
		k := s.nextSight(i)
		s.ops[i].event, s.ops[k].event = s.ops[k].event, s.ops[i].event
	}
	return i >= 0
}

func seeAnother(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool {
		return o.kind == opSaw && s.pick(r, func(_ int, p *op) bool {
			return p.kind == opSaw && p.client != o.client && p.event.Offset == o.event.Offset && s.oneEpoch
		}) >= 0
	})
	if i >= 0 {
		s.ops[i].event.Data = append(bytes.Clone(s.ops[i].event.Data), ' ')
	}
	return i >= 0
}

func seeEarly(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool {
		return o.kind == opSnapshot && o.snap.Reason == "snapshot" && !slices.ContainsFunc(s.ops[:i], func(p op) bool {
			return p.client == o.client && (p.kind == opSnapshot || p.kind == opBegin)
		})
	})
	k := s.pick(r, func(_ int, o *op) bool { return o.kind == opSaw })
	if i < 0 || k < 0 {
		return false
	}
	early := s.ops[k]
	early.client, early.at = s.ops[i].client, s.ops[i].at
	s.ops = slices.Insert(s.ops, i, early)
	return true
}

func resumeFurther(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opWelcome && o.welcome.Resumed })
	if i >= 0 {
		s.ops[i].welcome.Offset++
	}
	return i >= 0
}

func stateOld(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSnapshot })
	k := s.pick(r, func(_ int, o *op) bool { return o.kind == opSaw && i >= 0 && o.event.Offset > s.ops[i].snap.Offset })
	if k < 0 || s.epochs() > 1 {
		return false
	}
	old := op{kind: opSnapshot, client: s.ops[k].client, at: s.ops[k].at, snap: s.ops[i].snap}
	s.ops = slices.Insert(s.ops, k+1, old)
	return true
}

func stateOfOtherEpoch(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool { return o.kind == opSnapshot && o.snap.Reason == "lagged" })
	if i < 0 || !s.oneEpoch {
		return false
	}
	s.ops[i].snap.Epoch = "other"
	return true
}

func stateOfFormerEpoch(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSnapshot && o.snap.Reason == "reset" })
	if i < 0 {
		return false
	}
	for k := range i {
		if o := &s.ops[k]; o.kind == opSnapshot && o.client == s.ops[i].client && o.snap.Epoch != s.ops[i].snap.Epoch {
			old := *o
			old.at = s.ops[i].at
			s.ops = slices.Insert(s.ops, i+1, old)
			return true
		}
	}
	return false
}

func resetWithoutEpoch(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(_ int, o *op) bool { return o.kind == opSnapshot && o.snap.Reason == "lagged" })
	if i >= 0 {
		s.ops[i].snap.Reason = "reset"
	}
	return i >= 0
}

func stayBehind(r *rand.Rand, s *script) bool {
	i := s.pick(r, func(i int, o *op) bool {
		return o.kind == opSaw && s.next(i, opSaw, opSnapshot, opGone) < 0
	})
	if i >= 0 {
		s.ops = slices.Delete(s.ops, i, i+1)
	}
	return i >= 0
}
