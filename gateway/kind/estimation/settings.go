package estimation

import (
	"encoding/json"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func (m *move) setDeck(data json.RawMessage) error {
	var d struct {
		Deck    json.RawMessage `json:"deck"`
		Cards   json.RawMessage `json:"cards"`
		Confirm bool            `json:"confirm"`
	}
	if wire.Unmarshal(data, &d) != nil || (d.Deck == nil) == (d.Cards == nil) {
		return badData(`the data of set_deck is {"deck": id or "cards": [labels], "confirm": boolean}, the last one optional`)
	}
	if d.Deck == nil {
		d.Deck = d.Cards
	}
	next, err := readDeck(d.Deck)
	if err = first(err, m.may(m.Options.SettingsBy)); err != nil || next.same(m.Deck.deck) {
		return err
	}
	anew := m.onTable() || m.Phase == revealed
	if anew && !d.Confirm {
		return refuse(CodeHasVotes, "there are votes with the deck of now; confirm starts a new round")
	}
	m.Deck = storedDeck{next}
	m.say("deck.changed", struct {
		Deck deck `json:"deck"`
	}{next})
	if anew {
		return m.newRound(m.Round.Story, reasonDeck)
	}
	return nil
}

func (m *move) setOptions(data json.RawMessage) error {
	var asked map[string]json.RawMessage
	if json.Unmarshal(data, &asked) != nil || len(asked) == 0 {
		return badData(`the data of set_options is an object of options`)
	}
	next, policies := m.Options, false
	for name, value := range asked {
		known, err := next.set(name, value)
		if err != nil {
			return err
		}
		if !known {
			return badData("there is no option %s", name)
		}
		_, isPolicy := next.field(name)
		policies = policies || isPolicy
	}
	if err := m.may(m.Options.SettingsBy); err != nil {
		return err
	}
	if policies && m.by != m.Owner {
		return forbidden("only the owner says who may do what")
	}
	changed := m.Options.changes(next)
	if len(changed) == 0 {
		return nil
	}
	m.Options = next
	m.say("options.changed", changed)
	m.anonymize()
	if m.Phase == voting && !next.AutoReveal {
		m.stopCountdown()
	}
	return nil
}

// anonymize has the round be as anonymous as the option says. A round with votes
// on the table stays anonymous: somebody may have relied on it.
func (m *move) anonymize() {
	if m.Phase != voting || m.Round.Anonymous == m.Options.Anonymous || !m.Options.Anonymous && len(m.Round.Votes) > 0 {
		return
	}
	m.Round.Anonymous = m.Options.Anonymous
	m.mention("round.anonymous", struct {
		Round     int  `json:"round"`
		Anonymous bool `json:"anonymous"`
	}{m.Round.Number, m.Round.Anonymous})
}
