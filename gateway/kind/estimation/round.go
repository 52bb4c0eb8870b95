package estimation

import (
	"encoding/json"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Reasons for a new round.
const (
	reasonStart   = "start"
	reasonRevote  = "revote"
	reasonDeck    = "deck"
	reasonRemoved = "story_removed"
	reasonReopen  = "reopen"
)

// newRound ends the current round and starts the next one, about a story or,
// with "", about none.
func (m *move) newRound(storyID, reason string) error {
	if err := m.archive(); err != nil {
		return err
	}
	m.lay(storyID)
	r := m.Round.record(0)
	m.say("round.started", struct {
		Round     int     `json:"round"`
		Story     *string `json:"story"`
		Title     string  `json:"title"`
		Started   int64   `json:"started"`
		Anonymous bool    `json:"anonymous"`
		Reason    string  `json:"reason"`
	}{r.Round, r.Story, r.Title, r.Started, r.Anonymous, reason})
	return nil
}

// lay makes the next round.
func (m *move) lay(storyID string) {
	m.Rounds++
	m.Phase = voting
	m.Round = &round{Number: m.Rounds, Story: storyID, Started: m.now(), Anonymous: m.Options.Anonymous}
	if i := m.findStory(storyID); i >= 0 {
		m.Round.Title = m.stories[i].Title
	}
}

// onTable reports whether there are cards that a new round would take away.
func (m *move) onTable() bool { return m.Phase == voting && len(m.Round.Votes) > 0 }

func (m *move) revote(data json.RawMessage) error {
	_, err := m.current("revote", data)
	if err = first(err, m.may(m.Options.FlowBy), m.shown()); err != nil {
		return err
	}
	return m.newRound(m.Round.Story, reasonRevote)
}

func (m *move) startRound(data json.RawMessage) error {
	var d struct {
		Story   string `json:"story"`
		Confirm bool   `json:"confirm"`
	}
	if wire.Unmarshal(data, &d) != nil {
		return badData(`the data of start_round is {"story": id, "confirm": boolean}, both optional`)
	}
	if err := first(m.may(m.Options.FlowBy), m.notClosed()); err != nil {
		return err
	}
	if d.Story != "" && m.findStory(d.Story) < 0 {
		return unknownStory(d.Story)
	}
	if m.onTable() && !d.Confirm {
		return refuse(CodeHasVotes, "cards are on the table; confirm leaves them unrevealed")
	}
	return m.newRound(d.Story, reasonStart)
}

// close ends the meeting. It can be opened again.
func (m *move) close(data json.RawMessage) error {
	if err := first(m.may(owner), m.notClosed()); err != nil {
		return err
	}
	if err := m.archive(); err != nil {
		return err
	}
	m.Last, m.Round, m.Phase = m.Round.Story, nil, closed
	m.say("session.closed", struct {
		Ended   int64   `json:"ended"`
		Summary summary `json:"summary"`
	}{m.now(), m.summary()})
	return nil
}

func (m *move) reopen(json.RawMessage) error {
	if err := m.may(owner); err != nil {
		return err
	}
	if m.Phase != closed {
		return refuse(CodeNotClosed, "the session is not closed")
	}
	story := m.Last
	if m.findStory(story) < 0 {
		story = ""
	}
	m.Last = ""
	return m.newRound(story, reasonReopen)
}

// summary is what a closed session came to.
type summary struct {
	Rounds    int      `json:"rounds"`
	Revealed  int      `json:"revealed"`
	Stories   int      `json:"stories"`
	Estimated int      `json:"estimated"`
	Total     *float64 `json:"total"` // nil: no estimate is a number
	Voters    int      `json:"voters"`
	Duration  int64    `json:"duration"` // ms
}

func (m *move) summary() summary {
	s := summary{Rounds: len(m.past), Stories: len(m.stories), Duration: m.now() - m.Began}
	voters := make(map[string]bool)
	for _, p := range m.past {
		r := p.record()
		if r.Revealed > 0 {
			s.Revealed++
		}
		for id := range r.Votes {
			voters[id] = true
		}
	}
	s.Voters = len(voters)
	for _, st := range m.stories {
		if st.Estimate == nil {
			continue
		}
		s.Estimated++
		if n, ok := number(st.Estimate.Value); ok {
			if s.Total == nil {
				s.Total = new(float64)
			}
			*s.Total += n
		}
	}
	return s
}
