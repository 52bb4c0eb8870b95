package estimation

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

const maxEstimate = 8 // characters

// estimate is the final one of a story.
type estimate struct {
	Value string `json:"value"`
	Round int    `json:"round"` // where it came from; 0: none
}

// setEstimate keeps the team's final estimate, with the round that it came from.
func (m *move) setEstimate(data json.RawMessage) error {
	var d struct {
		Story string  `json:"story"`
		Round int     `json:"round"`
		Value *string `json:"value"`
	}
	if wire.Unmarshal(data, &d) != nil || d.Value == nil || (d.Story == "") == (d.Round == 0) || d.Round < 0 {
		return badData(`the data of set_estimate is {"story": id or "round": number, "value": string}`)
	}
	value := strings.TrimSpace(*d.Value)
	if value != "" && !validText(value, maxEstimate) {
		return badData("an estimate has at most %d characters", maxEstimate)
	}
	if err := m.may(m.Options.FlowBy); err != nil {
		return err
	}
	if m.Phase != revealed && !m.leads(m.by) {
		return forbidden("while nothing is revealed only facilitators set estimates")
	}
	if d.Story != "" {
		if m.findStory(d.Story) < 0 {
			return unknownStory(d.Story)
		}
		d.Round = m.lastRevealed(d.Story)
	} else {
		var ok bool
		if d.Story, ok = m.storyOf(d.Round); !ok {
			return refuse(CodeUnknownRound, "there is no round %d", d.Round)
		}
	}
	m.estimateRound(d.Round, value)
	m.estimateStory(d.Story, d.Round, value)
	m.say("estimate.set", struct {
		Value string `json:"value"`
		Round int    `json:"round,omitempty"`
		Story string `json:"story,omitempty"`
	}{value, d.Round, d.Story})
	return nil
}

// lastRevealed is the last revealed round about a story; 0 if there is none.
func (m *move) lastRevealed(story string) int {
	if m.Phase == revealed && m.Round.Story == story {
		return m.Round.Number
	}
	for _, p := range slices.Backward(m.past) {
		if r := p.record(); r.Revealed > 0 && r.Story != nil && *r.Story == story {
			return r.Round
		}
	}
	return 0
}

// storyOf is the story of a round, if it is still there, else ""; ok is false if
// there is no such round.
func (m *move) storyOf(number int) (story string, ok bool) {
	if m.Round != nil && m.Round.Number == number {
		story = m.Round.Story
	} else if i := m.findPast(number); i < 0 {
		return "", false
	} else if r := m.past[i].record(); r.Story != nil {
		story = *r.Story
	}
	if m.findStory(story) < 0 {
		story = ""
	}
	return story, true
}

// estimateRound notes an estimate with a round; 0 is none.
func (m *move) estimateRound(number int, value string) {
	if m.Round != nil && m.Round.Number == number {
		m.Round.Estimate = value
		return
	}
	if i := m.findPast(number); i >= 0 {
		r := m.past[i].record()
		r.Estimate = value
		m.past = slices.Clone(m.past)
		m.past[i] = m.past[i].with(r)
		m.part(m.past[i].part(), m.past[i].stored)
	}
}

// estimateStory notes an estimate with a story; "" is none.
func (m *move) estimateStory(id string, round int, value string) {
	i := m.findStory(id)
	if i < 0 {
		return
	}
	m.stories = slices.Clone(m.stories)
	m.stories[i].Estimate = nil
	if value != "" {
		m.stories[i].Estimate = &estimate{value, round}
	}
	m.saveStories()
}

// validText reports whether s is 1 to most characters, none of them a control character.
func validText(s string, most int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, isControl)
}
