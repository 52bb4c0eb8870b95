package wire

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Unmarshal is json.Unmarshal for what a client has sent into the struct that v
// points to, with the protocol's rule for names: they are compared exactly, and
// members whose names the struct does not have are ignored. encoding/json also
// takes "CARD" for "card". It concerns the outermost object alone.
func Unmarshal(data []byte, v any) error {
	if !json.Valid(data) {
		return json.Unmarshal(data, v) // which says what is wrong
	}
	start := space(data, 0)
	if data[start] != '{' {
		return json.Unmarshal(data, v)
	}
	names, alike := make(map[string]bool), false
	addNames(names, reflect.TypeOf(v).Elem())
	kept := []byte{'{'}
	members(data, start, func(name []byte, from, to int) {
		if !names[string(name)] {
			alike = alike || isAlike(names, string(name))
			return
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(AppendString(kept, string(name)), ':')
		kept = append(kept, data[from:to]...)
	})
	if !alike {
		return json.Unmarshal(data, v)
	}
	return json.Unmarshal(append(kept, '}'), v)
}

// addNames adds the names that the members of a struct have in JSON.
func addNames(names map[string]bool, t reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names[name] = true
		}
	}
}

// isAlike reports whether encoding/json would take a name for one of names.
func isAlike(names map[string]bool, name string) bool {
	for n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
