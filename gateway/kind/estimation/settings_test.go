package estimation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestNew(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{``, ``},
		{`null`, ``},
		{`{}`, ``},
		{`{"deck":"tshirt","auto_reveal":true,"countdown":0,"anonymous":true,"late_change":true,"locked":true,"reveal_by":"owner","flow_by":"facilitators",` +
			`"stories_by":"owner","settings_by":"everyone","stories":["a",{"title":"b","link":"https://example.org"}]}`, ``},
		{`{"deck":["1","2"]}`, ``},
		{`[]`, `bad_data: the options of an estimation are an object`},
		{`"x"`, `bad_data: the options of an estimation are an object`},
		{`{"decks":"tshirt"}`, `bad_data: there is no option decks`},
		{`{"deck":"x"}`, `bad_deck: there is no deck "x"; there are ` + standardIDs()},
		{`{"countdown":11}`, `bad_data: the option countdown is a whole number from 0 to 10`},
		{`{"countdown":-1}`, `bad_data: the option countdown is a whole number from 0 to 10`},
		{`{"countdown":1.5}`, `bad_data: the option countdown is a whole number from 0 to 10`},
		{`{"anonymous":1}`, `bad_data: the option anonymous is true or false`},
		{`{"anonymous":null}`, `bad_data: the option anonymous is true or false`},
		{`{"flow_by":"nobody"}`, `bad_data: the option flow_by is everyone, facilitators, or owner`},
		{`{"locked":"yes"}`, `bad_data: the option locked is true or false`},
		{`{"stories":"a"}`, `bad_data: the option stories is an array of titles, or of {"title", "link"}`},
		{`{"stories":["a",""]}`, `bad_data: story 2: a title has 1 to 200 characters, without control characters`},
		{`{"stories":[5]}`, `bad_data: story 1 is neither a title nor {"title", "link"}`},
		{`{"stories":[` + strings.Repeat(`"a",`, maxStories) + `"b"]}`, `too_many: a session has at most 500 stories; there are 0 already`},
	} {
		s, err := Kind{}.New(json.RawMessage(c.options))
		if c.want != "" {
			if e, ok := err.(*wire.Error); !ok || string(e.Code)+": "+e.Message != c.want {
				t.Errorf("%s: %v; want %s", c.options, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.options, err)
			continue
		}
		var v struct {
			Phase string
			Round struct{ Round int }
			Owner *string
			You   *you
		}
		parseInto(t, s.View(""), &v)
		if v.Phase != voting || v.Round.Round != 1 || v.Owner != nil || v.You != nil {
			t.Errorf("%s: %s", c.options, s.View(""))
		}
	}
}

func TestNewTakesItsOptions(t *testing.T) {
	m := newMeeting(t, `{"deck":"tshirt","auto_reveal":true,"countdown":0,"anonymous":true,"late_change":true,"reveal_by":"owner","flow_by":"facilitators",`+
		`"stories_by":"owner","settings_by":"everyone","stories":["a",{"title":"b","link":"https://example.org"}]}`)
	for field, want := range map[string]string{
		"options": `{"auto_reveal":true,"countdown":0,"anonymous":true,"late_change":true,"reveal_by":"owner","flow_by":"facilitators","stories_by":"owner","settings_by":"everyone"}`,
		"stories": `[{"id":"s1","title":"a"},{"id":"s2","title":"b","link":"https://example.org"}]`,
		"round":   `{"round":1,"story":null,"title":"","started":1000000,"anonymous":true,"voted":[]}`,
		"owner":   `"own"`, "facilitators": `["own","fac"]`, "acting": `null`, "absent": `null`, "locked": `false`, "passcode": `false`,
		"history": `[]`, "older": `0`, "names": `{}`, "timer": `null`, "now": `1000000`, "you": `{"card":null}`,
	} {
		if got := m.view("ann", field); got != want {
			t.Errorf("%s: %s; want %s", field, got, want)
		}
	}
	if !strings.HasPrefix(m.view("ann", "deck"), `{"id":"tshirt","cards":[{"id":"XS","label":"XS","rank":0},`) {
		t.Errorf("deck: %s", m.view("ann", "deck"))
	}
}

