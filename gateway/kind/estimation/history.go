package estimation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Bounds of what is kept and of what is sent.
const (
	maxRounds       = 1000
	maxHistory      = 512 << 10 // bytes of all past rounds and names
	viewHistory     = 32 << 10  // bytes of past rounds in a view
	pageHistory     = 48 << 10  // bytes in an answer to get_rounds
	maxRoundsOnPage = 100
)

// past is a round that is over, as it is stored: what everyone may see, and,
// of one that was never revealed, in a second line what nobody may.
type past struct {
	number int
	stored string
}

// record is a round as it is shown.
type record struct {
	Round     int                `json:"round"`
	Story     *string            `json:"story"`
	Title     string             `json:"title"`
	Started   int64              `json:"started"`
	Anonymous bool               `json:"anonymous"`
	Voted     *[]string          `json:"voted,omitempty"` // before the reveal
	Countdown *countdown         `json:"countdown,omitempty"`
	Revealed  int64              `json:"revealed,omitempty"`
	Votes     map[string]string  `json:"votes,omitempty"`
	Changed   map[string]*string `json:"changed,omitempty"`
	Results   *results           `json:"results,omitempty"`
	Estimate  string             `json:"estimate,omitempty"`
	Ended     int64              `json:"ended,omitempty"`
}

// record shows what everyone may see of a round.
func (r *round) record(ended int64) record {
	shown := record{Round: r.Number, Title: r.Title, Started: r.Started, Anonymous: r.Anonymous, Revealed: r.Revealed,
		Results: r.Results, Estimate: r.Estimate, Ended: ended}
	if r.Story != "" {
		shown.Story = &r.Story
	}
	if r.Revealed == 0 {
		voted := make([]string, 0, len(r.Votes))
		for _, v := range r.Votes {
			voted = append(voted, v.Member)
		}
		shown.Voted = &voted
		if ended == 0 {
			shown.Countdown = r.Countdown
		}
		return shown
	}
	if r.Anonymous {
		return shown
	}
	shown.Votes = make(map[string]string, len(r.Votes))
	for _, v := range r.Votes {
		shown.Votes[v.Member] = v.Card
		if v.Changed {
			if shown.Changed == nil {
				shown.Changed = make(map[string]*string)
			}
			shown.Changed[v.Member] = v.First
		}
	}
	return shown
}

// over makes a past round of r. What was never revealed is kept, and stays hidden.
func (r *round) over(at int64) past {
	p := past{number: r.Number, stored: string(encode(r.record(at)))}
	if r.Revealed == 0 {
		p.stored += "\n" + string(encode(r.Votes))
	}
	return p
}

func (p past) part() string { return partRound + strconv.Itoa(p.number) }

// shown is what everyone may see, as JSON.
func (p past) shown() string {
	shown, _, _ := strings.Cut(p.stored, "\n")
	return shown
}

// record reads what everyone may see.
func (p past) record() (r record) {
	if err := json.Unmarshal([]byte(p.shown()), &r); err != nil {
		return record{Round: p.number} // of a version that wrote something else
	}
	return r
}

// with returns p with another record.
func (p past) with(r record) past {
	_, hidden, abandoned := strings.Cut(p.stored, "\n")
	p.stored = string(encode(r))
	if abandoned {
		p.stored += "\n" + hidden
	}
	return p
}

// findPast returns the index of a past round; -1 if there is none.
func (s *state) findPast(number int) int {
	return slices.IndexFunc(s.past, func(p past) bool { return p.number == number })
}

// pages returns the newest of rounds that fit, at least one, and how many are
// left out.
func pages(rounds []past, most, bytes int) (shown []json.RawMessage, older int) {
	from := len(rounds)
	for size := 0; from > 0 && len(rounds)-from < most; from-- {
		size += len(rounds[from-1].shown()) + 1
		if size > bytes && from < len(rounds) {
			break
		}
	}
	shown = make([]json.RawMessage, 0, len(rounds)-from)
	for _, p := range rounds[from:] {
		shown = append(shown, json.RawMessage(p.shown()))
	}
	return shown, from
}

// archive puts the current round into the history, if there is anything to keep.
func (m *move) archive() error {
	r := m.Round
	if r == nil || r.Revealed == 0 && len(r.Votes) == 0 {
		return nil
	}
	p := r.over(m.now())
	size := len(p.stored)
	for _, o := range m.past {
		size += len(o.stored)
	}
	if len(m.past) >= maxRounds || size+m.namesSize() > maxHistory {
		return refuse(CodeTooMany, "the session is full: it has %d rounds of at most %d, and %d bytes of at most %d; "+
			"export it and make a new one", len(m.past), maxRounds, size, maxHistory)
	}
	m.past = append(slices.Clip(m.past), p)
	m.part(p.part(), p.stored)
	return nil
}

func (m *move) namesSize() (size int) {
	for id, name := range m.names {
		size += len(id) + len(name) + 6
	}
	return size
}

// getRounds answers get_rounds.
func (m *move) getRounds(data json.RawMessage) error {
	d := struct {
		Before int `json:"before"`
		Limit  int `json:"limit"`
	}{Limit: maxRoundsOnPage}
	if wire.Unmarshal(data, &d) != nil || d.Before < 1 || d.Limit < 1 || d.Limit > maxRoundsOnPage {
		return badData(`the data of get_rounds is {"before": round, "limit": 1 to %d}`, maxRoundsOnPage)
	}
	end, _ := slices.BinarySearchFunc(m.past, d.Before, func(p past, n int) int { return p.number - n })
	rounds, older := pages(m.past[:end], d.Limit, pageHistory)
	m.result.Reply = append(m.result.Reply, kind.Event{Name: "rounds", Data: encode(struct {
		Rounds []json.RawMessage `json:"rounds"`
		Older  int               `json:"older"`
	}{rounds, older})})
	return nil
}
