package estimation

import (
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestTimer(t *testing.T) {
	m := newMeeting(t, "")
	m.refused("ann", "start_timer", ``, CodeNoTimer)
	m.refused("ann", "pause_timer", ``, CodeNoTimer)
	m.refused("ann", "stop_timer", ``, CodeNoTimer)
	for _, bad := range []string{`{"seconds":0}`, `{"seconds":86401}`, `{"seconds":"60"}`, `5`} {
		m.refused("ann", "start_timer", bad, wire.CodeBadData)
	}
	m.must("ann", "start_timer", `{"seconds":60}`)
	m.tells(`+ timer.changed {"timer":{"token":1,"state":"running","at":1060000,"ms":60000}}`)
	m.pass(20 * time.Second)
	m.must("ann", "pause_timer", ``)
	m.tells(`+ timer.changed {"timer":{"token":2,"state":"paused","left":40000,"ms":60000}}`)
	m.refused("ann", "pause_timer", ``, CodeNoTimer)
	m.pass(time.Hour)
	m.must("ann", "start_timer", ``)
	m.tells(`+ timer.changed {"timer":{"token":3,"state":"running","at":4660000,"ms":60000}}`)
	m.pass(40 * time.Second)
	m.tells(`- timer.changed {"timer":{"token":4,"state":"ended","ms":60000}}`)
	m.refused("ann", "start_timer", ``, CodeNoTimer)
	m.must("ann", "start_timer", `{"seconds":1}`)
	m.must("ann", "start_timer", `{"seconds":2}`) // in its place
	m.must("ann", "stop_timer", ``)
	m.tells(`+ timer.changed {"timer":null}`)
	m.pass(time.Hour)
	m.tells()
	m.must("own", "close", "")
	m.must("own", "start_timer", `{"seconds":2}`) // in any phase
}

// TestTimerAndCountdown: of two deadlines the earlier one is next.
func TestTimerAndCountdown(t *testing.T) {
	m := newMeeting(t, `{"auto_reveal":true}`)
	m.must("ann", "start_timer", `{"seconds":2}`)
	m.vote("ann 5 ben 5 fac 5 own 5")
	if d := m.state.Deadline(); d.Token != m.state.Timer.Token {
		t.Errorf("next is %v", d)
	}
	m.pass(2 * time.Second)
	if d := m.state.Deadline(); d.Token != m.state.Round.Countdown.Token {
		t.Errorf("next is %v", d)
	}
	m.must("ann", "start_timer", `{"seconds":60}`)
	if d := m.state.Deadline(); d.Token != m.state.Round.Countdown.Token {
		t.Errorf("next is %v", d)
	}
	m.pass(time.Minute) // both
	if m.state.Phase != revealed || m.state.Timer.State != timerEnded {
		t.Errorf("%s, %s", m.state.Phase, m.state.Timer.State)
	}
}
