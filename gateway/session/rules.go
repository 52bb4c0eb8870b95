package session

import (
	"encoding/json"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// What the roster asks of its kind, and what becomes of the answers. All of it
// happens while an append is decided.

// fieldPart is the prefix of the fields of a state that is kept in parts.
const fieldPart = "k:"

// decodeState reads the kind's state from the fields of the log.
func decodeState(k kind.Kind, fields map[string]string) (kind.State, error) {
	pk, ok := k.(kind.PartedKind)
	if !ok {
		return k.Decode([]byte(fields[fieldState]))
	}
	parts := make(map[string]string)
	for field, value := range fields {
		if len(field) > len(fieldPart) && field[:len(fieldPart)] == fieldPart {
			parts[field[len(fieldPart):]] = value
		}
	}
	return pk.DecodeParts([]byte(fields[fieldState]), parts)
}

// setState notes the kind's whole state for the next append.
func (r *roster) setState(s kind.State) {
	r.state, r.public = s, nil
	r.set(fieldState, s.Encode())
	if p, ok := s.(kind.Parted); ok {
		for name, value := range p.Parts() {
			r.set(fieldPart+name, []byte(value))
		}
	}
}

// view is the kind's state as a member sees it; with "" as everyone does.
func (r *roster) view(member string) json.RawMessage {
	if c, ok := r.state.(kind.Clocked); ok {
		return c.ViewAt(member, time.Now())
	}
	return r.state.View(member)
}

// people are the members as the kind sees them.
func (r *roster) people() []kind.Person {
	people := make([]kind.Person, len(r.members))
	for i, m := range r.members {
		people[i] = kind.Person{ID: m.ID, Name: m.Name, Status: m.Status}
	}
	return people
}

// shown is a member as the others see it.
func (r *roster) shown(m *member) wire.Member {
	shown := wire.Member{Member: m.ID, Name: m.Name, Status: m.Status}
	if s, ok := r.state.(kind.Social); ok {
		shown.Role = s.Role(m.ID)
	}
	return shown
}

// speaker is whose request makes events; the zero value: they come of themselves.
type speaker struct {
	member, client string
	ref            uint64
}

// take takes what the kind has decided.
func (r *roster) take(c *fanout.Change, result kind.Result, by speaker, now time.Time) {
	r.keep(c, result)
	r.tell(c, result, by, now)
}

// keep takes the state of a result.
func (r *roster) keep(c *fanout.Change, result kind.Result) {
	if result.State == nil {
		return
	}
	before := r.deadline()
	r.state, r.public = result.State, nil
	r.set(fieldState, r.state.Encode())
	for name, value := range result.Parts {
		r.set(fieldPart+name, value)
	}
	if d := r.deadline(); d != before && d.Token != 0 {
		appendNote(c, note{Due: d.At.UnixMilli(), Token: d.Token})
	}
}

// tell tells what a result has to tell everyone. Only the first event of a
// change may carry the ref.
func (r *roster) tell(c *fanout.Change, result kind.Result, by speaker, now time.Time) {
	for i, e := range result.Events {
		b := eventBody(e, by, now)
		if i == 0 && b.From != "" {
			b.Client, b.Ref = by.client, by.ref
		}
		appendEvent(c, wire.AppendEventBody(nil, &b))
	}
	for _, e := range result.Passing {
		b := eventBody(e, by, now)
		c.Passing = fanout.AppendEphemeral(c.Passing, "", wire.AppendEventBody(nil, &b))
	}
}

func eventBody(e kind.Event, by speaker, now time.Time) wire.EventBody {
	b := wire.EventBody{At: now.UnixMilli(), Event: []byte(e.Name), Data: e.Data}
	if !e.Unsigned {
		b.From = by.member
	}
	return b
}

// news tells the replicas that members have something private to hear: that,
// and not what. The replica that decided tells its own members itself.
func news(c *fanout.Change, members []string, by string) {
	if len(members) > 0 {
		appendNote(c, note{News: members, By: by})
	}
}

// moved has the kind look at who is there, after members have come, gone, or
// changed their status.
func (r *roster) moved(c *fanout.Change, now time.Time) {
	if s, ok := r.state.(kind.Social); ok {
		result := s.React(r.people(), now)
		r.take(c, result, speaker{}, now)
		news(c, result.News, "")
	}
}

// admit asks the kind about a new seat. state is the session's, or that of the
// session that is about to be made.
func admit(state kind.State, j kind.Join, people []kind.Person, now time.Time) (kind.Result, error) {
	s, ok := state.(kind.Social)
	if !ok {
		return kind.Result{}, nil
	}
	result, err := s.Admit(j, people, now)
	if e, ok := err.(*wire.Error); ok && e.Close == 0 {
		closing := *e
		closing.Close = wire.CloseJoinRefused
		return result, &closing
	}
	return result, err
}

// deadline is the kind's next one.
func (r *roster) deadline() kind.Deadline {
	if t, ok := r.state.(kind.Timed); ok {
		return t.Deadline()
	}
	return kind.Deadline{}
}

// maxOverdue bounds how many deadlines are caught up with at once.
const maxOverdue = 16

// overdue has happen what should have happened by now, in a session that nobody
// has watched.
func (r *roster) overdue(c *fanout.Change, now time.Time) {
	for range maxOverdue {
		d := r.deadline()
		if d.Token == 0 || d.At.After(now) {
			return
		}
		r.due(c, d.Token, now)
	}
}

// due has happen what the kind does at a deadline.
func (r *roster) due(c *fanout.Change, token uint64, now time.Time) {
	if t, ok := r.state.(kind.Timed); ok {
		result := t.Due(token, r.people(), now)
		r.take(c, result, speaker{}, now)
		news(c, result.News, "")
	}
}
