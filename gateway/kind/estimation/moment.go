package estimation

import (
	"encoding/json"
	"unicode"
	"unicode/utf8"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const maxEmoji = 8 // code points

// nudge reminds a member, for the moment.
func (m *move) nudge(data json.RawMessage) error {
	member, err := m.about("nudge", data, facilitators)
	if err != nil {
		return err
	}
	m.pass("nudge", struct {
		Member string `json:"member"`
	}{member})
	return nil
}

// react shows everybody an emoji, for the moment.
func (m *move) react(data json.RawMessage) error {
	var d struct {
		Emoji string `json:"emoji"`
	}
	if wire.Unmarshal(data, &d) != nil || !isEmoji(d.Emoji) {
		return badData(`the data of react is {"emoji": 1 to %d code points, no text}`, maxEmoji)
	}
	m.pass("react", d)
	return nil
}

func (m *move) pass(name string, data any) {
	m.result.Passing = append(m.result.Passing, kind.Event{Name: name, Data: encode(data)})
}

// isEmoji reports whether a text is short and has nothing that can be read.
func isEmoji(text string) bool {
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxEmoji {
		return false
	}
	for _, r := range text {
		if r <= unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSpace(r) || unicode.IsControl(r) {
			return false
		}
	}
	return true
}
