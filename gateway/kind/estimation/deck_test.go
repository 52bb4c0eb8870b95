package estimation

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDecks is the table of docs/estimation.md.
func TestDecks(t *testing.T) {
	want := map[string]string{
		"fibonacci":          "0 1 2 3 5 8 13 21 34 55 89 ? coffee",
		"modified_fibonacci": "0 0.5 1 2 3 5 8 13 20 40 100 ? coffee",
		"short":              "0.5 1 2 3 5 8 13 ? coffee",
		"tshirt":             "XS S M L XL XXL ? coffee",
		"powers":             "1 2 4 8 16 32 64 ? coffee",
		"linear":             "1 2 3 4 5 6 7 8 9 10 ? coffee",
		"hours":              "1 2 4 8 16 24 40 ? coffee",
		"days":               "0.5 1 2 3 5 8 10 ? coffee",
		"risk":               "Low Medium High Critical ?",
		"confidence":         "0 1 2 3 4 5",
		"yesno":              "Yes No ?",
	}
	for _, d := range standard {
		var ids []string
		rank := 0
		for _, c := range d.Cards {
			ids = append(ids, c.ID)
			if (c.Rank == nil) != c.special() || c.Rank != nil && *c.Rank != rank {
				t.Errorf("%s: %s has the rank %v", d.ID, c.ID, c.Rank)
			}
			rank++
		}
		if got := strings.Join(ids, " "); got != want[d.ID] {
			t.Errorf("%s: %s; want %s", d.ID, got, want[d.ID])
		}
		delete(want, d.ID)
		if same, err := readDeck(encode(d.ID)); err != nil || !same.same(d) {
			t.Errorf("%s: %v, %v", d.ID, same, err)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestCustomDeck(t *testing.T) {
	long := make([]string, maxCards+1)
	for i := range long {
		long[i] = strings.Repeat("x", i%9+1) + string(rune('a'+i))
	}
	for _, c := range []struct {
		name, cards, want string
	}{
		{"numbers", `["5","1","½","?"]`, "5/2 1/1 0.5/0 ?"},
		{"words", `["small","big","☕","pass","∞"]`, "small/0 big/1 coffee pass infinity"},
		{"both", `["1","many"," 2 "]`, "1/0 many/1 2/2"},
		{"fractions", `["1/4","⅓","2/3"]`, "0.25/0 0.3333333333333333/1 0.6666666666666666/2"},
		{"ten characters", `["1234567890","估点估点估点估点估点"]`, "1234567890/0 估点估点估点估点估点/1"},
		{"most", string(encode(append(append([]string{}, long[:maxCards]...), "?", "☕"))), "…"},
		{"one card", `["1","?","☕"]`, "a deck has 2 to 20 cards beside ? ☕ ∞ and pass; these are 1"},
		{"too many", string(encode(long)), "a deck has 2 to 20 cards beside ? ☕ ∞ and pass; these are 21"},
		{"none", `[]`, "a deck has 2 to 20 cards beside ? ☕ ∞ and pass; these are 0"},
		{"alike", `["1/2","0.5"]`, "card 2: ½ is there already"},
		{"alike but for case", `["Yes","YES"]`, "card 2: YES is there already"},
		{"two cups", `["1","2","☕","coffee"]`, "card 4: ☕ is there already"},
		{"long", `["1","12345678901"]`, "card 2: a label has 1 to 10 characters"},
		{"empty", `["1"," "]`, "card 2: a label has 1 to 10 characters"},
		{"control", `["1","a\u0007b"]`, "card 2: a label has 1 to 10 characters"},
		{"no labels", `[1,2]`, "a deck is the id of one, or an array of labels"},
		{"unknown", `"poker"`, `there is no deck "poker"; there are ` + standardIDs()},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := readDeck(json.RawMessage(c.cards))
			if err != nil {
				if says(err) != c.want {
					t.Errorf("refused: %s; want %s", says(err), c.want)
				}
				return
			}
			var got []string
			for _, card := range d.Cards {
				text := card.ID
				if card.Rank != nil {
					text += "/" + string(encode(*card.Rank))
				}
				got = append(got, text)
			}
			if joined := strings.Join(got, " "); joined != c.want && c.want != "…" {
				t.Errorf("%s; want %s", joined, c.want)
			}
			var again storedDeck
			if err := json.Unmarshal(encode(storedDeck{d}), &again); err != nil || string(encode(again.deck)) != string(encode(d)) {
				t.Errorf("stored and read again %s; want %s (%v)", encode(again.deck), encode(d), err)
			}
		})
	}
}

// TestOneCardHasManyNames: ½, 0.5 and 1/2 are one card.
func TestOneCardHasManyNames(t *testing.T) {
	d, _ := standardDeck("short")
	for text, want := range map[string]string{"½": "0.5", "0.5": "0.5", "1/2": "0.5", ".5": "0.5", "0.50": "0.5", "3": "3", "3.0": "3", "☕": "coffee",
		"coffee": "coffee", "?": "?", "4": "", "": "", "1/0": "", "-1": "", "1e1": "", "Inf": "", "pass": ""} {
		c, ok := d.find(text)
		if ok != (want != "") || c.ID != want {
			t.Errorf("%q is %q, %v; want %q", text, c.ID, ok, want)
		}
	}
}
