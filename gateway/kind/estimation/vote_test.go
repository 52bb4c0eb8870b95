package estimation

import (
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestCastVote(t *testing.T) {
	m := newMeeting(t, "")
	m.must("ann", "cast_vote", `{"round":1,"card":"5"}`)
	m.tells(`- vote.state {"member":"ann","voted":true}`)
	if len(m.news) != 1 || m.news[0] != "ann" || m.mirrors["ann"].Card() != "5" {
		t.Errorf("news for %v; ann's client has %q", m.news, m.mirrors["ann"].Card())
	}

	m.must("ann", "cast_vote", `{"round":1,"card":"8"}`) // a re-pick
	m.tells()
	if len(m.news) != 1 || m.mirrors["ann"].Card() != "8" {
		t.Errorf("news for %v; ann's client has %q", m.news, m.mirrors["ann"].Card())
	}
	if m.view("ann", "you") != `{"card":"8"}` || m.view("ben", "you") != `{"card":null}` || m.view("", "you") != "" {
		t.Errorf("you: %s, %s, %s", m.view("ann", "you"), m.view("ben", "you"), m.view("", "you"))
	}
	m.vote("ben 1 ben 1.0 fac ? own ☕")
	want := `{"round":1,"story":null,"title":"","started":1000000,"anonymous":false,"voted":["ann","ben","fac","own"]}`
	if got := m.view("eye", "round"); got != want {
		t.Errorf("round: %s; want %s", got, want)
	}
}

func TestRefusedVotes(t *testing.T) {
	for _, command := range []string{"cast_vote", "retract_vote", "change_vote"} {
		t.Run(command, func(t *testing.T) {
			m := newMeeting(t, `{"late_change":true}`)
			if command == "change_vote" {
				m.vote("ann 3")
				m.must("own", "reveal", `{"round":1,"force":true}`)
			}
			m.refused("ann", command, `{"round":2,"card":"5"}`, CodeStaleRound)
			m.refused("eye", command, `{"round":1,"card":"5"}`, CodeSpectator)
			if command != "retract_vote" {
				m.refused("ann", command, `{"round":1,"card":"4"}`, CodeNotInDeck)
				m.refused("ann", command, `{"round":1}`, CodeNotInDeck)
				m.refused("ann", command, `{"round":1,"CARD":"5"}`, CodeNotInDeck) // a field that nobody knows
			}
			for _, bad := range []string{`null`, `{}`, `[]`, `"5"`, `{"round":0,"card":"5"}`, `{"round":"1","card":"5"}`, `{"round":1,"card":5}`, `{"round":1.5}`, ``} {
				m.refused("ann", command, bad, wire.CodeBadData)
			}
			m.must("own", "close", ``)
			m.refused("ann", command, `{"round":1,"card":"5"}`, CodeClosed)
		})
	}
	m := newMeeting(t, `{"late_change":true}`)
	m.vote("ann 3")
	m.refused("ann", "change_vote", `{"round":1,"card":"5"}`, CodeNotRevealed)
	m.must("own", "reveal", `{"round":1,"force":true}`)
	m.refused("ann", "cast_vote", `{"round":1,"card":"5"}`, CodeRevealed)
	m.refused("ann", "retract_vote", `{"round":1}`, CodeRevealed)
	m.must("own", "set_options", `{"late_change":false}`)
	m.refused("ann", "change_vote", `{"round":1,"card":"5"}`, CodeOptionOff)
}

func TestRetractVote(t *testing.T) {
	m := newMeeting(t, "")
	m.must("ann", "retract_vote", `{"round":1}`) // nothing to take back
	m.tells()
	m.vote("ann 5")
	m.must("ann", "retract_vote", `{"round":1}`)
	m.tells(`- vote.state {"member":"ann","voted":false}`)
	if m.mirrors["ann"].Card() != "" || len(m.news) != 1 {
		t.Errorf("ann's client has %q, news for %v", m.mirrors["ann"].Card(), m.news)
	}
	// A connection that has missed that, and comes back, is told.
	if got := string(encode(m.state.Private("ann")[0].Data)); got != `{"round":1,"card":null}` {
		t.Errorf("private: %s", got)
	}
	m.vote("ann 8")
	if got := string(encode(m.state.Private("ann")[0].Data)); got != `{"round":1,"card":"8"}` {
		t.Errorf("private: %s", got)
	}
	if m.state.Private("ben") != nil {
		t.Errorf("ben has never voted, and is told %v", m.state.Private("ben"))
	}
}

func TestChangeVote(t *testing.T) {
	m := newMeeting(t, `{"late_change":true}`)
	m.vote("ann 3 ben 5")
	m.must("own", "reveal", `{"round":1,"force":true}`)
	m.must("ann", "change_vote", `{"round":1,"card":"5"}`)
	m.tells(`+ vote.changed {"round":1,"member":"ann","card":"5","first":"3","results":{"counts":{"5":2},"counted":2,"mean":5,"median":["5"],` +
		`"modes":["5"],"lowest":{"card":"5"},"highest":{"card":"5"},"agreement":100,"level":"unanimous","spread":0,"outliers":[],` +
		`"turnout":{"voted":2,"voters":4},"took":0,"suggested":"5"}}`)
	m.must("ann", "change_vote", `{"round":1,"card":"5"}`) // that is hers already
	m.tells()
	m.must("ann", "change_vote", `{"round":1,"card":"8"}`) // the first one stays the first
	m.must("fac", "change_vote", `{"round":1,"card":"2"}`) // who had none adds one
	r := m.state.Round.record(0)
	if got := string(encode(r.Votes)) + string(encode(r.Changed)); got != `{"ann":"8","ben":"5","fac":"2"}{"ann":"3","fac":null}` {
		t.Errorf("votes and first ones: %s", got)
	}
	if m.view("eye", "names") != `{"ann":"ANN","ben":"BEN","fac":"FAC"}` {
		t.Errorf("names: %s", m.view("eye", "names"))
	}
}

func TestChangeVoteInAnAnonymousRound(t *testing.T) {
	m := newMeeting(t, `{"late_change":true,"anonymous":true}`)
	m.vote("ann 3 ben 5")
	m.must("own", "reveal", `{"round":1,"force":true}`)
	m.must("ann", "change_vote", `{"round":1,"card":"5"}`)
	m.tells(`- vote.changed {"round":1,"results":{"counts":{"5":2},"counted":2,"mean":5,"median":["5"],"modes":["5"],"lowest":{"card":"5"},` +
		`"highest":{"card":"5"},"agreement":100,"level":"unanimous","spread":0,"outliers":[],"turnout":{"voted":2,"voters":4},"took":0,"suggested":"5"}}`)
	if m.mirrors["ann"].Card() != "5" || m.view("own", "names") != "{}" {
		t.Errorf("ann's client has %q; names %s", m.mirrors["ann"].Card(), m.view("own", "names"))
	}
}

// TestOutcomeOfAVoteDoesNotDependOnTheCard compares what each card does.
func TestOutcomeOfAVoteDoesNotDependOnTheCard(t *testing.T) {
	for _, before := range []string{"", "ann 5", "ben 3 fac 8 own 13", "ben 3 fac 8 own 13 ann 5"} {
		for _, options := range []string{`{}`, `{"auto_reveal":true}`, `{"anonymous":true}`} {
			var told string
			for _, card := range []string{"0", "5", "89", "?", "coffee"} {
				m := newMeeting(t, options)
				m.vote(before)
				m.step()
				m.vote("ann " + card)
				got := m.events() + string(encode(m.news)) + string(encode(m.reply)) + string(encode(m.passing)) + string(m.state.ViewAt("ben", m.at))
				if told != "" && got != told {
					t.Errorf("%s, after %q: with %s\n%s\nwith others\n%s", options, before, card, got, told)
				}
				told = got
			}
		}
	}
}

// A late change has the name of its member noted, and leaves those of the others
// as they were at the reveal: clients do the same, and nothing tells them otherwise.
func TestALateChangeNotesOneName(t *testing.T) {
	m := newMeeting(t, `{"late_change":true}`)
	m.vote("ann 5 ben 8")
	m.must("own", "reveal", `{"round":1,"force":true}`)
	for i, p := range m.people {
		m.people[i].Name = "New " + p.Name
		m.hear("member.changed", encode(map[string]string{"member": p.ID, "name": m.people[i].Name}))
	}
	m.must("ann", "change_vote", `{"round":1,"card":"8"}`)
	if got, want := m.view("ann", "names"), `{"ann":"New ANN","ben":"BEN"}`; got != want {
		t.Errorf("the names are %s; want %s", got, want)
	}
}

// Members must not publish what clients take for the session's own word, whether
// it comes as an event or as something private.
func TestReservedNames(t *testing.T) {
	for name, reserved := range map[string]bool{"round.revealed": true, "vote.state": true, "estimate.set": true, "react": true,
		"your_vote": true, "rounds": true, "chat.message": false, "your_votes": false, "around.it": false} {
		if (Kind{}).Reserves(name) != reserved {
			t.Errorf("%s is reserved: %v; want %v", name, !reserved, reserved)
		}
	}
}
