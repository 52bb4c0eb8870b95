package estimation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a custom deck.
const (
	minCards = 2
	maxCards = 20 // beside the specials
	maxLabel = 10 // characters
	custom   = "custom"
)

// card is one card of a deck. Only cards with a rank are counted.
type card struct {
	ID     string   `json:"id"`
	Label  string   `json:"label"`
	Rank   *int     `json:"rank,omitempty"` // 0 is the lowest
	Number *float64 `json:"number,omitempty"`
}

// deck is an ordered set of cards. It is immutable.
type deck struct {
	ID    string `json:"id"`
	Cards []card `json:"cards"`
}

// fractions are labels that stand for numbers.
var fractions = map[string]float64{"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1.0 / 3, "⅔": 2.0 / 3}

// specials are the cards without a rank, by everything they may be called.
var specials = map[string]card{
	"?":      {ID: "?", Label: "?"},
	"☕":      {ID: "coffee", Label: "☕"},
	"☕️":     {ID: "coffee", Label: "☕"},
	"coffee": {ID: "coffee", Label: "☕"},
	"∞":      {ID: "infinity", Label: "∞"}, "infinity": {ID: "infinity", Label: "∞"},
	"pass": {ID: "pass", Label: "pass"},
}

// number reads a number as people write it on cards: 3, 0.5, 1/2, ½.
func number(label string) (n float64, ok bool) {
	if n, ok = fractions[label]; ok {
		return n, true
	}
	if above, below, ok := strings.Cut(label, "/"); ok {
		a, err := strconv.ParseUint(above, 10, 16)
		b, err2 := strconv.ParseUint(below, 10, 16)
		return float64(a) / float64(b), err == nil && err2 == nil && b > 0
	}
	if label == "" || strings.Trim(label, "0123456789.") != "" {
		return 0, false // also Inf, NaN, exponents, signs
	}
	n, err := strconv.ParseFloat(label, 64)
	return n, err == nil
}

// named returns the card that a text names, without its rank.
func named(text string) card {
	if c, ok := specials[strings.ToLower(text)]; ok {
		return c
	}
	c := card{ID: text, Label: text}
	if n, ok := number(text); ok {
		c.ID, c.Number = strconv.FormatFloat(n, 'f', -1, 64), &n
		if n == 0.5 {
			c.Label = "½"
		} else if _, fraction := fractions[text]; !fraction && !strings.Contains(text, "/") {
			c.Label = c.ID
		}
	}
	return c
}

func (c card) special() bool {
	_, ok := specials[c.ID]
	return ok
}

// newDeck makes a deck of labels and gives the cards their ranks.
func newDeck(id string, labels []string) deck {
	d := deck{ID: id}
	for _, l := range labels {
		d.Cards = append(d.Cards, named(l))
	}
	d.rank()
	return d
}

// rank orders what is counted: by number if every card has one, else as the
// cards lie.
func (d deck) rank() {
	var counted []int
	for i, c := range d.Cards {
		if !c.special() {
			counted = append(counted, i)
		}
	}
	numbers := !slices.ContainsFunc(counted, func(i int) bool { return d.Cards[i].Number == nil })
	if numbers {
		slices.SortStableFunc(counted, func(i, j int) int {
			if *d.Cards[i].Number < *d.Cards[j].Number {
				return -1
			}
			return 1
		})
	}
	for rank, i := range counted {
		d.Cards[i].Rank = &rank
	}
}

// find returns the card that a member names, by its id, its label, or another
// way to write the same.
func (d deck) find(text string) (card, bool) {
	id := named(text).ID
	i := slices.IndexFunc(d.Cards, func(c card) bool { return c.ID == text || c.ID == id || c.Label == text })
	if i < 0 {
		return card{}, false
	}
	return d.Cards[i], true
}

// customDeck makes a deck of what a member asks for.
func customDeck(labels []string) (deck, error) {
	seen, counted := make(map[string]bool), 0
	for i, l := range labels {
		labels[i] = strings.TrimSpace(l)
		n := utf8.RuneCountInString(labels[i])
		if n < 1 || n > maxLabel || !utf8.ValidString(l) || strings.ContainsFunc(labels[i], unicode.IsControl) {
			return deck{}, refuse(CodeBadDeck, "card %d: a label has 1 to %d characters", i+1, maxLabel)
		}
		c := named(labels[i])
		if same := strings.ToLower(c.ID); seen[same] {
			return deck{}, refuse(CodeBadDeck, "card %d: %s is there already", i+1, c.Label)
		} else {
			seen[same] = true
		}
		if !c.special() {
			counted++
		}
	}
	if counted < minCards || counted > maxCards {
		return deck{}, refuse(CodeBadDeck, "a deck has %d to %d cards beside ? ☕ ∞ and pass; these are %d", minCards, maxCards, counted)
	}
	return newDeck(custom, labels), nil
}

// readDeck reads the id of a deck, or the labels of a custom one.
func readDeck(raw json.RawMessage) (deck, error) {
	var id string
	var labels []string
	switch {
	case json.Unmarshal(raw, &id) == nil && id != "":
		d, ok := standardDeck(id)
		if !ok {
			return deck{}, refuse(CodeBadDeck, "there is no deck %q; there are %s", id, standardIDs())
		}
		return d, nil
	case json.Unmarshal(raw, &labels) == nil && labels != nil:
		return customDeck(labels)
	}
	return deck{}, refuse(CodeBadDeck, "a deck is the id of one, or an array of labels")
}

func (d deck) same(o deck) bool {
	return d.ID == o.ID && slices.EqualFunc(d.Cards, o.Cards, func(a, b card) bool { return a.ID == b.ID && a.Label == b.Label })
}

// storedDeck is a deck as the state keeps it: its labels. A standard deck is
// kept like that too, so that every version of the gateway knows its cards.
type storedDeck struct{ deck }

type deckText struct {
	ID     string   `json:"id"`
	Labels []string `json:"labels"`
}

// MarshalJSON implements json.Marshaler.
func (d storedDeck) MarshalJSON() ([]byte, error) {
	text := deckText{ID: d.ID}
	for _, c := range d.Cards {
		text.Labels = append(text.Labels, c.Label)
	}
	return json.Marshal(text)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *storedDeck) UnmarshalJSON(raw []byte) error {
	var text deckText
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	d.deck = newDeck(text.ID, text.Labels)
	return nil
}
