package estimation

import (
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
)

// React implements kind.Social. What is left to do, who leads and whether all
// are in, is done at the end of any move.
func (s *state) React(people []kind.Person, at time.Time) kind.Result {
	m := s.begin("", people, at)
	m.arrive()
	m.depart()
	return m.done()
}

// arrive starts the clock with the first member: a session may have been made
// long before.
func (m *move) arrive() {
	if m.Began != 0 || len(m.people) == 0 {
		return
	}
	m.Began, m.moved = m.now(), true
	if m.Round != nil {
		m.Round.Started = m.now()
	}
}

// depart lets go of what belongs to seats that are gone. A hidden vote goes with
// its seat, and members know that from member.left.
func (m *move) depart() {
	gone := func(id string) bool { _, ok := m.person(id); return !ok }
	if slices.ContainsFunc(m.Spectators, gone) {
		m.Spectators, m.moved = slices.DeleteFunc(m.Spectators, gone), true
	}
	if m.Phase != voting {
		return
	}
	n := len(m.Round.Votes)
	m.Round.Votes = slices.DeleteFunc(m.Round.Votes, func(v vote) bool { return gone(v.Member) })
	if len(m.Round.Votes) < n {
		m.Round.Held, m.moved = false, true
	}
	if slices.ContainsFunc(m.Round.Retracted, gone) {
		m.Round.Retracted, m.moved = slices.DeleteFunc(m.Round.Retracted, gone), true
	}
}
