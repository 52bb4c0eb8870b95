package estimation

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Kind is the estimation kind.
type Kind struct{}

// Name implements kind.Kind.
func (Kind) Name() string { return "estimation" }

// New implements kind.Kind. The options stand in docs/estimation.md.
func (Kind) New(raw json.RawMessage) (kind.State, error) {
	m := &move{state: &state{core: core{Deck: storedDeck{standard[0]}, Options: defaultOptions()}}}
	asked := make(map[string]json.RawMessage)
	if len(raw) > 0 && (json.Unmarshal(raw, &asked) != nil || asked == nil && !bytes.Equal(raw, []byte("null"))) {
		return nil, badData("the options of an estimation are an object")
	}
	for name, value := range asked {
		if err := m.option(name, value); err != nil {
			return nil, err
		}
	}
	m.lay("")
	m.Round.Started = 0 // the clock starts with the first member
	return m.state, nil
}

// option sets one of a new session.
func (m *move) option(name string, value json.RawMessage) (err error) {
	switch name {
	case "deck":
		m.Deck.deck, err = readDeck(value)
		return err
	case "locked":
		if json.Unmarshal(value, &m.Locked) != nil {
			return badData("the option locked is true or false")
		}
		return nil
	case "stories":
		return m.firstStories(value)
	}
	known, err := m.Options.set(name, value)
	if !known {
		return badData("there is no option %s", name)
	}
	return err
}

// firstStories reads the stories of a new session.
func (m *move) firstStories(value json.RawMessage) error {
	var raw []json.RawMessage
	if json.Unmarshal(value, &raw) != nil {
		return badData(`the option stories is an array of titles, or of {"title", "link"}`)
	}
	found := make([]story, len(raw))
	for i, r := range raw {
		s := &found[i]
		if json.Unmarshal(r, &s.Title) != nil && wire.Unmarshal(r, &struct {
			Title *string `json:"title"`
			Link  *string `json:"link"`
		}{&s.Title, &s.Link}) != nil {
			return badData(`story %d is neither a title nor {"title", "link"}`, i+1)
		}
		if err := s.check(); err != nil {
			return badData("story %d: %s", i+1, says(err))
		}
	}
	return m.addStories(found, "")
}

// Decode implements kind.Kind.
func (k Kind) Decode(data []byte) (kind.State, error) { return k.DecodeParts(data, nil) }

// DecodeParts implements kind.PartedKind.
func (Kind) DecodeParts(data []byte, parts map[string]string) (kind.State, error) {
	s, err := decode(data, parts)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Rate implements kind.Rated.
func (Kind) Rate(command string) (times int, within time.Duration) {
	switch command {
	case "nudge":
		return 1, 5 * time.Second
	case "react":
		return 5, 5 * time.Second
	}
	return 0, 0
}

var (
	reservedNames = []string{"estimate.set", "deck.changed", "options.changed", "roles.changed", "door.changed", "nudge", "react",
		"your_vote", "rounds"} // the last two are private
	reservedPrefixes = []string{"session.", "round.", "vote.", "story.", "stories.", "countdown.", "timer."}
)

// Reserves implements kind.Reserved.
func (Kind) Reserves(event string) bool {
	return slices.Contains(reservedNames, event) ||
		slices.ContainsFunc(reservedPrefixes, func(p string) bool { return strings.HasPrefix(event, p) })
}

var _ interface {
	kind.Kind
	kind.PartedKind
	kind.Rated
	kind.Reserved
} = Kind{}
