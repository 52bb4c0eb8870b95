package estimation

import (
	"encoding/json"
	"time"
)

// view is the state as a member sees it.
type view struct {
	Now     int64   `json:"now"`
	Phase   string  `json:"phase"`
	Deck    deck    `json:"deck"`
	Options options `json:"options"`
	roles
	Locked   bool              `json:"locked"`
	Passcode bool              `json:"passcode"`
	Round    *record           `json:"round"`
	Stories  []story           `json:"stories"`
	History  []json.RawMessage `json:"history"`
	Older    int               `json:"older"`
	Names    map[string]string `json:"names"`
	Timer    *timer            `json:"timer"`
	You      *you              `json:"you,omitempty"`
}

// you is what only the member sees.
type you struct {
	Card *string `json:"card"`
}

// View implements kind.State; ViewAt is what a session shows.
func (s *state) View(member string) json.RawMessage { return s.ViewAt(member, time.Time{}) }

// ViewAt implements kind.Clocked.
func (s *state) ViewAt(member string, at time.Time) json.RawMessage {
	v := view{Now: at.UnixMilli(), Phase: s.Phase, Deck: s.Deck.deck, Options: s.Options, roles: s.roles(),
		Locked: s.Locked, Passcode: s.Passcode != nil, Stories: s.stories, Names: s.names, Timer: s.Timer}
	if v.Stories == nil {
		v.Stories = []story{}
	}
	if v.Names == nil {
		v.Names = map[string]string{}
	}
	if s.Round != nil {
		r := s.Round.record(0)
		v.Round = &r
	}
	v.History, v.Older = pages(s.past, len(s.past), viewHistory)
	if member != "" {
		v.You = &you{s.cardOf(member)}
	}
	return encode(v)
}
