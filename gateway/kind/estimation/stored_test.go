package estimation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
)

// TestOldReplicasKeepWhatNewOnesWrite: two versions serve one session in a
// rolling deploy; what a later one adds at the top of the state is not lost when
// this one writes it.
func TestOldReplicasKeepWhatNewOnesWrite(t *testing.T) {
	m := newMeeting(t, "")
	core := strings.Replace(string(m.state.Encode()), `{"phase"`, `{"zoom":{"level":2},"phase"`, 1)
	s, err := Kind{}.DecodeParts([]byte(core), map[string]string{"whiteboard": "later"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Do(kind.Command{Name: "cast_vote", Data: json.RawMessage(`{"round":1,"card":"5"}`), From: "ann", People: m.people, At: m.at})
	if err != nil {
		t.Fatal(err)
	}
	if again := string(r.State.Encode()); !strings.Contains(again, `"zoom":{"level":2}`) || !strings.Contains(again, `"card":"5"`) || !json.Valid([]byte(again)) {
		t.Errorf("written again: %s", again)
	}
	if len(r.Parts) != 0 {
		t.Errorf("parts that this version does not know are written: %v", r.Parts)
	}
}

// TestStatesThatAreNone: what cannot be a state is refused when it is read, and
// not when somebody plays on.
func TestStatesThatAreNone(t *testing.T) {
	for core, parts := range map[string]map[string]string{
		``:                                nil,
		`[]`:                              nil,
		`{}`:                              nil,
		`{"phase":"voting"}`:              nil,
		`{"phase":"later","round":{}}`:    nil,
		`{"phase":"closed","round":{}}`:   nil,
		`{"phase":"revealed","round":{}}`: nil,
		`{"phase":"closed","deck":5}`:     nil,
		`{"phase":"closed","rounds":1}`:   {partStories: `{`},
		`{"phase":"closed","rounds":2}`:   {partRound + "x": `{}`},
		`{"phase":"closed","rounds":3}`:   {partRound + "1": `{`},
		`{"phase":"closed","rounds":4}`:   {partNames: `[]`},
		`{"phase":"voting","round":{"round":2},"rounds":1}`: nil,
	} {
		if s, err := (Kind{}).DecodeParts([]byte(core), parts); err == nil {
			t.Errorf("%s, %v is read as %s", core, parts, s.Encode())
		}
	}
}
