package estimation

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestRevote(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login"]}`)
	m.must("ben", "start_round", `{"story":"s1"}`)
	m.refused("ben", "revote", `{"round":2}`, CodeNotRevealed)
	m.vote("ann 5")
	m.must("ben", "reveal", `{"round":2,"force":true}`)
	m.refused("ben", "revote", `{"round":1}`, CodeStaleRound)
	m.refused("ben", "revote", `null`, wire.CodeBadData)
	m.must("ben", "revote", `{"round":2}`)
	m.tells(`+ round.started {"round":3,"story":"s1","title":"Login","started":1000000,"anonymous":false,"reason":"revote"}`)
	if m.view("ann", "you") != `{"card":null}` || m.mirrors["ann"].History() != 1 {
		t.Errorf("you: %s, %d past rounds", m.view("ann", "you"), m.mirrors["ann"].History())
	}
	m.must("own", "close", "")
	m.refused("ben", "revote", `{"round":3}`, CodeClosed)
}

func TestStartRound(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login","Logout"]}`)
	m.refused("ben", "start_round", `{"story":"s3"}`, CodeUnknownStory)
	m.refused("ben", "start_round", `[]`, wire.CodeBadData)
	m.must("ben", "start_round", `{"story":"s2"}`)
	m.tells(`+ round.started {"round":2,"story":"s2","title":"Logout","started":1000000,"anonymous":false,"reason":"start"}`)
	if m.mirrors["ann"].History() != 0 {
		t.Error("a round that nobody voted in is kept")
	}
	m.vote("ann 5 ben 8")
	m.refused("ben", "start_round", `{}`, CodeHasVotes)
	m.must("ben", "start_round", `{"confirm":true}`)
	m.tells(`+ round.started {"round":3,"story":null,"title":"","started":1000000,"anonymous":false,"reason":"start"}`)
	want := `[{"round":2,"story":"s2","title":"Logout","started":1000000,"anonymous":false,"voted":["ann","ben"],"ended":1000000}]`
	if got := m.view("own", "history"); got != want {
		t.Errorf("history %s; want %s", got, want)
	}
	m.vote("ann 5")
	m.must("ben", "reveal", `{"round":3,"force":true}`)
	m.must("ben", "start_round", `{"story":"s1"}`) // after the reveal nothing is lost
	m.must("own", "close", "")
	m.refused("own", "start_round", `{}`, CodeClosed)
}

// TestAbandonedCardsAreKeptAndHidden: the cards of a round that was never
// revealed are stored, and shown to nobody.
func TestAbandonedCardsAreKeptAndHidden(t *testing.T) {
	m := newMeeting(t, "")
	m.vote("ann 89 ben 55")
	m.must("own", "start_round", `{"confirm":true}`)
	if !strings.Contains(m.parts["r:1"], `"card":"89"`) {
		t.Errorf("stored: %s", m.parts["r:1"])
	}
	m.must("own", "set_estimate", `{"round":1,"value":"3"}`)
	if !strings.Contains(m.parts["r:1"], `"card":"89"`) || !strings.Contains(m.view("own", "history"), `"estimate":"3"`) {
		t.Errorf("stored with an estimate: %s", m.parts["r:1"])
	}
	m.must("ann", "get_rounds", `{"before":2}`)
	for _, shown := range []string{m.view("ann", "history"), m.view("", "history"), string(m.reply[0].Data)} {
		if strings.Contains(shown, "89") || strings.Contains(shown, "card") {
			t.Errorf("shown: %s", shown)
		}
	}
}

