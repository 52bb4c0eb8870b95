package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

var seedFlag = flag.Uint64("seed", 0, "seed of what the tests draw at random; 0: each draws one and prints it")

// drawSeed returns the seed of a test.
func drawSeed(t testing.TB) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	return seed
}

// chronicle is the log of a session as all who saw a part of it agree on it.
type chronicle struct {
	t      testing.TB
	events map[uint64]wire.Event
	head   uint64
}

func newChronicle(t testing.TB) *chronicle {
	return &chronicle{t: t, events: make(map[uint64]wire.Event)}
}

// witness adds what somebody saw behind an offset: without a gap, and the same
// as everybody else saw.
func (c *chronicle) witness(who string, behind uint64, events []wire.Event) {
	c.t.Helper()
	for i, e := range events {
		if want := behind + uint64(i) + 1; e.Offset != want {
			c.t.Errorf("%s: event %d where %d must be", who, e.Offset, want)
			return
		}
		if before, ok := c.events[e.Offset]; ok && !same(before, e) {
			c.t.Errorf("%s: event %d is %s, but somebody else saw %s", who, e.Offset, show(e), show(before))
			return
		}
		c.events[e.Offset] = e
	}
	c.head = max(c.head, behind+uint64(len(events)))
}

func same(a, b wire.Event) bool {
	return a.Offset == b.Offset && a.At == b.At && a.Event == b.Event && a.From == b.From && a.Ref == b.Ref && bytes.Equal(a.Data, b.Data)
}

func show(e wire.Event) string {
	b, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// judge holds what members of one session remember against the promise: one
// order for all, nothing missing behind the first snapshot, nothing twice, over
// all connections; every acknowledged publish once, any other at most once.
// All members must have been caught up. They may not have needed a second
// snapshot.
func judge(t testing.TB, members []*member) *chronicle {
	t.Helper()
	c := newChronicle(t)
	for _, m := range members {
		m.look(func() { m.testify(t, c) })
		for i, l := range m.tapes.ledgers() {
			who := fmt.Sprintf("%s, connection %d", m.name, i+1)
			if l.fault != nil {
				t.Errorf("%s: %v", who, l.fault)
			} else if len(l.states) == 0 {
				c.witness(who, l.welcome.Session.Offset, l.events)
			}
		}
	}
	// By their refs, so that one that is there twice is seen.
	said := make(map[string][]wire.Event)
	for _, offset := range slices.Sorted(maps.Keys(c.events)) {
		if e := c.events[offset]; e.Ref != "" {
			said[e.Ref] = append(said[e.Ref], e)
		}
	}
	for _, m := range members {
		m.look(func() { m.checkSaid(t, said) })
	}
	return c
}

// testify adds what the member saw to the chronicle.
func (m *member) testify(t testing.TB, c *chronicle) {
	t.Helper()
	if len(m.states) != 1 {
		for _, s := range m.states {
			t.Errorf("%s was given a snapshot (%s) at %d of epoch %s; one is enough", m.name, s.Reason, s.Session.Offset, s.Session.Epoch)
		}
		return
	}
	c.witness(m.name, m.states[0].Session.Offset, m.events)
	if len(m.errs) > 0 {
		t.Errorf("%s was told of errors: %v", m.name, m.errs)
	}
}

// checkSaid looks at each publish of the member. What everybody saw is by ref
// in said.
func (m *member) checkSaid(t testing.TB, said map[string][]wire.Event) {
	t.Helper()
	for ref, data := range m.sent {
		heard := said[fmt.Sprintf("%s:%d", m.ID(), ref)]
		outcome, settled := m.settled[ref]
		switch {
		case len(heard) > 1:
			t.Errorf("%s: what was said once with ref %d is there %d times", m.name, ref, len(heard))
		case len(heard) == 0 && settled && outcome.Err == nil:
			t.Errorf("%s: ref %d was acknowledged and is not there", m.name, ref)
		case len(heard) == 0:
		case settled && isRefusal(outcome.Err):
			t.Errorf("%s: ref %d was refused, %v, and is there nevertheless", m.name, ref, outcome.Err)
		case heard[0].From != m.Member() || heard[0].Event != "test.said" || !bytes.Equal(heard[0].Data, data):
			t.Errorf("%s: ref %d said %s, but the others saw %s", m.name, ref, data, show(heard[0]))
		case settled && outcome.Err == nil && outcome.Offset != 0 && outcome.Offset < heard[0].Offset: // a repeat is acknowledged with the head
			t.Errorf("%s: ref %d was settled at offset %d, and is at %d", m.name, ref, outcome.Offset, heard[0].Offset)
		}
	}
}

// isRefusal reports whether an outcome says that a publish did not and never
// will take effect.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*wire.Error](err)
	return ok
}

// allSettledWell fails the test if a publish was refused.
func allSettledWell(t testing.TB, members []*member) {
	t.Helper()
	for _, m := range members {
		m.look(func() {
			for ref, s := range m.settled {
				if s.Err != nil {
					t.Errorf("%s: ref %d was refused: %v", m.name, ref, s.Err)
				}
			}
		})
	}
}

// neverLost fails the test if somebody's connection ended.
func neverLost(t testing.TB, members []*member) {
	t.Helper()
	for _, m := range members {
		m.look(func() {
			if len(m.replicas) != 1 || len(m.breaks) != 0 {
				t.Errorf("%s was welcomed %d times and lost connections: %v", m.name, len(m.replicas), m.breaks)
			}
		})
	}
}

// allCaughtUp waits until all have seen what anybody has.
func allCaughtUp(t testing.TB, members []*member) (head uint64) {
	t.Helper()
	for _, m := range members {
		head = max(head, m.seen.Load())
	}
	for _, m := range members {
		m.caughtUp(t, head)
	}
	return head
}

// served counts the welcomes of each replica.
func served(members []*member) map[string]int {
	count := make(map[string]int)
	for _, m := range members {
		m.look(func() {
			for _, replica := range m.replicas {
				count[replica]++
			}
		})
	}
	return count
}
