// Package estimationtest is a client of the estimation kind for tests: it keeps
// the state as docs/estimation.md says that a client does, from the first state
// and the events. It shares no code with the kind, so that the two check each
// other and the document.
package estimationtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// Mirror is what one member's client knows. It is not safe for concurrent use.
type Mirror struct {
	me      string
	members map[string]string // names by id
	state   object
	history []any // all past rounds that it knows
	older   int
}

// New returns a mirror of a snapshot: the members of a welcome, and its state.
func New(me string, members, state json.RawMessage) (*Mirror, error) {
	m := &Mirror{me: me, members: make(map[string]string)}
	var list []struct{ Member, Name string }
	if err := json.Unmarshal(members, &list); err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	for _, l := range list {
		m.members[l.Member] = l.Name
	}
	var err error
	if m.state, err = parse(state); err != nil {
		return nil, err
	}
	m.history = m.state["history"].([]any)
	older, err := m.state["older"].(json.Number).Int64()
	m.older = int(older)
	return m, err
}

func parse(b []byte) (o object, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err = d.Decode(&o); err != nil {
		return nil, fmt.Errorf("%s: %w", b, err)
	}
	return o, nil
}

// Voted returns who has a card on the table, as everybody knows.
func (m *Mirror) Voted() (ids []string) {
	for _, id := range list(m.round()["voted"]) {
		ids = append(ids, id.(string))
	}
	return ids
}

// Card is the own card; empty if there is none.
func (m *Mirror) Card() string {
	card, _ := m.state["you"].(object)["card"].(string)
	return card
}

// Phase is the session's.
func (m *Mirror) Phase() string { return m.state["phase"].(string) }

// Round is the number of the current round; 0 if there is none.
func (m *Mirror) Round() int {
	n, _ := m.round()["round"].(json.Number)
	i, _ := n.Int64()
	return int(i)
}

// Votes are those of the current round, once it is revealed.
func (m *Mirror) Votes() map[string]string {
	votes := make(map[string]string)
	shown, _ := m.round()["votes"].(object)
	for id, card := range shown {
		votes[id] = card.(string)
	}
	return votes
}

// Counts are how often each card of the revealed round was played.
func (m *Mirror) Counts() string {
	results, _ := m.round()["results"].(object)
	b, _ := json.Marshal(results["counts"])
	return string(b)
}

// Get returns a field of the state as JSON, for a test to look at.
func (m *Mirror) Get(name string) string {
	b, _ := json.Marshal(m.state[name])
	return string(b)
}

// History is how many past rounds it knows.
func (m *Mirror) History() int { return len(m.history) }

func (m *Mirror) round() object {
	r, _ := m.state["round"].(object)
	return r
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// Differs says how a view that the gateway shows now differs from what the
// mirror has come to. Nil if it does not.
func (m *Mirror) Differs(view json.RawMessage) error {
	shown, err := parse(view)
	if err != nil {
		return err
	}
	history := list(shown["history"])
	older, _ := shown["older"].(json.Number).Int64()
	if int(older)+len(history) != m.older+len(m.history) {
		return fmt.Errorf("%d and %d past rounds are shown; known are %d and %d", older, len(history), m.older, len(m.history))
	}
	known := m.history
	if n := len(history); n < len(known) {
		known = known[len(known)-n:]
	}
	if e := differs("history", known, history[len(history)-len(known):]); e != nil {
		return e
	}
	mine := make(object)
	for name, value := range m.state {
		mine[name] = value
	}
	for _, o := range []object{mine, shown} {
		for _, name := range []string{"now", "history", "older"} {
			delete(o, name)
		}
	}
	for name := range shown {
		if e := differs(name, mine[name], shown[name]); e != nil {
			return e
		}
	}
	return differs("state", mine, shown)
}

func differs(name string, mine, shown any) error {
	if reflect.DeepEqual(mine, shown) {
		return nil
	}
	a, _ := json.Marshal(mine)
	b, _ := json.Marshal(shown)
	return fmt.Errorf("%s is\n\t%s by the events, and\n\t%s in the view", name, a, b)
}

// Private takes a private event.
func (m *Mirror) Private(event string, data json.RawMessage) error {
	d, err := parse(data)
	if err != nil || event != "your_vote" {
		return err
	}
	if reflect.DeepEqual(d["round"], m.round()["round"]) {
		m.state["you"].(object)["card"] = d["card"]
	}
	return nil
}

// remove takes an element out of a list.
func remove(l []any, v any) []any {
	return slices.DeleteFunc(slices.Clone(l), func(o any) bool { return o == v })
}

// Past tells of each past round its number, and its cards, or who had voted if
// it was never revealed.
func (m *Mirror) Past() (rounds []string) {
	for _, p := range m.history {
		r := p.(object)
		text := fmt.Sprint(r["round"])
		votes, _ := r["votes"].(object)
		var cards []string
		for _, card := range votes {
			cards = append(cards, card.(string))
		}
		slices.Sort(cards)
		for _, id := range list(r["voted"]) {
			cards = append(cards, id.(string))
		}
		rounds = append(rounds, strings.Join(append([]string{text}, cards...), " "))
	}
	return rounds
}

// Matches is Differs for what everyone is shown: without what only the member is.
func (m *Mirror) Matches(view json.RawMessage) error {
	shown, err := parse(view)
	if err != nil {
		return err
	}
	shown["you"] = m.state["you"]
	b, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	return m.Differs(b)
}
