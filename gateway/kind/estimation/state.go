package estimation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plenum-gateway/plenum/gateway/kind"
)

// The phases.
const (
	voting   = "voting"
	revealed = "revealed"
	closed   = "closed"
)

// state is a session as it is stored: the core, which most moves change, and
// parts that few do. It is immutable.
type state struct {
	core
	stories []story
	names   map[string]string // of members whose votes were revealed, as they were called then
	past    []past            // oldest first
}

// core is what Encode writes. Fields that this version does not know are kept,
// so that replicas of two versions can serve one session; what a later version
// adds belongs here, at the top.
type core struct {
	Phase        string     `json:"phase"`
	Deck         storedDeck `json:"deck"`
	Options      options    `json:"options"`
	Rounds       int        `json:"rounds"`          // the highest number given
	Round        *round     `json:"round,omitempty"` // nil while closed
	Began        int64      `json:"began,omitempty"` // when the first member came, ms since 1970
	Last         string     `json:"last,omitempty"`  // the story of the round in which the session was closed
	Serial       int        `json:"serial"`          // the highest number given to a story
	Token        uint64     `json:"token"`           // the highest one given
	Owner        string     `json:"owner,omitempty"`
	Facilitators []string   `json:"facilitators,omitempty"`
	Acting       string     `json:"acting,omitempty"`
	Absent       int64      `json:"absent,omitempty"` // since when nobody who leads is online, ms since 1970
	Spectators   []string   `json:"spectators,omitempty"`
	Locked       bool       `json:"locked,omitempty"`
	Passcode     *passcode  `json:"passcode,omitempty"`
	Banned       []string   `json:"banned,omitempty"` // names, folded
	Timer        *timer     `json:"timer,omitempty"`

	unknown map[string]json.RawMessage
}

// round is the current round.
type round struct {
	Number    int        `json:"round"`
	Story     string     `json:"story,omitempty"`
	Title     string     `json:"title,omitempty"`
	Started   int64      `json:"started"` // ms since 1970, as all times
	Anonymous bool       `json:"anonymous,omitempty"`
	Votes     []vote     `json:"votes,omitempty"` // in the order of the first ones
	Retracted []string   `json:"retracted,omitempty"`
	Countdown *countdown `json:"countdown,omitempty"`
	Held      bool       `json:"held,omitempty"` // no countdown until a vote comes or goes
	Revealed  int64      `json:"revealed,omitempty"`
	Results   *results   `json:"results,omitempty"`
	Estimate  string     `json:"estimate,omitempty"`
}

// vote is a card on the table, and whose it is.
type vote struct {
	Member  string  `json:"member"`
	Card    string  `json:"card"`
	Changed bool    `json:"changed,omitempty"` // after the reveal
	First   *string `json:"first,omitempty"`   // before that change; nil: none
}

type countdown struct {
	Token uint64 `json:"token"`
	At    int64  `json:"at"`
	Ms    int64  `json:"ms"`
}

// The parts of a state.
const (
	partStories = "stories"
	partNames   = "names"
	partRound   = "r:" // and its number
)

// Encode implements kind.State.
func (s *state) Encode() []byte { return s.core.encode() }

// Parts implements kind.Parted.
func (s *state) Parts() map[string]string {
	parts := make(map[string]string, len(s.past)+2)
	if text := s.storiesText(); text != "" {
		parts[partStories] = text
	}
	if len(s.names) > 0 {
		parts[partNames] = string(encode(s.names))
	}
	for _, p := range s.past {
		parts[p.part()] = p.stored
	}
	return parts
}

// decode reads what Encode and Parts returned.
func decode(data []byte, parts map[string]string) (*state, error) {
	s := new(state)
	if err := s.core.decode(data); err != nil {
		return nil, err
	}
	for name, into := range map[string]any{partStories: &s.stories, partNames: &s.names} {
		if text := parts[name]; text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return nil, fmt.Errorf("the part %s: %w", name, err)
			}
		}
	}
	for name, text := range parts {
		number, ok := strings.CutPrefix(name, partRound)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("the part %s: %w", name, err)
		}
		p := past{number: n, stored: text}
		if !json.Valid([]byte(p.shown())) {
			return nil, fmt.Errorf("the part %s is not JSON", name)
		}
		s.past = append(s.past, p)
	}
	slices.SortFunc(s.past, func(a, b past) int { return a.number - b.number })
	return s, nil
}

func (c *core) encode() []byte {
	b := encode(c)
	if len(c.unknown) == 0 {
		return b
	}
	rest := encode(c.unknown)
	return append(append(b[:len(b)-1], ','), rest[1:]...)
}

// coreFields are the names of the fields of core.
var coreFields = func() map[string]bool {
	full := core{Round: &round{}, Began: 1, Last: "s", Owner: "m", Facilitators: []string{"m"}, Acting: "m", Absent: 1,
		Spectators: []string{"m"}, Locked: true, Passcode: &passcode{}, Banned: []string{"n"}, Timer: &timer{}}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encode(full), &fields); err != nil {
		panic("estimation: " + err.Error())
	}
	names := make(map[string]bool)
	for name := range fields {
		names[name] = true
	}
	return names
}()

func (c *core) decode(data []byte) error {
	if err := json.Unmarshal(data, c); err != nil {
		return fmt.Errorf("the core: %w", err)
	}
	if !c.fits() {
		return fmt.Errorf("the core: the phase %q does not fit the round", c.Phase)
	}
	if err := json.Unmarshal(data, &c.unknown); err != nil {
		return fmt.Errorf("the core: %w", err)
	}
	for name := range c.unknown {
		if coreFields[name] {
			delete(c.unknown, name)
		}
	}
	return nil
}

// fits reports whether the round is one that the phase can have.
func (c *core) fits() bool {
	r := c.Round
	switch c.Phase {
	case closed:
		return r == nil
	case voting:
		return r != nil && r.Number == c.Rounds && r.Revealed == 0
	case revealed:
		return r != nil && r.Number == c.Rounds && r.Revealed != 0 && r.Results != nil && r.Countdown == nil
	}
	return false
}

// encode marshals what cannot fail: plain structs, maps, and JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("estimation: " + err.Error())
	}
	return b
}

var _ interface {
	kind.State
	kind.Parted
	kind.Social
	kind.Timed
	kind.Private
	kind.Guard
	kind.Clocked
} = (*state)(nil)
