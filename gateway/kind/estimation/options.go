package estimation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// options are what a session's settings say.
type options struct {
	AutoReveal bool   `json:"auto_reveal"`
	Countdown  int    `json:"countdown"` // seconds
	Anonymous  bool   `json:"anonymous"`
	LateChange bool   `json:"late_change"`
	RevealBy   policy `json:"reveal_by"`
	FlowBy     policy `json:"flow_by"`
	StoriesBy  policy `json:"stories_by"`
	SettingsBy policy `json:"settings_by"`
}

// policy says who may do something.
type policy string

const (
	everyone     policy = "everyone"
	facilitators policy = "facilitators"
	owner        policy = "owner"
)

const maxCountdown = 10

func defaultOptions() options {
	return options{Countdown: 3, RevealBy: everyone, FlowBy: everyone, StoriesBy: everyone, SettingsBy: facilitators}
}

// field is where an option stands, and whether it is a policy.
func (o *options) field(name string) (at any, isPolicy bool) {
	switch name {
	case "auto_reveal":
		return &o.AutoReveal, false
	case "countdown":
		return &o.Countdown, false
	case "anonymous":
		return &o.Anonymous, false
	case "late_change":
		return &o.LateChange, false
	case "reveal_by":
		return &o.RevealBy, true
	case "flow_by":
		return &o.FlowBy, true
	case "stories_by":
		return &o.StoriesBy, true
	case "settings_by":
		return &o.SettingsBy, true
	}
	return nil, false
}

// set sets one option. It reports whether there is one of that name.
func (o *options) set(name string, value json.RawMessage) (known bool, err error) {
	at, _ := o.field(name)
	if at == nil {
		return false, nil
	}
	if string(value) == "null" || json.Unmarshal(value, at) != nil {
		return true, badData("the option %s is %s", name, allowed(at))
	}
	switch v := at.(type) {
	case *int:
		if *v < 0 || *v > maxCountdown {
			return true, badData("the option %s is %s", name, allowed(at))
		}
	case *policy:
		if !slices.Contains([]policy{everyone, facilitators, owner}, *v) {
			return true, badData("the option %s is %s", name, allowed(at))
		}
	}
	return true, nil
}

func allowed(at any) string {
	switch at.(type) {
	case *bool:
		return "true or false"
	case *int:
		return fmt.Sprintf("a whole number from 0 to %d", maxCountdown)
	}
	return "everyone, facilitators, or owner"
}

// changes returns the options that are others in now.
func (o options) changes(now options) map[string]json.RawMessage {
	before, after := o.fields(), now.fields()
	maps.DeleteFunc(after, func(name string, v json.RawMessage) bool { return string(v) == string(before[name]) })
	return after
}

func (o options) fields() (fields map[string]json.RawMessage) {
	if err := json.Unmarshal(encode(o), &fields); err != nil {
		panic("estimation: " + err.Error()) // it was just made
	}
	return fields
}
