package session

import (
	"bytes"
	"slices"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// What only one member may know never goes through the store's channels. There
// the replicas tell each other that a member has news; each reads the state,
// and tells the member's connections that it has. A note that is lost is found
// out by reconcile.

// private is what the kind tells the member alone, encoded, one message after the other.
func (p *Participant) private(r *roster) (messages [][]byte) {
	s, ok := r.state.(kind.Private)
	if !ok || r.byID(p.member) == nil {
		return nil
	}
	return privateMessages(s.Private(p.member))
}

func privateMessages(events []kind.Event) (messages [][]byte) {
	for _, e := range events {
		messages = append(messages, (&wire.Private{Event: e.Name, Data: e.Data}).Encode())
	}
	return messages
}

// knows notes that the connection was given the member's view of the state. It
// is called on the desk's goroutine, like tellPrivate.
func (p *Participant) knows(r *roster) { p.told = bytes.Join(p.private(r), nil) }

// tellPrivate sends what the kind tells the member alone, unless that is what
// the connection was told last.
func (p *Participant) tellPrivate(r *roster) {
	messages := p.private(r)
	told := bytes.Join(messages, nil)
	if bytes.Equal(told, p.told) {
		return
	}
	p.told = told
	for _, m := range messages {
		p.conn.Send(m)
	}
}

// tellNews tells those of the members who are here.
func (r *room) tellNews(ros *roster, members []string) {
	for _, p := range r.everyone() {
		if slices.Contains(members, p.member) && !p.over.Load() {
			p.tellPrivate(ros)
		}
	}
}

// news reads the state for members who have news and are here.
func (r *room) news(members []string) {
	here := func(p *Participant) bool { return slices.Contains(members, p.member) }
	if !slices.ContainsFunc(r.everyone(), here) {
		return
	}
	r.pool.Look(&fanout.Look{Seen: func(s fanout.State, seen fanout.Seen) {
		if ros := s.(*roster); seen.Err == nil && seen.Exists {
			r.tellNews(ros, members)
		}
	}})
}
