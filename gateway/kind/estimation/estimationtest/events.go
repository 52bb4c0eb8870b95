package estimationtest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Event takes an event of a frame, durable or not. Those of other kinds change
// nothing.
func (m *Mirror) Event(event string, data json.RawMessage) error {
	do, ok := events[event]
	if !ok {
		return nil
	}
	d, err := parse(data)
	if err != nil {
		return err
	}
	if number, ok := d["round"]; ok && aboutCurrent[event] && number != m.round()["round"] {
		return fmt.Errorf("%s is about round %v; the current one is %v", event, number, m.round()["round"])
	}
	return do(m, d)
}

// aboutCurrent are events of the current round.
var aboutCurrent = map[string]bool{"countdown.started": true, "countdown.stopped": true, "round.revealed": true,
	"vote.changed": true, "round.anonymous": true}

var events = map[string]func(m *Mirror, d object) error{
	"member.joined":     (*Mirror).joined,
	"member.changed":    (*Mirror).changed,
	"member.left":       (*Mirror).left,
	"vote.state":        (*Mirror).voteState,
	"countdown.started": (*Mirror).countdownStarted,
	"countdown.stopped": (*Mirror).countdownStopped,
	"round.revealed":    (*Mirror).revealed,
	"vote.changed":      (*Mirror).voteChanged,
	"round.started":     (*Mirror).roundStarted,
	"round.anonymous":   func(m *Mirror, d object) error { m.round()["anonymous"] = d["anonymous"]; return nil },
	"estimate.set":      (*Mirror).estimateSet,
	"stories.added":     (*Mirror).storiesAdded,
	"story.edited":      (*Mirror).storyEdited,
	"story.removed":     (*Mirror).storyRemoved,
	"story.moved":       (*Mirror).storyMoved,
	"deck.changed":      func(m *Mirror, d object) error { m.state["deck"] = d["deck"]; return nil },
	"options.changed":   (*Mirror).optionsChanged,
	"roles.changed":     func(m *Mirror, d object) error { return m.replace(d, "owner", "facilitators", "acting", "absent") },
	"door.changed":      func(m *Mirror, d object) error { return m.replace(d, "locked", "passcode") },
	"timer.changed":     func(m *Mirror, d object) error { return m.replace(d, "timer") },
	"session.closed":    (*Mirror).sessionClosed,
}

func (m *Mirror) replace(d object, names ...string) error {
	for _, name := range names {
		value, ok := d[name]
		if !ok {
			return fmt.Errorf("%s is missing", name)
		}
		m.state[name] = value
	}
	return nil
}

func (m *Mirror) joined(d object) error {
	m.members[d["member"].(string)] = d["name"].(string)
	return nil
}

func (m *Mirror) changed(d object) error {
	if name, ok := d["name"].(string); ok {
		m.members[d["member"].(string)] = name
	}
	return nil
}

func (m *Mirror) left(d object) error {
	delete(m.members, d["member"].(string))
	if r := m.round(); r["voted"] != nil {
		r["voted"] = remove(list(r["voted"]), d["member"])
	}
	return nil
}

func (m *Mirror) voteState(d object) error {
	r := m.round()
	voted := list(r["voted"])
	there := slices.Contains(voted, d["member"])
	if r["voted"] == nil || there == d["voted"] {
		return fmt.Errorf("vote.state %v, but voted is %v", d, r["voted"])
	}
	if d["voted"] == true {
		r["voted"] = append(slices.Clone(voted), d["member"])
		return nil
	}
	r["voted"] = remove(voted, d["member"])
	if d["member"] == m.me {
		m.state["you"].(object)["card"] = nil
	}
	return nil
}

func (m *Mirror) countdownStarted(d object) error {
	m.round()["countdown"] = object{"token": d["token"], "at": d["at"], "ms": d["ms"]}
	return nil
}

func (m *Mirror) countdownStopped(d object) error {
	running, _ := m.round()["countdown"].(object)
	if running == nil || running["token"] != d["token"] {
		return fmt.Errorf("countdown %v is stopped; %v runs", d["token"], running)
	}
	delete(m.round(), "countdown")
	return nil
}

func (m *Mirror) revealed(d object) error {
	if m.state["phase"] != "voting" {
		return fmt.Errorf("a round is revealed in the phase %v", m.state["phase"])
	}
	m.state["phase"] = "revealed"
	r := m.round()
	delete(r, "voted")
	delete(r, "countdown")
	r["revealed"], r["results"] = d["revealed"], d["results"]
	if votes, ok := d["votes"].(object); ok {
		r["votes"] = votes
		for id := range votes {
			m.named(id)
		}
	}
	return nil
}