func TestSetDeck(t *testing.T) {
	m := newMeeting(t, "")
	changed := `+ deck.changed {"deck":{"id":"custom","cards":[{"id":"1","label":"1","rank":0,"number":1},{"id":"2","label":"2","rank":1,"number":2},{"id":"?","label":"?"}]}}`
	m.must("own", "set_deck", `{"cards":["1","2","?"]}`)
	m.tells(changed)
	m.must("own", "set_deck", `{"cards":["1","2","?"],"confirm":true}`) // it is that already
	m.tells()
	m.vote("ann 2")
	m.refused("own", "set_deck", `{"deck":"risk"}`, CodeHasVotes)
	m.must("own", "set_deck", `{"deck":"yesno","confirm":true}`)
	m.tells(`+ deck.changed {"deck":{"id":"yesno","cards":[{"id":"Yes","label":"Yes","rank":0},{"id":"No","label":"No","rank":1},{"id":"?","label":"?"}]}}`,
		`+ round.started {"round":2,"story":null,"title":"","started":1000000,"anonymous":false,"reason":"deck"}`)
	m.refused("ann", "cast_vote", `{"round":2,"card":"2"}`, CodeNotInDeck)
	m.vote("ann Yes")
	m.must("own", "reveal", `{"round":2,"force":true}`)
	m.refused("own", "set_deck", `{"deck":"risk"}`, CodeHasVotes)
	m.must("own", "set_deck", `{"deck":"risk","confirm":true}`)
	m.must("own", "close", "")
	m.must("own", "set_deck", `{"deck":"short"}`)
	if len(m.told) != 1 {
		t.Errorf("told %s", m.events())
	}
	for _, bad := range []string{`null`, `{}`, `{"deck":"short","cards":["1","2"]}`} {
		m.refused("own", "set_deck", bad, wire.CodeBadData)
	}
	for _, bad := range []string{`{"deck":"x"}`, `{"deck":5}`, `{"cards":["1"]}`, `{"cards":5}`} {
		m.refused("own", "set_deck", bad, CodeBadDeck)
	}
}

func TestSetDeckKeepsTheStory(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login"]}`)
	m.must("own", "start_round", `{"story":"s1"}`)
	m.vote("ann 2")
	m.must("own", "set_deck", `{"deck":"risk","confirm":true}`)
	if m.state.Round.Story != "s1" || m.state.Round.Number != 3 {
		t.Errorf("round %+v", m.state.Round)
	}
}

func TestSetOptions(t *testing.T) {
	m := newMeeting(t, "")
	m.must("fac", "set_options", `{"auto_reveal":true,"countdown":5}`)
	m.tells(`+ options.changed {"auto_reveal":true,"countdown":5}`)
	m.must("fac", "set_options", `{"auto_reveal":true,"countdown":4}`)
	m.tells(`+ options.changed {"countdown":4}`)
	m.must("fac", "set_options", `{"countdown":4}`)
	m.tells()
	m.refused("fac", "set_options", `{"countdown":3,"reveal_by":"owner"}`, wire.CodeForbidden) // a policy: owner
	m.refused("ann", "set_options", `{"countdown":3}`, wire.CodeForbidden)
	m.must("own", "set_options", `{"reveal_by":"owner","settings_by":"everyone"}`)
	m.must("ann", "set_options", `{"countdown":3}`)
	m.refused("ann", "set_options", `{"settings_by":"everyone"}`, wire.CodeForbidden)
	for _, bad := range []string{`null`, `{}`, `[]`, `{"x":1}`, `{"countdown":"3"}`, `{"countdown":11}`, `{"flow_by":"me"}`, `{"deck":"risk"}`} {
		m.refused("own", "set_options", bad, wire.CodeBadData)
	}
	m.must("own", "close", "")
	m.must("own", "set_options", `{"auto_reveal":false,"anonymous":true}`)
	m.tells(`+ options.changed {"anonymous":true,"auto_reveal":false}`)
}

