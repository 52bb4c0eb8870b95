package estimation

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// fuzzed is a meeting in full swing, for commands and as a seed for states.
func fuzzed(t testing.TB) *meeting {
	m := newMeeting(t, `{"stories":["Login",{"title":"Logout","link":"https://example.org"}],"auto_reveal":true,"late_change":true}`)
	m.vote("ann 5 ben 8")
	m.must("own", "start_round", `{"story":"s1","confirm":true}`)
	m.vote("ann 5 ben 8")
	m.must("own", "reveal", `{"round":2,"force":true}`)
	m.must("ann", "change_vote", `{"round":2,"card":"8"}`)
	m.must("own", "set_estimate", `{"round":2,"value":"8"}`)
	m.must("own", "revote", `{"round":2}`)
	m.must("own", "start_timer", `{"seconds":60}`)
	m.must("own", "set_passcode", `{"passcode":"x"}`)
	m.vote("ann 5 ben 8 fac 3 own 3")
	return m
}

// FuzzCommand: no command breaks a session, whoever gives it, and a refusal says why.
func FuzzCommand(f *testing.F) {
	for name := range commands {
		f.Add("own", name, `{"round":3,"card":"5","story":"s1","member":"ann","role":"spectator","title":"x","lines":"a","deck":"risk","value":"5"}`)
	}
	f.Add("ann", "import_stories", `{"csv":"title;link\n\"a;\"\"b\";x"}`)
	f.Add("ann", "set_deck", `{"cards":["1/2","⅓","?"],"confirm":true}`)
	f.Add("own", "set_options", `{"countdown":0,"anonymous":true}`)
	f.Add("own", "set_passcode", `{"passcode":"\ud83c\udf89"}`)
	full := fuzzed(f)
	f.Fuzz(func(t *testing.T, from, name, data string) {
		m := &meeting{TB: t, state: full.state, parts: maps.Clone(full.parts), people: full.people, at: full.at}
		if _, here := m.person(from); !here || !json.Valid([]byte(data)) {
			return // nobody without a seat, and nothing but JSON, comes as far as that
		}
		if m.try(from, name, data) == nil {
			m.pass(2 * time.Minute)
			m.leave(from)
		}
	})
}

// FuzzDecode: whatever the store holds, it is read or refused, and what was read
// can be played on with.
func FuzzDecode(f *testing.F) {
	m := fuzzed(f)
	f.Add(string(m.state.Encode()), m.parts[partStories], m.parts["r:1"])
	m.must("own", "close", "")
	f.Add(string(m.state.Encode()), m.parts[partStories], m.parts["r:3"])
	f.Add(`{"phase":"revealed","round":{"round":1,"revealed":1},"rounds":1}`, `[]`, `{}`)
	f.Add(`{"phase":"voting","round":{"round":1,"votes":[{}]},"rounds":1,"deck":{"labels":["a","a"]}}`, `[{}]`, ``)
	f.Fuzz(func(t *testing.T, core, stories, round string) {
		s, err := Kind{}.DecodeParts([]byte(core), map[string]string{partStories: stories, partRound + "1": round, "unknown": "x"})
		if err != nil {
			return
		}
		people := []kind.Person{{ID: "own", Name: "Own", Status: wire.StatusOnline}, {ID: "ann", Name: "Ann"}}
		at := time.UnixMilli(1000)
		for name := range commands {
			r, err := s.Do(kind.Command{Name: name, Data: json.RawMessage(`{"round":1,"card":"5","story":"s1","member":"ann","role":"voter","before":2,"confirm":true,"force":true,"seconds":5}`),
				From: "own", People: people, At: at})
			var e *wire.Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%s: %v", name, err)
			}
			if r.State != nil {
				r.State.View("own")
			}
		}
		social, timed := s.(kind.Social), s.(kind.Timed)
		social.React(people, at)
		timed.Due(timed.Deadline().Token, people, at)
		social.Admit(kind.Join{Member: "new", Name: "New", Passcode: "x"}, people, at)
		s.(kind.Private).Private("own")
		if view := s.View("own"); !json.Valid(view) {
			t.Errorf("not JSON: %s", view)
		}
	})
}
