package estimation

import "strings"

// standard are the decks that everybody has; the first one is the default.
var standard = []deck{
	newDeck("fibonacci", strings.Fields("0 1 2 3 5 8 13 21 34 55 89 ? ☕")),
	newDeck("modified_fibonacci", strings.Fields("0 ½ 1 2 3 5 8 13 20 40 100 ? ☕")),
	newDeck("short", strings.Fields("½ 1 2 3 5 8 13 ? ☕")),
	newDeck("tshirt", strings.Fields("XS S M L XL XXL ? ☕")),
	newDeck("powers", strings.Fields("1 2 4 8 16 32 64 ? ☕")),
	newDeck("linear", strings.Fields("1 2 3 4 5 6 7 8 9 10 ? ☕")),
	newDeck("hours", strings.Fields("1 2 4 8 16 24 40 ? ☕")),
	newDeck("days", strings.Fields("½ 1 2 3 5 8 10 ? ☕")),
	newDeck("risk", strings.Fields("Low Medium High Critical ?")),
	newDeck("confidence", strings.Fields("0 1 2 3 4 5")),
	newDeck("yesno", strings.Fields("Yes No ?")),
}

func standardDeck(id string) (deck, bool) {
	for _, d := range standard {
		if d.ID == id {
			return d, true
		}
	}
	return deck{}, false
}

func standardIDs() string {
	ids := make([]string, len(standard))
	for i, d := range standard {
		ids[i] = d.ID
	}
	return strings.Join(ids, ", ")
}
