package estimation

import (
	"maps"
	"math"
	"slices"
)

// results are what a revealed round comes to. See docs/estimation.md for the fields.
type results struct {
	Counts    map[string]int `json:"counts"`
	Counted   int            `json:"counted"`
	Mean      *float64       `json:"mean"`
	Median    []string       `json:"median"`
	Modes     []string       `json:"modes"`
	Lowest    *side          `json:"lowest"`
	Highest   *side          `json:"highest"`
	Agreement int            `json:"agreement"`
	Level     string         `json:"level"`
	Spread    int            `json:"spread"`
	Outliers  []side         `json:"outliers"`
	Turnout   turnout        `json:"turnout"`
	Took      int64          `json:"took"`
	Suggested *string        `json:"suggested"`
}

// side is a card and who played it.
type side struct {
	Card    string   `json:"card"`
	Members []string `json:"members,omitempty"`
}

type turnout struct {
	Voted  int `json:"voted"`
	Voters int `json:"voters"`
}

// outlying is how many steps from the median make an outlier.
const outlying = 2

// evaluate computes what the votes of a round come to. It is the only place
// that does. Without names nobody is named.
func evaluate(d deck, votes []vote, names bool) results {
	r := results{Counts: make(map[string]int), Median: []string{}, Modes: []string{}, Outliers: []side{}, Level: "none"}
	byRank := d.ranked()
	ranks := make([]int, 0, len(votes)) // of what is counted, rising
	for _, v := range votes {
		r.Counts[v.Card]++
		if c, ok := d.find(v.Card); ok && c.Rank != nil {
			ranks = append(ranks, *c.Rank)
		}
	}
	if r.Counted = len(ranks); r.Counted == 0 {
		return r
	}
	slices.Sort(ranks)
	lower, upper := ranks[(len(ranks)-1)/2], ranks[len(ranks)/2]
	r.Median = append(r.Median, byRank[lower].ID)
	if upper != lower {
		r.Median = append(r.Median, byRank[upper].ID)
	}
	r.Mean = mean(byRank, ranks)
	r.agree(byRank, ranks)
	suggested := byRank[upper].ID
	if len(r.Modes) == 1 {
		suggested = r.Modes[0]
	}
	r.Suggested = &suggested

	who := func(rank int) side {
		s := side{Card: byRank[rank].ID}
		for _, v := range votes {
			if names && v.Card == s.Card {
				s.Members = append(s.Members, v.Member)
			}
		}
		return s
	}
	low, high := who(ranks[0]), who(ranks[len(ranks)-1])
	r.Lowest, r.Highest, r.Spread = &low, &high, ranks[len(ranks)-1]-ranks[0]
	if r.Spread == 0 { // everybody, and the votes say so
		low.Members, high.Members = nil, nil
	}
	for _, rank := range slices.Compact(slices.Clone(ranks)) {
		if rank <= lower-outlying || rank >= upper+outlying {
			r.Outliers = append(r.Outliers, who(rank))
		}
	}
	return r
}

// ranked returns the cards that are counted, by rank.
func (d deck) ranked() []card {
	byRank := make([]card, 0, len(d.Cards))
	for _, c := range d.Cards {
		if c.Rank != nil {
			byRank = append(byRank, c)
		}
	}
	slices.SortFunc(byRank, func(a, b card) int { return *a.Rank - *b.Rank })
	return byRank
}

// mean is rounded to one decimal, half away from zero; nil unless every counted
// card of the deck has a number.
func mean(byRank []card, ranks []int) *float64 {
	sum := 0.0
	for _, c := range byRank {
		if c.Number == nil {
			return nil
		}
	}
	for _, rank := range ranks {
		sum += *byRank[rank].Number
	}
	m := math.Round(sum/float64(len(ranks))*10) / 10
	return &m
}

// agree finds the modes and how far the voters agree.
func (r *results) agree(byRank []card, ranks []int) {
	counts := make(map[int]int)
	for _, rank := range ranks {
		counts[rank]++
	}
	top := slices.Max(slices.Collect(maps.Values(counts)))
	for _, rank := range slices.Sorted(maps.Keys(counts)) {
		if counts[rank] == top {
			r.Modes = append(r.Modes, byRank[rank].ID)
		}
	}
	r.Agreement = top * 100 / len(ranks)
	switch {
	case r.Agreement == 100:
		r.Level = "unanimous"
	case r.Agreement >= 75:
		r.Level = "consensus"
	case r.Agreement >= 50:
		r.Level = "majority"
	default:
		r.Level = "split"
	}
}
