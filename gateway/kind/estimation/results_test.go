package estimation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestResults(t *testing.T) {
	for _, c := range []struct {
		name, deck, votes string // votes: who=card
		want              string // without turnout and took
	}{
		{"nobody counts", "fibonacci", "a=? b=coffee",
			`{"counts":{"?":1,"coffee":1},"counted":0,"mean":null,"median":[],"modes":[],"lowest":null,"highest":null,"agreement":0,"level":"none","spread":0,"outliers":[],"suggested":null}`},
		{"one", "fibonacci", "a=5",
			`{"counts":{"5":1},"counted":1,"mean":5,"median":["5"],"modes":["5"],"lowest":{"card":"5"},"highest":{"card":"5"},"agreement":100,"level":"unanimous","spread":0,"outliers":[],"suggested":"5"}`},
		{"unanimous but for a ?", "fibonacci", "a=5 b=5 c=?",
			`{"counts":{"5":2,"?":1},"counted":2,"mean":5,"median":["5"],"modes":["5"],"lowest":{"card":"5"},"highest":{"card":"5"},"agreement":100,"level":"unanimous","spread":0,"outliers":[],"suggested":"5"}`},
		{"consensus", "fibonacci", "a=5 b=5 c=5 d=8",
			`{"counts":{"5":3,"8":1},"counted":4,"mean":5.8,"median":["5"],"modes":["5"],"lowest":{"card":"5","members":["a","b","c"]},"highest":{"card":"8","members":["d"]},"agreement":75,"level":"consensus","spread":1,"outliers":[],"suggested":"5"}`},
		{"majority, even count, two medians", "fibonacci", "a=3 b=3 c=5 d=8",
			`{"counts":{"3":2,"5":1,"8":1},"counted":4,"mean":4.8,"median":["3","5"],"modes":["3"],"lowest":{"card":"3","members":["a","b"]},"highest":{"card":"8","members":["d"]},"agreement":50,"level":"majority","spread":2,"outliers":[],"suggested":"3"}`},
		{"split, several modes, the upper median", "fibonacci", "a=1 b=2 c=3 d=5",
			`{"counts":{"1":1,"2":1,"3":1,"5":1},"counted":4,"mean":2.8,"median":["2","3"],"modes":["1","2","3","5"],"lowest":{"card":"1","members":["a"]},"highest":{"card":"5","members":["d"]},"agreement":25,"level":"split","spread":3,"outliers":[],"suggested":"3"}`},
		{"outliers on both sides", "fibonacci", "a=1 b=5 c=5 d=5 e=21",
			`{"counts":{"1":1,"21":1,"5":3},"counted":5,"mean":7.4,"median":["5"],"modes":["5"],"lowest":{"card":"1","members":["a"]},"highest":{"card":"21","members":["e"]},"agreement":60,"level":"majority","spread":6,"outliers":[{"card":"1","members":["a"]},{"card":"21","members":["e"]}],"suggested":"5"}`},
		{"no number, no mean", "tshirt", "a=S b=XXL c=M",
			`{"counts":{"M":1,"S":1,"XXL":1},"counted":3,"mean":null,"median":["M"],"modes":["S","M","XXL"],"lowest":{"card":"S","members":["a"]},"highest":{"card":"XXL","members":["b"]},"agreement":33,"level":"split","spread":4,"outliers":[{"card":"XXL","members":["b"]}],"suggested":"M"}`},
		{"halves", "short", "a=0.5 b=1",
			`{"counts":{"0.5":1,"1":1},"counted":2,"mean":0.8,"median":["0.5","1"],"modes":["0.5","1"],"lowest":{"card":"0.5","members":["a"]},"highest":{"card":"1","members":["b"]},"agreement":50,"level":"majority","spread":1,"outliers":[],"suggested":"1"}`},
		{"the middle lies between", "fibonacci", "a=1 b=13",
			`{"counts":{"1":1,"13":1},"counted":2,"mean":7,"median":["1","13"],"modes":["1","13"],"lowest":{"card":"1","members":["a"]},"highest":{"card":"13","members":["b"]},"agreement":50,"level":"majority","spread":5,"outliers":[],"suggested":"13"}`},
		{"nobody", "fibonacci", "",
			`{"counts":{},"counted":0,"mean":null,"median":[],"modes":[],"lowest":null,"highest":null,"agreement":0,"level":"none","spread":0,"outliers":[],"suggested":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := standardDeck(c.deck)
			got := withoutRest(t, evaluate(d, parseVotes(c.votes), true))
			if got != canonical(t, c.want) {
				t.Errorf("\n%s\nwant\n%s", got, canonical(t, c.want))
			}
			unnamed := withoutRest(t, evaluate(d, parseVotes(c.votes), false))
			if strings.Contains(unnamed, "members") {
				t.Errorf("an anonymous result names somebody: %s", unnamed)
			}
			var with, without map[string]any
			json.Unmarshal([]byte(got), &with)
			json.Unmarshal([]byte(unnamed), &without)
			for _, side := range []string{"lowest", "highest"} {
				if s, ok := with[side].(map[string]any); ok {
					delete(s, "members")
				}
			}
			for _, o := range with["outliers"].([]any) {
				delete(o.(map[string]any), "members")
			}
			if fmt.Sprint(with) != fmt.Sprint(without) {
				t.Errorf("without names more than the names is others:\n%v\n%v", with, without)
			}
		})
	}
}

func parseVotes(text string) (votes []vote) {
	for _, word := range strings.Fields(text) {
		member, card, _ := strings.Cut(word, "=")
		votes = append(votes, vote{Member: member, Card: card})
	}
	return votes
}

// withoutRest is what evaluate computes, without what its caller adds.
func withoutRest(t *testing.T, r results) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(encode(r), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "turnout")
	delete(all, "took")
	return string(encode(all))
}

// canonical is JSON with sorted keys.
func canonical(t testing.TB, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(encode(v))
}
