package estimation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
)

var update = flag.Bool("update", false, "write testdata/refusals.json anew")

// The texts of the refusals that somebody can come to with the page, for its
// tests: it says them in its own languages.
func TestRefusalsForThePage(t *testing.T) {
	const file = "testdata/refusals.json"
	got := refusalsForThePage(t)
	slices.Sort(got)
	text, err := json.MarshalIndent(slices.Compact(got), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text)+"\n" {
		t.Errorf("%s differs (-update writes it anew); got:\n%s", file, text)
	}
}

func refusalsForThePage(t *testing.T) (got []string) {
	tell := func(m *meeting, command string, data any) {
		t.Helper()
		e := m.try("own", command, string(encode(data)))
		if e == nil {
			t.Fatalf("%s %.80s is not refused", command, encode(data))
		}
		got = append(got, e.Message)
	}
	m := trustedMeeting(t, `{"stories":["a"]}`)
	long := strings.Repeat("x", 5000)
	for _, csv := range []string{"\n", "title\na \"b\"\n", "title\n\"a\n", "title\n" + long, "title,link\na,javascript:alert(1)", strings.Repeat("x\n", maxStories+1)} {
		tell(m, "import_stories", map[string]string{"csv": csv})
	}
	tell(m, "add_story", map[string]string{"title": long})
	tell(m, "edit_story", map[string]string{"story": "s1", "link": "ftp://example.org"})
	tell(m, "set_estimate", map[string]string{"story": "s1", "value": long})
	for _, deck := range [][]string{{"1", long}, {"1", "2", "1"}, {"1", "?"}} {
		tell(m, "set_deck", map[string]any{"cards": deck})
	}
	another := map[string]string{"title": "x"}
	for m.try("own", "add_story", string(encode(another))) == nil {
	}
	tell(m, "add_story", another)

	m = trustedMeeting(t, "")
	large := strings.Repeat("题", maxTitle)
	for m.try("own", "add_story", string(encode(map[string]string{"title": large}))) == nil {
	}
	tell(m, "add_story", map[string]string{"title": large})
	next := m.state.begin("", m.people, m.at)
	next.past = make([]past, maxRounds)
	m.state = next.state
	m.vote("ann 5")
	tell(m, "start_round", map[string]bool{"confirm": true})

	next = m.state.begin("", m.people, m.at)
	for n := range maxBanned {
		next.Banned = append(next.Banned, fmt.Sprint(n))
	}
	_, err := next.Builtin(kind.Command{Name: "remove_member", Data: []byte(`{"member":"ann","ban":true}`), From: "own", People: m.people, At: m.at})
	if err == nil {
		t.Fatal("one more name is banned")
	}
	return append(got, says(err))
}
