package estimation

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// present reports whether a member is here, or may be back any moment.
func present(p kind.Person) bool { return p.Status != wire.StatusOffline }

// missing counts the voters who are present and have no card on the table.
func (m *move) missing() (n int) {
	for _, p := range m.people {
		if present(p) && !slices.Contains(m.Spectators, p.ID) && m.Round.voteOf(p.ID) < 0 {
			n++
		}
	}
	return n
}

func (m *move) reveal(data json.RawMessage) error {
	d, err := m.current("reveal", data)
	if err = first(err, m.may(m.Options.RevealBy), m.hidden()); err != nil {
		return err
	}
	if len(m.Round.Votes) == 0 {
		return refuse(CodeNoVotes, "nobody has voted")
	}
	if n := m.missing(); n > 0 && !d.Force {
		return refuse(CodeMissingVotes, "%d voters who are here have not voted; force reveals all the same", n)
	}
	m.turn(m.say)
	return nil
}

// turn turns the cards over. tell says whether that is somebody's doing.
func (m *move) turn(tell func(name string, data any)) {
	r := m.Round
	m.Phase, r.Revealed, r.Countdown, r.Held = revealed, m.now(), nil, false
	m.evaluate(r.Revealed - r.Started)
	if !r.Anonymous {
		m.name(r.Votes)
	}
	tell("round.revealed", struct {
		Round    int               `json:"round"`
		Revealed int64             `json:"revealed"`
		Votes    map[string]string `json:"votes,omitempty"`
		Results  *results          `json:"results"`
	}{r.Number, r.Revealed, r.record(0).Votes, r.Results})
}

// evaluate computes the results anew; took is from the start to the reveal, in ms.
func (m *move) evaluate(took int64) {
	r := m.Round
	all := evaluate(m.Deck.deck, r.Votes, !r.Anonymous)
	all.Turnout = turnout{Voted: len(r.Votes), Voters: len(r.Votes) + m.missing()}
	all.Took = took
	r.Results = &all
}

// allIn starts the countdown when every voter who is present has voted, and ends
// one that has lost its votes.
func (m *move) allIn() {
	if m.Phase != voting {
		return
	}
	r := m.Round
	if len(r.Votes) == 0 {
		m.stopCountdown()
		return
	}
	if !m.Options.AutoReveal || r.Held || r.Countdown != nil || m.missing() > 0 {
		return
	}
	if m.Options.Countdown == 0 {
		m.turn(m.mention)
		return
	}
	ms := int64(m.Options.Countdown) * 1000
	r.Countdown = &countdown{Token: m.token(), At: m.now() + ms, Ms: ms}
	m.mention("countdown.started", struct {
		Round int `json:"round"`
		countdown
	}{r.Number, *r.Countdown})
}

// stopCountdown ends a countdown, if one runs.
func (m *move) stopCountdown() {
	if m.Round.Countdown != nil {
		m.mention("countdown.stopped", m.countdownStopped())
	}
}

func (m *move) countdownStopped() any {
	token := m.Round.Countdown.Token
	m.Round.Countdown = nil
	return struct {
		Round int    `json:"round"`
		Token uint64 `json:"token"`
	}{m.Round.Number, token}
}

func (m *move) cancelCountdown(data json.RawMessage) error {
	_, err := m.current("cancel_countdown", data)
	if err = first(err, m.may(m.Options.RevealBy)); err != nil {
		return err
	}
	if m.Round.Countdown == nil {
		return refuse(CodeNoCountdown, "no countdown runs")
	}
	m.Round.Held = true
	m.say("countdown.stopped", m.countdownStopped())
	return nil
}

// Deadline implements kind.Timed.
func (s *state) Deadline() (next kind.Deadline) {
	if t := s.Timer; t != nil && t.State == timerRunning {
		next = kind.Deadline{At: time.UnixMilli(t.At), Token: t.Token}
	}
	if s.Round != nil && s.Round.Countdown != nil {
		c := kind.Deadline{At: time.UnixMilli(s.Round.Countdown.At), Token: s.Round.Countdown.Token}
		if next.Token == 0 || c.At.Before(next.At) {
			next = c
		}
	}
	return next
}

// Due implements kind.Timed.
func (s *state) Due(token uint64, people []kind.Person, at time.Time) kind.Result {
	m := s.begin("", people, at)
	switch {
	case m.Round != nil && m.Round.Countdown != nil && m.Round.Countdown.Token == token:
		m.turn(m.mention) // while it runs there are votes
	case m.Timer != nil && m.Timer.State == timerRunning && m.Timer.Token == token:
		m.endTimer()
	}
	return m.done()
}