func TestCloseAndReopen(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login","Logout","More"]}`)
	m.refused("fac", "close", "", wire.CodeForbidden)
	m.refused("own", "reopen", "", CodeNotClosed)
	m.must("own", "start_round", `{"story":"s1"}`)
	m.vote("ann 5 ben 8")
	m.must("own", "reveal", `{"round":2,"force":true}`)
	m.must("own", "set_estimate", `{"story":"s1","value":"5"}`)
	m.must("own", "set_estimate", `{"story":"s2","value":"½"}`)
	m.must("own", "set_estimate", `{"story":"s3","value":"XL"}`)
	m.must("own", "start_round", `{"story":"s2"}`)
	m.vote("ann 5 own 3")
	m.at = m.at.Add(time.Minute)
	m.must("own", "close", `{}`)
	m.tells(`+ session.closed {"ended":1060000,"summary":{"rounds":2,"revealed":1,"stories":3,"estimated":3,"total":5.5,"voters":2,"duration":60000}}`)
	if m.view("ann", "round") != "null" || m.view("ann", "phase") != `"closed"` || m.view("ann", "you") != `{"card":null}` {
		t.Errorf("closed: %s, %s", m.view("ann", "round"), m.view("ann", "you"))
	}
	m.refused("own", "close", "", CodeClosed)
	m.refused("fac", "reopen", "", wire.CodeForbidden)
	m.must("own", "reopen", "")
	m.tells(`+ round.started {"round":4,"story":"s2","title":"Logout","started":1060000,"anonymous":false,"reason":"reopen"}`)

	m.must("own", "close", "")
	if m.view("own", "history") == "[]" || !strings.Contains(m.events(), `"total":5.5`) {
		t.Errorf("told %s", m.events())
	}
	m.must("own", "set_estimate", `{"round":2,"value":"8"}`) // a facilitator may, in any phase
	m.must("own", "reopen", "")
}

func TestClosedForGoodStory(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login"]}`)
	m.must("own", "start_round", `{"story":"s1"}`)
	m.must("own", "remove_story", `{"story":"s1"}`)
	m.must("own", "add_story", `{"title":"Again"}`)
	m.must("own", "start_round", `{"story":"s2"}`)
	m.must("own", "close", "")
	m.refused("own", "remove_story", `{"story":"s2"}`, CodeClosed)
	m.must("own", "reopen", "")
	m.must("own", "close", "")
	if m.state.Last != "s2" {
		t.Errorf("the last story is %q", m.state.Last)
	}
}

func TestSetEstimate(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login","Logout"]}`)
	for _, bad := range []string{`null`, `{}`, `{"value":"5"}`, `{"story":"s1"}`, `{"story":"s1","round":1,"value":"5"}`,
		`{"round":-1,"value":"5"}`, `{"story":"s1","value":5}`, `{"story":"s1","value":"123456789"}`, `{"story":"s1","value":"a\u0000"}`} {
		m.refused("own", "set_estimate", bad, wire.CodeBadData)
	}
	m.refused("own", "set_estimate", `{"story":"s9","value":"5"}`, CodeUnknownStory)
	m.refused("own", "set_estimate", `{"round":2,"value":"5"}`, CodeUnknownRound)
	m.refused("ann", "set_estimate", `{"story":"s1","value":"5"}`, wire.CodeForbidden) // nothing is revealed
	m.must("fac", "set_estimate", `{"story":"s1","value":"5"}`)                        // a facilitator may
	m.tells(`+ estimate.set {"value":"5","story":"s1"}`)

	m.must("ann", "start_round", `{"story":"s1"}`)
	m.vote("ann 8")
	m.must("ann", "reveal", `{"round":2,"force":true}`)
	m.must("ann", "set_estimate", `{"story":"s1","value":" 12345678 "}`)
	m.tells(`+ estimate.set {"value":"12345678","round":2,"story":"s1"}`)
	m.must("ann", "revote", `{"round":2}`)
	m.vote("ann 5")
	m.must("own", "set_estimate", `{"story":"s1","value":"估点"}`) // not from the round that is still hidden
	m.tells(`+ estimate.set {"value":"估点","round":2,"story":"s1"}`)
	m.must("ann", "reveal", `{"round":3,"force":true}`)
	m.must("ann", "set_estimate", `{"round":3,"value":"5"}`)
	m.tells(`+ estimate.set {"value":"5","round":3,"story":"s1"}`)
	m.must("ann", "set_estimate", `{"round":2,"value":"7"}`)
	m.tells(`+ estimate.set {"value":"7","round":2,"story":"s1"}`)
	m.must("ann", "set_estimate", `{"story":"s1","value":""}`)
	if got := m.view("ben", "stories"); got != `[{"id":"s1","title":"Login"},{"id":"s2","title":"Logout"}]` {
		t.Errorf("stories: %s", got)
	}
	m.must("ann", "start_round", "")
	m.vote("ann 5")
	m.must("ann", "reveal", `{"round":4,"force":true}`)
	m.must("ann", "set_estimate", `{"round":4,"value":"3"}`) // of a quick vote
	m.tells(`+ estimate.set {"value":"3","round":4}`)
	if !strings.Contains(m.view("ben", "round"), `"estimate":"3"`) {
		t.Errorf("round: %s", m.view("ben", "round"))
	}
	m.must("own", "remove_story", `{"story":"s1"}`)
	m.must("ann", "set_estimate", `{"round":2,"value":"3"}`) // its story is gone
	m.tells(`+ estimate.set {"value":"3","round":2}`)
	m.must("own", "set_options", `{"flow_by":"facilitators"}`)
	m.refused("ann", "set_estimate", `{"round":4,"value":"3"}`, wire.CodeForbidden)
}