// TestAnonymityIsNotTakenBack: who has voted in an anonymous round relies on it.
func TestAnonymityIsNotTakenBack(t *testing.T) {
	on, off := `{"anonymous":true}`, `{"anonymous":false}`
	m := newMeeting(t, "")
	m.must("own", "set_options", on)
	m.tells(`+ options.changed {"anonymous":true}`, `- round.anonymous {"round":1,"anonymous":true}`)
	m.must("own", "set_options", off) // nobody has voted
	m.tells(`+ options.changed {"anonymous":false}`, `- round.anonymous {"round":1,"anonymous":false}`)
	m.vote("ann 5")
	m.must("own", "set_options", on) // at once: it takes nothing from anybody
	m.must("own", "set_options", off)
	m.tells(`+ options.changed {"anonymous":false}`)
	m.must("own", "reveal", `{"round":1,"force":true}`)
	if strings.Contains(m.events(), "ann") {
		t.Errorf("an anonymous round is told with names: %s", m.events())
	}
	m.must("own", "set_options", on)
	m.must("own", "set_options", off)
	m.must("own", "revote", `{"round":1}`)
	m.vote("ann 5")
	m.must("own", "reveal", `{"round":2,"force":true}`)
	m.must("own", "set_options", on) // this one is revealed already
	m.tells(`+ options.changed {"anonymous":true}`)
}

// TestPolicies: who may give which command, by each policy.
func TestPolicies(t *testing.T) {
	for _, c := range []struct{ policy, command, data string }{
		{"reveal_by", "reveal", `{"round":2,"force":true}`},
		{"reveal_by", "cancel_countdown", `{"round":2}`},
		{"flow_by", "revote", `{"round":2}`},
		{"flow_by", "start_round", `{"confirm":true}`},
		{"flow_by", "set_estimate", `{"story":"s1","value":"5"}`},
		{"flow_by", "start_timer", `{"seconds":60}`},
		{"flow_by", "pause_timer", ``},
		{"flow_by", "stop_timer", ``},
		{"stories_by", "add_story", `{"title":"x"}`},
		{"stories_by", "edit_story", `{"story":"s1","title":"x"}`},
		{"stories_by", "remove_story", `{"story":"s1"}`},
		{"stories_by", "move_story", `{"story":"s1"}`},
		{"stories_by", "import_stories", `{"lines":"x"}`},
		{"settings_by", "set_deck", `{"deck":"risk","confirm":true}`},
		{"settings_by", "set_options", `{"countdown":7}`},
		{"settings_by", "lock", ``},
		{"settings_by", "unlock", ``},
		{"settings_by", "set_passcode", `{"passcode":"x"}`},
	} {
		for policy, may := range map[string]string{"everyone": "own fac ann eye", "facilitators": "own fac", "owner": "own"} {
			for _, id := range []string{"own", "fac", "ann", "eye"} {
				m := trustedMeeting(t, `{"auto_reveal":true,"stories":["Login"],"`+c.policy+`":"`+policy+`"}`)
				m.must("own", "start_round", `{"story":"s1"}`)
				m.must("own", "start_timer", `{"seconds":60}`)
				m.vote("own 5 fac 5 ann 5 ben 5")
				if c.command == "revote" || c.command == "set_estimate" {
					m.must("own", "reveal", `{"round":2}`)
				}
				e := m.try(id, c.command, c.data)
				if allowed := strings.Contains(may, id); allowed != (e == nil) || !allowed && e.Code != wire.CodeForbidden {
					t.Errorf("%s %s: %s by %s: %v", c.policy, policy, c.command, id, e)
				}
			}
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	newMeeting(t, "").refused("own", "patch", `{}`, wire.CodeUnknownCommand)
}
