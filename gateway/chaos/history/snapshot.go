package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// snapshot is what the gateway said to be the truth at a position. Everybody who
// was told the same shares one.
type snapshot struct {
	position
	members []byte
	state   []byte
	seen    tick // for the first time
}

func (s *Session) addSnapshot(told *Snapshot, now tick) (position, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := position{s.epochLocked(told.Epoch), told.Offset}
	for i := len(s.snaps) - 1; i >= max(0, len(s.snaps)-64); i-- {
		have := &s.snaps[i]
		if have.position == at && bytes.Equal(have.members, told.Members) && bytes.Equal(have.state, told.State) {
			return at, i
		}
	}
	s.snaps = append(s.snaps, snapshot{at, bytes.Clone(told.Members), bytes.Clone(told.State), now})
	return at, len(s.snaps) - 1
}

// world is what the events of a session lead to.
type world struct {
	members  map[string]person
	document any
	judged   bool // the document is looked at
}

type person struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Role   string `json:"role"`
}

// newWorld is a session before its first event.
func newWorld(document []byte) (*world, error) {
	w := &world{members: make(map[string]person), judged: document != nil}
	if !w.judged {
		return w, nil
	}
	var err error
	w.document, err = decode(document)
	return w, err
}

// read returns the world that a snapshot tells of.
func (s *snapshot) read(judged bool) (*world, error) {
	w := &world{members: make(map[string]person), judged: judged}
	var list []struct {
		Member string `json:"member"`
		person
	}
	if err := json.Unmarshal(s.members, &list); err != nil {
		return nil, fmt.Errorf("the members of the snapshot: %w", err)
	}
	for _, m := range list {
		if _, twice := w.members[m.Member]; twice {
			return nil, fmt.Errorf("the member %s is in the snapshot twice", m.Member)
		}
		w.members[m.Member] = m.person
	}
	if !judged {
		return w, nil
	}
	var err error
	if w.document, err = decode(s.state); err != nil {
		return nil, fmt.Errorf("the state of the snapshot: %w", err)
	}
	return w, nil
}

// apply changes the world by an event. The error says why it cannot be one that
// happened to this world.
func (w *world) apply(f *fact) error {
	switch name := f.name.Value(); name {
	case "member.joined", "member.changed", "member.left":
		return w.applyMember(name, f.data)
	case "document.patched", "document.replaced":
		if !w.judged {
			return nil
		}
		value, err := decode(f.data)
		if err != nil {
			return err
		}
		if name == "document.replaced" {
			w.document = value
		} else {
			w.document = merge(w.document, value)
		}
	}
	return nil
}

func (w *world) applyMember(name string, data []byte) error {
	var m struct {
		Member string `json:"member"`
		person
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	was, there := w.members[m.Member]
	switch {
	case name == "member.joined" && there:
		return fmt.Errorf("%s joins and is there already", m.Member)
	case name == "member.joined":
		w.members[m.Member] = m.person
		return nil
	case !there:
		return fmt.Errorf("%s is not there", m.Member)
	case name == "member.left":
		delete(w.members, m.Member)
		return nil
	}
	is := was
	for to, from := range map[*string]string{&is.Name: m.Name, &is.Status: m.Status, &is.Role: m.Role} {
		if from != "" {
			*to = from
		}
	}
	if is == was {
		return fmt.Errorf("%s is told to change, and is that already: %+v", m.Member, was)
	}
	w.members[m.Member] = is
	return nil
}

// merge applies a JSON merge patch (RFC 7396, section 2). It may change target.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = make(map[string]any)
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}

// difference says in what two worlds differ; nothing if they are the same. The
// receiver is what the events led to.
func (w *world) difference(told *world) string {
	var found []string
	for _, id := range slices.Sorted(maps.Keys(w.members)) {
		switch is, ok := told.members[id]; {
		case !ok:
			found = append(found, fmt.Sprintf("%s is missing; the events made it %+v", id, w.members[id]))
		case is != w.members[id]:
			found = append(found, fmt.Sprintf("%s is %+v; the events made it %+v", id, is, w.members[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(told.members)) {
		if _, ok := w.members[id]; !ok {
			found = append(found, fmt.Sprintf("%s is %+v; by the events it is not there", id, told.members[id]))
		}
	}
	if !reflect.DeepEqual(w.document, told.document) {
		found = append(found, documentDifference(w.document, told.document))
	}
	return strings.Join(found, "; ")
}

func documentDifference(made, told any) string {
	a, aok := made.(map[string]any)
	b, bok := told.(map[string]any)
	if !aok || !bok {
		return fmt.Sprintf("the document is %v; the events made it %v", told, made)
	}
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(a[key], b[key]) {
			return fmt.Sprintf("the document's %q is %v; the events made it %v", key, b[key], a[key])
		}
	}
	return "the documents differ"
}

func decode(data []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}
