package session

import (
	"encoding/json"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// command is a member's request, of the built-in ones or of the session's kind.
type command struct {
	name string
	data json.RawMessage
	ref  uint64
	from *Participant
}

// decide is a fanout.Proposal's.
func (c *command) decide(s fanout.State) (fanout.Change, error) {
	r, now := s.(*roster), time.Now()
	m := r.byID(c.from.member)
	if m == nil {
		return fanout.Change{}, errRemoved
	}
	switch c.name {
	case "set_name":
		return c.setName(r, m, now)
	case "remove_member":
		return c.removeMember(r, m, now)
	}
	result, err := r.state.Do(kind.Command{Name: c.name, Data: c.data, From: m.ID, Owner: r.info.Owner == m.ID, At: now})
	if err != nil {
		return fanout.Change{}, err
	}
	if result.State != nil {
		r.state = result.State
		r.set(fieldState, r.state.Encode())
	}
	var change fanout.Change
	for i, e := range result.Events {
		c.tell(&change, i == 0, e.Name, e.Data, now)
	}
	return change, nil
}

// tell appends an event; the first one carries the command's ref.
func (c *command) tell(change *fanout.Change, first bool, name string, data json.RawMessage, now time.Time) {
	e := wire.EventBody{At: now.UnixMilli(), Event: []byte(name), From: c.from.member, Data: data}
	if first {
		e.Client, e.Ref = c.from.client, c.ref
	}
	appendEvent(change, wire.AppendEventBody(nil, &e))
}

func (c *command) setName(r *roster, m *member, now time.Time) (change fanout.Change, err error) {
	var data struct {
		Name string `json:"name"`
	}
	if c.from.claimed != "" {
		return change, &wire.Error{Code: wire.CodeForbidden, Message: "your name is the one in your token"}
	}
	if json.Unmarshal(c.data, &data) != nil {
		return change, &wire.Error{Code: wire.CodeBadData, Message: `the data of set_name is {"name": string}`}
	}
	name, err := wire.CheckName(data.Name)
	if err != nil || name == m.Name {
		return change, err
	}
	m.Name = name
	r.save(m)
	c.tell(&change, true, eventChanged, encode(changedData{Member: m.ID, Name: name}), now)
	return change, nil
}

func (c *command) removeMember(r *roster, by *member, now time.Time) (change fanout.Change, err error) {
	var data struct {
		Member string `json:"member"`
	}
	if json.Unmarshal(c.data, &data) != nil || data.Member == "" {
		return change, &wire.Error{Code: wire.CodeBadData, Message: `the data of remove_member is {"member": id}`}
	}
	if r.info.Owner != by.ID {
		return change, &wire.Error{Code: wire.CodeForbidden, Message: "only the session's owner may remove members"}
	}
	m := r.byID(data.Member)
	if m == nil {
		return change, &wire.Error{Code: wire.CodeUnknownMember, Message: "there is no member " + data.Member}
	}
	r.remove(m)
	c.tell(&change, true, eventLeft, encode(leftData{Member: m.ID, Reason: reasonRemoved}), now)
	appendNote(&change, note{Gone: m.ID, Reason: reasonRemoved})
	return change, nil
}
