package estimation

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// check checks what holds at any time, in any session.
func (m *meeting) check() {
	m.Helper()
	m.checkStored()
	m.checkRound()
	m.checkLeaders()
	m.checkHidden()
	m.checkHistory()
	if again := m.state.React(m.people, m.at); again.State != nil || len(again.Events) > 0 {
		m.Errorf("asked again who is here, the kind finds more to do: %v", again.Events)
	}
	if d := m.state.Deadline(); m.tokens[d.Token] {
		m.Errorf("the token %d comes again", d.Token)
	}
	for id, c := range m.mirrors {
		if err := c.Differs(m.state.ViewAt(id, m.at)); err != nil {
			m.Errorf("%s: %v", id, err)
		}
	}
	if m.Failed() {
		m.FailNow()
	}
}

// checkStored: what is stored is the state, and is read as the same again.
func (m *meeting) checkStored() {
	m.Helper()
	if parts := m.state.Parts(); !maps.Equal(parts, m.parts) {
		m.Errorf("the state has the parts\n%v\nbut the log was given\n%v", parts, m.parts)
	}
	again, err := Kind{}.DecodeParts(m.state.Encode(), m.parts)
	if err != nil {
		m.Fatalf("decode: %v\n%s", err, m.state.Encode())
	}
	if !bytes.Equal(again.Encode(), m.state.Encode()) || !maps.Equal(again.(kind.Parted).Parts(), m.parts) {
		m.Errorf("stored and read again\n%s\nis\n%s", m.state.Encode(), again.Encode())
	}
	m.state = again.(*state) // so that every step works on what was read
}

// checkRound: a vote belongs to a seat, spectators hold none, and a countdown
// has votes that it counts for.
func (m *meeting) checkRound() {
	m.Helper()
	r := m.state.Round
	if r == nil {
		return
	}
	seen := make(map[string]bool)
	for _, v := range r.Votes {
		_, here := m.person(v.Member)
		switch {
		case seen[v.Member]:
			m.Errorf("%s has two votes", v.Member)
		case m.state.Phase == voting && !here:
			m.Errorf("the vote of %s, who has no seat, lies on the table", v.Member)
		case m.state.Phase == voting && m.state.Role(v.Member) == roleSpectator:
			m.Errorf("%s is a spectator and has a vote", v.Member)
		}
		if _, ok := m.state.Deck.find(v.Card); m.state.Phase == voting && !ok {
			m.Errorf("%s has voted %s, which is not in the deck", v.Member, v.Card)
		}
		seen[v.Member] = true
	}
	if r.Countdown != nil && len(r.Votes) == 0 {
		m.Error("a countdown runs for no votes")
	}
}

func (m *meeting) person(id string) (kind.Person, bool) {
	i := slices.IndexFunc(m.people, func(p kind.Person) bool { return p.ID == id })
	if i < 0 {
		return kind.Person{}, false
	}
	return m.people[i], true
}

// checkLeaders: as long as anybody is here, somebody of them is the owner and a
// facilitator, and nobody acts while one of them is online.
func (m *meeting) checkLeaders() {
	m.Helper()
	s := m.state
	if len(m.people) == 0 {
		return
	}
	if _, here := m.person(s.Owner); !here || !slices.Contains(s.Facilitators, s.Owner) {
		m.Errorf("the owner is %q, the facilitators are %v", s.Owner, s.Facilitators)
	}
	for _, id := range append(append(slices.Clone(s.Facilitators), s.Spectators...), s.Acting) {
		if _, here := m.person(id); id != "" && !here {
			m.Errorf("%s has a role and no seat", id)
		}
	}
	online := false
	for _, p := range m.people {
		online = online || p.Status == wire.StatusOnline && slices.Contains(s.Facilitators, p.ID)
	}
	if online && (s.Acting != "" || s.Absent != 0) {
		m.Errorf("a facilitator is online, and %q acts, absent since %d", s.Acting, s.Absent)
	}
}

// checkHidden: with other cards on the table nobody sees anything else, but for
// the own card.
func (m *meeting) checkHidden() {
	m.Helper()
	s := m.state
	if s.Phase != voting || len(s.Round.Votes) == 0 {
		return
	}
	for i, v := range s.Round.Votes {
		other := s.begin("", m.people, m.at)
		other.Round.Votes[i].Card = m.another(v.Card)
		m.checkSame(other.state, v.Member)
	}
}

// another returns a card of the deck that is not the given one.
func (m *meeting) another(card string) string {
	cards := m.state.Deck.Cards
	for i := range cards {
		if cards[i].ID == card {
			return cards[(i+1)%len(cards)].ID
		}
	}
	m.Fatalf("there is no card %s", card)
	return ""
}

// checkSame: but for one member everybody is shown the same in another state.
func (m *meeting) checkSame(other *state, but string) {
	m.Helper()
	for _, p := range append([]kind.Person{{}}, m.people...) {
		if p.ID == but {
			continue
		}
		if a, b := m.state.ViewAt(p.ID, m.at), other.ViewAt(p.ID, m.at); !bytes.Equal(a, b) {
			m.Errorf("%q sees a hidden card of %s:\n%s\n%s", p.ID, but, a, b)
		}
		if a, b := encode(m.state.Private(p.ID)), encode(other.Private(p.ID)); !bytes.Equal(a, b) {
			m.Errorf("%q is told a hidden card of %s:\n%s\n%s", p.ID, but, a, b)
		}
	}
}

// checkHistory: past rounds have rising numbers below the current one, and show
// no cards that were never revealed.
func (m *meeting) checkHistory() {
	m.Helper()
	last := 0
	for _, p := range m.state.past {
		r := p.record()
		if p.number != r.Round || p.number <= last || p.number > m.state.Rounds || m.state.Round != nil && p.number == m.state.Rounds {
			m.Errorf("round %d (%d) comes behind %d; the current one is %d", p.number, r.Round, last, m.state.Rounds)
		}
		last = p.number
		if r.Revealed == 0 && (r.Votes != nil || r.Results != nil) || r.Anonymous && r.Votes != nil || r.Ended == 0 {
			m.Errorf("a past round shows too much, or too little: %s", p.shown())
		}
		if !json.Valid([]byte(p.shown())) {
			m.Errorf("not JSON: %s", p.shown())
		}
	}
}
