package estimation

import (
	"encoding/json"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The states of a timer.
const (
	timerRunning = "running"
	timerPaused  = "paused"
	timerEnded   = "ended"

	maxTimer = 24 * 60 * 60 // seconds
)

// timer is a clock that everybody sees. It is immutable.
type timer struct {
	Token uint64 `json:"token"`
	State string `json:"state"`
	At    int64  `json:"at,omitempty"`   // running: when it ends
	Left  int64  `json:"left,omitempty"` // paused: ms
	Ms    int64  `json:"ms"`             // in all
}

// setTimer sets the timer to t and tells of it; nil: there is none.
func (m *move) setTimer(t *timer, tell func(name string, data any)) {
	if t != nil {
		t.Token = m.token()
	}
	m.Timer = t
	tell("timer.changed", struct {
		Timer *timer `json:"timer"`
	}{t})
}

func (m *move) startTimer(data json.RawMessage) error {
	var d struct {
		Seconds *int64 `json:"seconds"`
	}
	if wire.Unmarshal(data, &d) != nil || d.Seconds != nil && (*d.Seconds < 1 || *d.Seconds > maxTimer) {
		return badData(`the data of start_timer is {"seconds": 1 to %d}; without it a paused timer goes on`, maxTimer)
	}
	if err := m.may(m.Options.FlowBy); err != nil {
		return err
	}
	switch {
	case d.Seconds != nil:
		m.setTimer(&timer{State: timerRunning, At: m.now() + *d.Seconds*1000, Ms: *d.Seconds * 1000}, m.say)
	case m.Timer != nil && m.Timer.State == timerPaused:
		m.setTimer(&timer{State: timerRunning, At: m.now() + m.Timer.Left, Ms: m.Timer.Ms}, m.say)
	default:
		return refuse(CodeNoTimer, "no timer is paused: start_timer needs seconds")
	}
	return nil
}

func (m *move) pauseTimer(json.RawMessage) error {
	if err := m.may(m.Options.FlowBy); err != nil {
		return err
	}
	if m.Timer == nil || m.Timer.State != timerRunning {
		return refuse(CodeNoTimer, "no timer runs")
	}
	m.setTimer(&timer{State: timerPaused, Left: max(1, m.Timer.At-m.now()), Ms: m.Timer.Ms}, m.say)
	return nil
}

func (m *move) stopTimer(json.RawMessage) error {
	if err := m.may(m.Options.FlowBy); err != nil {
		return err
	}
	if m.Timer == nil {
		return refuse(CodeNoTimer, "there is no timer")
	}
	m.setTimer(nil, m.say)
	return nil
}

// endTimer is what happens at the timer's deadline.
func (m *move) endTimer() {
	m.setTimer(&timer{State: timerEnded, Ms: m.Timer.Ms}, m.mention)
}
