package estimation

import (
	"encoding/json"
	"slices"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// roundData is the data of commands about the current round.
type roundData struct {
	Round int    `json:"round"`
	Card  string `json:"card"`
	Force bool   `json:"force"`
}

// current reads the data of a command about the current round, and refuses one
// that means another round.
func (m *move) current(command string, data json.RawMessage) (d roundData, err error) {
	if wire.Unmarshal(data, &d) != nil || d.Round < 1 {
		return d, badData(`the data of %s has to name the round: {"round": integer, …}`, command)
	}
	if err := m.notClosed(); err != nil {
		return d, err
	}
	if d.Round != m.Round.Number {
		return d, refuse(CodeStaleRound, "the current round is %d, not %d", m.Round.Number, d.Round)
	}
	return d, nil
}

// voter refuses spectators.
func (m *move) voter() error {
	if slices.Contains(m.Spectators, m.by) {
		return refuse(CodeSpectator, "a spectator has no vote")
	}
	return nil
}

// notClosed refuses what does not happen in a closed session.
func (m *move) notClosed() error {
	if m.Phase == closed {
		return refuse(CodeClosed, "the session is closed")
	}
	return nil
}

// hidden refuses what comes after the reveal.
func (m *move) hidden() error {
	if m.Phase == revealed {
		return refuse(CodeRevealed, "round %d is revealed", m.Rounds)
	}
	return nil
}

// shown refuses what comes before the reveal.
func (m *move) shown() error {
	if m.Phase != revealed {
		return refuse(CodeNotRevealed, "round %d is not revealed", m.Rounds)
	}
	return nil
}

// first returns the first of errors that is one.
func first(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// voteOf is the index of a member's vote; -1 if there is none.
func (r *round) voteOf(member string) int {
	return slices.IndexFunc(r.Votes, func(v vote) bool { return v.Member == member })
}

func (m *move) inDeck(text string) (string, error) {
	c, ok := m.Deck.find(text)
	if !ok {
		return "", refuse(CodeNotInDeck, "the deck has no such card")
	}
	return c.ID, nil
}

type voteState struct {
	Member string `json:"member"`
	Voted  bool   `json:"voted"`
}

// castVote lays a card on the table, or another one in its place. What happens
// must not depend on which card it is, nor on whether it is another one.
func (m *move) castVote(data json.RawMessage) error {
	d, err := m.current("cast_vote", data)
	if err = first(err, m.voter(), m.hidden()); err != nil {
		return err
	}
	card, err := m.inDeck(d.Card)
	if err != nil {
		return err
	}
	r := m.Round
	m.news(m.by)
	if i := r.voteOf(m.by); i >= 0 {
		r.Votes[i].Card = card
		return nil
	}
	r.Votes = append(r.Votes, vote{Member: m.by, Card: card})
	r.Retracted = slices.DeleteFunc(r.Retracted, func(id string) bool { return id == m.by })
	r.Held = false
	m.mention("vote.state", voteState{m.by, true})
	return nil
}

func (m *move) retractVote(data json.RawMessage) error {
	_, err := m.current("retract_vote", data)
	if err = first(err, m.voter(), m.hidden()); err != nil {
		return err
	}
	if m.drop(m.by) {
		m.mention("vote.state", voteState{m.by, false})
		m.stopCountdown()
	}
	return nil
}

// drop takes a hidden vote from the table. It reports whether there was one.
func (m *move) drop(member string) bool {
	if m.Phase != voting {
		return false
	}
	r := m.Round
	i := r.voteOf(member)
	if i < 0 {
		return false
	}
	r.Votes = slices.Delete(r.Votes, i, i+1)
	r.Retracted = append(r.Retracted, member)
	r.Held = false
	m.news(member)
	return true
}

// changeVote changes a vote after the reveal, or adds one.
func (m *move) changeVote(data json.RawMessage) error {
	d, err := m.current("change_vote", data)
	if err = first(err, m.voter(), m.shown()); err != nil {
		return err
	}
	if !m.Options.LateChange {
		return refuse(CodeOptionOff, "votes may not be changed after the reveal in this session")
	}
	card, err := m.inDeck(d.Card)
	if err != nil {
		return err
	}
	r, before := m.Round, (*string)(nil)
	switch i := r.voteOf(m.by); {
	case i < 0:
		r.Votes = append(r.Votes, vote{Member: m.by, Card: card, Changed: true})
	case r.Votes[i].Card == card:
		return nil
	default:
		v := &r.Votes[i]
		if !v.Changed {
			was := v.Card
			v.Changed, v.First = true, &was
		}
		v.Card, before = card, v.First
	}
	m.news(m.by)
	m.evaluate(r.Results.Took)
	if r.Anonymous {
		m.mention("vote.changed", struct {
			Round   int      `json:"round"`
			Results *results `json:"results"`
		}{r.Number, r.Results})
		return nil
	}
	m.name([]vote{{Member: m.by}}) // the names of the others are those of the reveal
	m.say("vote.changed", struct {
		Round   int      `json:"round"`
		Member  string   `json:"member"`
		Card    string   `json:"card"`
		First   *string  `json:"first"`
		Results *results `json:"results"`
	}{r.Number, m.by, card, before, r.Results})
	return nil
}

// Private implements kind.Private: the member's own card.
func (s *state) Private(member string) []kind.Event {
	r := s.Round
	if r == nil {
		return nil
	}
	card := s.cardOf(member)
	if card == nil && !slices.Contains(r.Retracted, member) {
		return nil
	}
	return []kind.Event{{Name: "your_vote", Data: encode(struct {
		Round int     `json:"round"`
		Card  *string `json:"card"`
	}{r.Number, card})}}
}

// cardOf is the card of a member in this round; nil if there is none.
func (s *state) cardOf(member string) *string {
	if s.Round == nil {
		return nil
	}
	i := s.Round.voteOf(member)
	if i < 0 {
		return nil
	}
	return &s.Round.Votes[i].Card
}
