package estimation

import (
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestReveal(t *testing.T) {
	m := newMeeting(t, "")
	m.refused("ben", "reveal", `{"round":1}`, CodeNoVotes)
	m.refused("ben", "reveal", `{"round":1,"force":true}`, CodeNoVotes)
	m.vote("ann 5 ben 8 fac 5")
	m.refused("ben", "reveal", `{"round":2}`, CodeStaleRound)
	m.refused("ben", "reveal", `{}`, wire.CodeBadData)
	m.refused("ben", "reveal", `{"round":1}`, CodeMissingVotes) // own has not voted
	m.at = m.at.Add(42 * time.Second)
	m.must("ben", "reveal", `{"round":1,"force":true}`)
	m.tells(`+ round.revealed {"round":1,"revealed":1042000,"votes":{"ann":"5","ben":"8","fac":"5"},"results":{"counts":{"5":2,"8":1},` +
		`"counted":3,"mean":6,"median":["5"],"modes":["5"],"lowest":{"card":"5","members":["ann","fac"]},"highest":{"card":"8","members":["ben"]},` +
		`"agreement":66,"level":"majority","spread":1,"outliers":[],"turnout":{"voted":3,"voters":4},"took":42000,"suggested":"5"}}`)
	m.refused("own", "reveal", `{"round":1}`, CodeRevealed)
	m.must("own", "close", "")
	m.refused("own", "reveal", `{"round":1}`, CodeClosed)
}

func TestRevealDoesNotWaitForWhoIsGone(t *testing.T) {
	m := newMeeting(t, "")
	m.vote("ann 5 ben 8 fac 5")
	m.status(wire.StatusReconnecting, "own") // within the grace
	m.refused("ben", "reveal", `{"round":1}`, CodeMissingVotes)
	m.status(wire.StatusOffline, "own")
	m.must("ben", "reveal", `{"round":1}`)
}

func TestRevealOfAnAnonymousRound(t *testing.T) {
	m := newMeeting(t, `{"anonymous":true}`)
	m.vote("ann 5 ben 8 fac 5 own 21")
	m.must("own", "reveal", `{"round":1}`)
	m.tells(`+ round.revealed {"round":1,"revealed":1000000,"results":{"counts":{"21":1,"5":2,"8":1},"counted":4,"mean":9.8,"median":["5","8"],` +
		`"modes":["5"],"lowest":{"card":"5"},"highest":{"card":"21"},"agreement":50,"level":"majority","spread":3,"outliers":[{"card":"21"}],` +
		`"turnout":{"voted":4,"voters":4},"took":0,"suggested":"5"}}`)
	if m.view("own", "names") != "{}" {
		t.Errorf("names: %s", m.view("own", "names"))
	}
	m.must("own", "revote", `{"round":1}`)
	if strings.Contains(m.view("own", "history"), "ann") {
		t.Errorf("history: %s", m.view("own", "history"))
	}
}

const (
	countdownStarted = `- countdown.started {"round":1,"token":1,"at":1003000,"ms":3000}`
	countdownStopped = `- countdown.stopped {"round":1,"token":1}`
	allVote          = "ann 5 ben 8 fac 5 own 3"
)

var countdowns = []struct {
	name    string
	options string
	do      func(m *meeting)
	want    []string
}{
	{"the last vote starts it", "", func(m *meeting) { m.vote(allVote) },
		[]string{`- vote.state {"member":"own","voted":true}`, countdownStarted}},
	{"the others do not", "", func(m *meeting) { m.vote("ann 5 ben 8 fac 5") },
		[]string{`- vote.state {"member":"fac","voted":true}`}},
	{"not if the option is off", `{"auto_reveal":false}`, func(m *meeting) { m.vote(allVote) },
		[]string{`- vote.state {"member":"own","voted":true}`}},
	{"switching the option on does", `{"auto_reveal":false}`, func(m *meeting) {
		m.vote(allVote)
		m.must("own", "set_options", `{"auto_reveal":true}`)
	}, []string{`+ options.changed {"auto_reveal":true}`, countdownStarted}},
	{"and off ends it", "", func(m *meeting) {
		m.vote(allVote)
		m.must("own", "set_options", `{"auto_reveal":false}`)
	}, []string{`+ options.changed {"auto_reveal":false}`, countdownStopped}},
	{"the last non-voter leaves", "", func(m *meeting) { m.vote("ann 5 ben 8 fac 5"); m.leave("own") },
		[]string{`- roles.changed {"owner":"fac","facilitators":["fac"],"acting":null,"absent":null}`, countdownStarted}},
	{"the last non-voter is away, but within the grace", "", func(m *meeting) {
		m.vote("ann 5 fac 5 own 3")
		m.status(wire.StatusReconnecting, "ben")
	}, nil},
	{"the grace of the last non-voter ends", "", func(m *meeting) {
		m.vote("ann 5 fac 5 own 3")
		m.status(wire.StatusOffline, "ben")
	}, []string{countdownStarted}},
	{"the last non-voter becomes a spectator", "", func(m *meeting) {
		m.vote("ann 5 fac 5 own 3")
		m.must("ben", "set_role", `{"role":"spectator"}`)
	}, []string{`+ member.changed {"member":"ben","role":"spectator"}`, countdownStarted}},
	{"nobody is here who could vote, and nobody has", "", func(m *meeting) {
		m.status(wire.StatusOffline, "ann", "ben", "fac")
		m.must("own", "set_role", `{"role":"spectator"}`)
	}, []string{`+ member.changed {"member":"own","role":"spectator"}`}},
	{"a retraction ends it", "", func(m *meeting) { m.vote(allVote); m.must("ann", "retract_vote", `{"round":1}`) },
		[]string{`- vote.state {"member":"ann","voted":false}`, countdownStopped}},
	{"a re-pick does not show", "", func(m *meeting) { m.vote(allVote); m.vote("ann 89") }, nil},
	{"somebody who joins does not end it", "", func(m *meeting) { m.vote(allVote); m.join("new", "") }, nil},
	{"a voter who leaves does not end it", "", func(m *meeting) { m.vote(allVote); m.leave("ann") }, nil},
	{"the only voter leaves", "", func(m *meeting) {
		for _, id := range []string{"ben", "fac", "own"} {
			m.must(id, "set_role", `{"role":"spectator"}`)
		}
		m.vote("ann 5")
		m.leave("ann")
	}, []string{countdownStopped}},
	{"the only voter becomes a spectator", "", func(m *meeting) {
		for _, id := range []string{"ben", "fac", "own"} {
			m.must(id, "set_role", `{"role":"spectator"}`)
		}
		m.vote("ann 5")
		m.must("own", "set_role", `{"member":"ann","role":"spectator"}`)
	}, []string{`+ member.changed {"member":"ann","role":"spectator"}`, `- vote.state {"member":"ann","voted":false}`, countdownStopped}},
	{"of none the reveal is at once", `{"auto_reveal":true,"countdown":0,"anonymous":true}`, func(m *meeting) { m.vote(allVote) },
		[]string{`- vote.state {"member":"own","voted":true}`, `- round.revealed {"round":1,"revealed":1000000,"results":{"counts":{"3":1,"5":2,"8":1},` +
			`"counted":4,"mean":5.3,"median":["5"],"modes":["5"],"lowest":{"card":"3"},"highest":{"card":"8"},"agreement":50,"level":"majority",` +
			`"spread":2,"outliers":[],"turnout":{"voted":4,"voters":4},"took":0,"suggested":"5"}}`}},
}

func TestCountdown(t *testing.T) {
	for _, c := range countdowns {
		t.Run(c.name, func(t *testing.T) {
			if c.options == "" {
				c.options = `{"auto_reveal":true}`
			}
			m := newMeeting(t, c.options)
			c.do(m)
			m.tells(c.want...)
		})
	}
}

func TestCountdownReveals(t *testing.T) {
	m := newMeeting(t, `{"auto_reveal":true,"countdown":10}`)
	m.vote("ann 5 ben 5 fac 5 own 5")
	if d := m.state.Deadline(); d.Token != 1 || !d.At.Equal(begin.Add(10*time.Second)) {
		t.Fatalf("deadline: %v", d)
	}
	if got := m.mirrors["eye"].Get("round"); !strings.Contains(got, `"countdown":{"at":1010000,"ms":10000,"token":1}`) {
		t.Errorf("round: %s", got)
	}
	m.join("new", "") // has no card, and is not waited for
	m.pass(9999 * time.Millisecond)
	m.tells()
	m.pass(time.Millisecond)
	if len(m.told) != 1 || m.told[0].Name != "round.revealed" || !m.told[0].Unsigned || m.state.Deadline().Token != 0 {
		t.Errorf("told %s; next deadline %v", m.events(), m.state.Deadline())
	}
	if !strings.Contains(m.events(), `"turnout":{"voted":4,"voters":5},"took":10000`) {
		t.Errorf("told %s", m.events())
	}
}

func TestCancelCountdown(t *testing.T) {
	m := newMeeting(t, `{"auto_reveal":true}`)
	m.refused("ann", "cancel_countdown", `{"round":1}`, CodeNoCountdown)
	m.vote("ann 5 ben 5 fac 5 own 5")
	m.refused("ann", "cancel_countdown", `{"round":7}`, CodeStaleRound)
	m.refused("ann", "cancel_countdown", `7`, wire.CodeBadData)
	m.must("ann", "cancel_countdown", `{"round":1}`)
	m.tells(`+ countdown.stopped {"round":1,"token":1}`)
	m.vote("ann 8") // a re-pick is nobody's business
	m.tells()
	m.status(wire.StatusOffline, "ben")
	m.tells()
	m.status(wire.StatusOnline, "ben")
	m.must("ben", "retract_vote", `{"round":1}`)
	m.vote("ben 5")
	m.tells(`- vote.state {"member":"ben","voted":true}`, `- countdown.started {"round":1,"token":2,"at":1003000,"ms":3000}`)
	m.must("own", "close", "")
	m.refused("own", "cancel_countdown", `{"round":1}`, CodeClosed)
}

// TestLateDeadlinesAreInert: a deadline that was fired for a countdown which is
// no more, or for one that has been dealt with, does nothing.
func TestLateDeadlinesAreInert(t *testing.T) {
	m := newMeeting(t, `{"auto_reveal":true}`)
	m.vote("ann 5 ben 5 fac 5 own 5")
	late := m.state.Deadline()
	m.must("ann", "retract_vote", `{"round":1}`)
	m.vote("ann 5")
	now := m.state.Deadline()
	if now.Token == late.Token {
		t.Fatal("two countdowns have one token")
	}
	inert := func(token uint64) {
		t.Helper()
		if r := m.state.Due(token, m.people, m.at.Add(time.Hour)); r.State != nil || r.Events != nil {
			t.Errorf("the token %d does %v", token, r.Events)
		}
	}
	inert(late.Token)
	inert(0)
	inert(99)
	m.take(m.state.Due(now.Token, m.people, m.at))
	if m.state.Phase != revealed {
		t.Fatal("not revealed")
	}
	inert(now.Token)
	m.must("own", "revote", `{"round":1}`)
	inert(now.Token)
	m.must("own", "close", "")
	inert(now.Token)
	if m.state.Deadline() != (kind.Deadline{}) {
		t.Errorf("deadline %v", m.state.Deadline())
	}
}
