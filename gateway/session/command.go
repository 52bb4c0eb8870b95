package session

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The built-in commands, which every kind has.
const (
	commandName   = "set_name"
	commandRemove = "remove_member"
)

// command is a member's request, of the built-in ones or of the session's kind.
type command struct {
	name string
	data json.RawMessage
	ref  uint64
	from *Participant

	// What was decided last; the desk's.
	roster *roster
	result kind.Result
	silent bool // no event carries the ref
}

// decide is a fanout.Proposal's.
func (c *command) decide(s fanout.State) (change fanout.Change, err error) {
	r, now := s.(*roster), time.Now()
	c.roster, c.result, c.silent = r, kind.Result{}, false
	m := r.byID(c.from.member)
	if m == nil {
		return change, errRemoved
	}
	if e := c.paced(r.kinds[r.info.Kind]); e != nil {
		return change, e
	}
	switch c.name {
	case commandName:
		err = c.setName(&change, r, m, now)
	case commandRemove:
		err = c.removeMember(&change, r, m, now)
	default:
		if c.result, err = r.state.Do(c.asked(r, now)); err == nil {
			c.silent = len(c.result.Events) > 0 && c.result.Events[0].Unsigned
			r.take(&change, c.result, c.speaker(), now)
		}
	}
	news(&change, c.result.News, c.from.service.incarnation)
	return change, err
}

// asked is what the kind is asked.
func (c *command) asked(r *roster, now time.Time) kind.Command {
	return kind.Command{Name: c.name, Data: c.data, From: c.from.member, Owner: r.info.Owner == c.from.member,
		People: r.people(), At: now}
}

func (c *command) speaker() speaker { return speaker{c.from.member, c.from.client, c.ref} }

// paced refuses a command that comes more often than its kind allows.
func (c *command) paced(k kind.Kind) *wire.Error {
	rated, ok := k.(kind.Rated)
	if !ok {
		return nil
	}
	times, within := rated.Rate(c.name)
	if times == 0 {
		return nil
	}
	ref := c.from.client + ":" + strconv.FormatUint(c.ref, 10)
	if ok, wait := c.from.room.mayGive(c.from.member, c.name, ref, times, within); !ok {
		return &wire.Error{Code: wire.CodeSlowDown, Retry: true, After: wait,
			Message: c.name + " comes at most " + itoa(times) + " times in " + within.String()}
	}
	return nil
}

// Settled implements fanout.Settler.
func (c *command) Settled(pr *fanout.Proposal, s fanout.Settlement) {
	p := c.from
	switch {
	case s.Err != nil:
	case s.Repeated: // who told the news is not known
		p.room.news([]string{p.member})
	default:
		p.room.wake(c.roster)
		p.room.tellNews(c.roster, c.result.News)
		for _, m := range privateMessages(c.result.Reply) {
			p.conn.Send(m)
		}
	}
	p.Settled(pr, s)
	if s.Err == nil && !s.Repeated && pr.Events > 0 && c.silent {
		p.conn.Send(wire.AppendAck(nil, c.ref, s.Last))
	}
}

// guarded asks the kind about a built-in command, if it has rules for them.
func (c *command) guarded(r *roster, now time.Time) (err error) {
	if g, ok := r.state.(kind.Guard); ok {
		c.result, err = g.Builtin(c.asked(r, now))
	}
	return err
}

// mayRemove reports whether a member may remove others: the kind says so itself,
// or only the owner may.
func (r *roster) mayRemove(by *member) bool {
	_, ok := r.state.(kind.Guard)
	return ok || r.info.Owner == by.ID
}

func (c *command) setName(change *fanout.Change, r *roster, m *member, now time.Time) error {
	var data struct {
		Name string `json:"name"`
	}
	if c.from.claimed != "" {
		return &wire.Error{Code: wire.CodeForbidden, Message: "your name is the one in your token"}
	}
	if wire.Unmarshal(c.data, &data) != nil {
		return &wire.Error{Code: wire.CodeBadData, Message: `the data of set_name is {"name": string}`}
	}
	name, err := wire.CheckName(data.Name)
	if err != nil || name == m.Name {
		return err
	}
	if err = c.guarded(r, now); err != nil {
		return err
	}
	m.Name = name
	r.save(m)
	c.builtin(change, r, eventChanged, changedData{Member: m.ID, Name: name}, now)
	return nil
}

func (c *command) removeMember(change *fanout.Change, r *roster, by *member, now time.Time) (err error) {
	var data struct {
		Member string `json:"member"`
	}
	if wire.Unmarshal(c.data, &data) != nil || data.Member == "" {
		return &wire.Error{Code: wire.CodeBadData, Message: `the data of remove_member is {"member": id}`}
	}
	if !r.mayRemove(by) {
		return &wire.Error{Code: wire.CodeForbidden, Message: "only the session's owner may remove members"}
	}
	m := r.byID(data.Member)
	if m == nil {
		return &wire.Error{Code: wire.CodeUnknownMember, Message: "there is no member " + data.Member}
	}
	if err = c.guarded(r, now); err != nil {
		return err
	}
	r.remove(m)
	c.builtin(change, r, eventLeft, leftData{Member: m.ID, Reason: reasonRemoved}, now)
	appendNote(change, note{Gone: m.ID, Reason: reasonRemoved})
	r.moved(change, now)
	return nil
}

// builtin tells of a built-in command that was carried out, and takes what the
// kind has added. The first event carries the command's ref.
func (c *command) builtin(change *fanout.Change, r *roster, event string, data any, now time.Time) {
	first := kind.Event{Name: event, Data: encode(data)}
	c.result.Events = append([]kind.Event{first}, c.result.Events...)
	r.take(change, c.result, c.speaker(), now)
}