// TestRoundsAreBounded: what a session can hold has an end, and says so; what is
// on the table can still be revealed.
func TestRoundsAreBounded(t *testing.T) {
	m := newMeeting(t, "")
	full := past{stored: `{"round":0,"story":null,"title":"` + strings.Repeat("x", 1000) + `","started":1,"anonymous":false,"voted":["a"],"ended":2}`}
	many := newMeeting(t, "").state.begin("", m.people, m.at)
	for n := range maxHistory / 1000 {
		p := full
		p.number = n + 1
		p.stored = strings.Replace(p.stored, `"round":0`, fmt.Sprintf(`"round":%d`, p.number), 1)
		many.past = append(many.past, p)
		m.parts[p.part()] = p.stored
	}
	many.Rounds += len(many.past)
	many.Round.Number = many.Rounds
	m.state = many.state
	m.mirrors = nil
	m.vote("ann 5")
	m.refused("own", "start_round", `{"confirm":true}`, CodeTooMany)
	m.refused("own", "set_deck", `{"deck":"tshirt","confirm":true}`, CodeTooMany)
	m.refused("own", "close", ``, CodeTooMany)
	m.must("own", "reveal", fmt.Sprintf(`{"round":%d,"force":true}`, m.state.Rounds))
	m.refused("own", "revote", fmt.Sprintf(`{"round":%d}`, m.state.Rounds), CodeTooMany)

	// Everything can be read, page by page.
	got, before := 0, m.state.Rounds+1
	for before > 1 {
		m.must("eye", "get_rounds", fmt.Sprintf(`{"before":%d}`, before))
		var page struct {
			Rounds []record
			Older  int
		}
		parseInto(t, m.reply[0].Data, &page)
		if len(page.Rounds) == 0 || len(m.reply[0].Data) > pageHistory+100 {
			t.Fatalf("%d rounds before %d in %d bytes", len(page.Rounds), before, len(m.reply[0].Data))
		}
		got, before = got+len(page.Rounds), page.Rounds[0].Round
		if page.Older != len(m.state.past)-got {
			t.Errorf("%d are older; want %d", page.Older, len(m.state.past)-got)
		}
	}
	if got != len(m.state.past) {
		t.Errorf("%d of %d rounds were read", got, len(m.state.past))
	}
	if view := m.state.ViewAt("ann", m.at); len(view) > viewHistory+8<<10 {
		t.Errorf("a view has %d bytes", len(view))
	}
}

func TestGetRounds(t *testing.T) {
	m := newMeeting(t, "")
	for n := 1; n <= 5; n++ {
		m.vote("ann 5")
		m.must("own", "start_round", `{"confirm":true}`)
	}
	for _, bad := range []string{`null`, `{}`, `{"before":0}`, `{"before":3,"limit":0}`, `{"before":3,"limit":101}`} {
		m.refused("eye", "get_rounds", bad, wire.CodeBadData)
	}
	for data, want := range map[string]string{`{"before":4,"limit":2}`: "2 3, 1 older", `{"before":100}`: "1 2 3 4 5, 0 older", `{"before":1}`: ", 0 older"} {
		m.must("eye", "get_rounds", data)
		var page struct {
			Rounds []record
			Older  int
		}
		parseInto(t, m.reply[0].Data, &page)
		var numbers []string
		for _, r := range page.Rounds {
			numbers = append(numbers, fmt.Sprint(r.Round))
		}
		if got := fmt.Sprintf("%s, %d older", strings.Join(numbers, " "), page.Older); got != want || m.reply[0].Name != "rounds" {
			t.Errorf("%s: %s; want %s", data, got, want)
		}
		if m.told != nil || m.news != nil {
			t.Errorf("a question is told to others: %v", m.told)
		}
	}
}