// named notes how somebody is called whose vote is shown.
func (m *Mirror) named(id string) {
	if name, ok := m.members[id]; ok {
		m.state["names"].(object)[id] = name
	}
}

func (m *Mirror) voteChanged(d object) error {
	r := m.round()
	r["results"] = d["results"]
	id, ok := d["member"].(string)
	if !ok {
		return nil // anonymous
	}
	r["votes"].(object)[id] = d["card"]
	changed, ok := r["changed"].(object)
	if !ok {
		changed = make(object)
		r["changed"] = changed
	}
	if _, ok := changed[id]; !ok {
		changed[id] = d["first"]
	}
	m.named(id)
	return nil
}

// over puts the current round into the history, if there is anything to keep.
func (m *Mirror) over(at any) {
	r := m.round()
	if r == nil || r["revealed"] == nil && len(list(r["voted"])) == 0 {
		return
	}
	delete(r, "countdown")
	r["ended"] = at
	m.history = append(m.history, r)
}

func (m *Mirror) roundStarted(d object) error {
	m.over(d["started"])
	delete(d, "reason")
	d["voted"] = []any{}
	m.state["round"], m.state["phase"] = d, "voting"
	if you, ok := m.state["you"].(object); ok {
		you["card"] = nil
	}
	return nil
}

func (m *Mirror) sessionClosed(d object) error {
	m.over(d["ended"])
	m.state["round"], m.state["phase"] = nil, "closed"
	if you, ok := m.state["you"].(object); ok {
		you["card"] = nil
	}
	return nil
}

func (m *Mirror) estimateSet(d object) error {
	put := func(o object, value any) {
		if d["value"] == "" {
			delete(o, "estimate")
			return
		}
		o["estimate"] = value
	}
	if number, ok := d["round"]; ok {
		for _, r := range append(slices.Clone(m.history), m.state["round"]) {
			if r, ok := r.(object); ok && r["round"] == number {
				put(r, d["value"])
			}
		}
	}
	if id, ok := d["story"]; ok {
		_, s, err := m.story(id)
		if err != nil {
			return err
		}
		round, ok := d["round"]
		if !ok {
			round = json.Number("0")
		}
		put(s, object{"value": d["value"], "round": round})
	}
	return nil
}

// story finds a story and its place.
func (m *Mirror) story(id any) (int, object, error) {
	for i, s := range list(m.state["stories"]) {
		if s.(object)["id"] == id {
			return i, s.(object), nil
		}
	}
	return 0, nil, fmt.Errorf("there is no story %v", id)
}

// put inserts stories before another one, or at the end.
func (m *Mirror) put(stories []any, before any) error {
	all := list(m.state["stories"])
	at := len(all)
	if before != nil {
		var err error
		if at, _, err = m.story(before); err != nil {
			return err
		}
	}
	m.state["stories"] = slices.Insert(slices.Clone(all), at, stories...)
	return nil
}

func (m *Mirror) storiesAdded(d object) error { return m.put(list(d["stories"]), d["before"]) }

func (m *Mirror) storyEdited(d object) error {
	edited := d["story"].(object)
	_, s, err := m.story(edited["id"])
	if err != nil {
		return err
	}
	s["title"] = edited["title"]
	if delete(s, "link"); edited["link"] != nil {
		s["link"] = edited["link"]
	}
	if r := m.round(); r["story"] == edited["id"] {
		r["title"] = edited["title"]
	}
	return nil
}

func (m *Mirror) storyRemoved(d object) error {
	i, _, err := m.story(d["story"])
	if err == nil {
		m.state["stories"] = slices.Delete(slices.Clone(list(m.state["stories"])), i, i+1)
	}
	return err
}

func (m *Mirror) storyMoved(d object) error {
	i, s, err := m.story(d["story"])
	if err != nil {
		return err
	}
	m.state["stories"] = slices.Delete(slices.Clone(list(m.state["stories"])), i, i+1)
	return m.put([]any{s}, d["before"])
}

func (m *Mirror) optionsChanged(d object) error {
	options := m.state["options"].(object)
	for name, value := range d {
		if _, ok := options[name]; !ok {
			return fmt.Errorf("there is no option %s", name)
		}
		options[name] = value
	}
	return nil
}
