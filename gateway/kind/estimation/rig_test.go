package estimation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation/estimationtest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// meeting is a session without a gateway: it does what package session does with
// a kind, and checks after each step what must always hold.
type meeting struct {
	testing.TB
	state   *state
	parts   map[string]string // as the log would have them
	people  []kind.Person
	at      time.Time
	tokens  map[uint64]bool // deadlines that are over
	told    []kind.Event    // by the last step
	news    []string
	reply   []kind.Event
	passing []kind.Event
	mirrors map[string]*estimationtest.Mirror
	trusted bool // what always holds is not checked: for many meetings about one thing
}

// begin is when tests begin.
var begin = time.UnixMilli(1_000_000)

// newMeeting makes a session with an owner own, a facilitator fac, the voters
// ann and ben, and the spectator eye. All are online.
func newMeeting(t testing.TB, options string) *meeting {
	t.Helper()
	m := empty(t, options)
	m.seat()
	return m
}

// seat has everybody join.
func (m *meeting) seat() {
	m.Helper()
	m.join("own", "")
	m.join("fac", "")
	m.must("own", "promote", `{"member":"fac"}`)
	m.join("ann", "voter")
	m.join("ben", "")
	m.join("eye", "spectator")
	m.told = nil
}

// trustedMeeting is newMeeting without the checks after each step.
func trustedMeeting(t testing.TB, options string) *meeting {
	t.Helper()
	m := empty(t, options)
	m.trusted = true
	m.seat()
	return m
}

// empty makes a session that nobody has joined.
func empty(t testing.TB, options string) *meeting {
	t.Helper()
	s, err := Kind{}.New(json.RawMessage(options))
	if err != nil {
		t.Fatalf("New(%s): %v", options, err)
	}
	m := &meeting{TB: t, state: s.(*state), at: begin, mirrors: make(map[string]*estimationtest.Mirror)}
	m.parts = m.state.Parts()
	return m
}

// take does with a result what a session does.
func (m *meeting) take(r kind.Result) {
	m.Helper()
	if r.State == nil && len(r.Parts) > 0 {
		m.Fatalf("parts change, and the state does not: %v", r.Parts)
	}
	if r.State != nil {
		m.state = r.State.(*state)
		for name, value := range r.Parts {
			m.parts[name] = string(value)
		}
		maps.DeleteFunc(m.parts, func(_, value string) bool { return value == "" })
	}
	m.told = append(m.told, r.Events...)
	m.news = append(m.news, r.News...)
	m.reply, m.passing = append(m.reply, r.Reply...), append(m.passing, r.Passing...)
	for _, e := range r.Events {
		m.hear(e.Name, e.Data)
	}
}

// hear has everybody's client hear an event.
func (m *meeting) hear(event string, data json.RawMessage) {
	m.Helper()
	for id, c := range m.mirrors {
		if err := c.Event(event, data); err != nil {
			m.Errorf("%s hears %s %s: %v", id, event, data, err)
		}
	}
}

// step begins a step: what was told before is forgotten.
func (m *meeting) step() { m.told, m.news, m.reply, m.passing = nil, nil, nil, nil }

// moved has the kind look at the people, as after every change of theirs.
func (m *meeting) moved() {
	m.Helper()
	m.take(m.state.React(m.people, m.at))
	m.settled()
}

// settled checks what holds after every step.
func (m *meeting) settled() {
	m.Helper()
	for _, id := range m.news {
		c := m.mirrors[id]
		for _, e := range m.state.Private(id) {
			if c == nil {
				continue
			}
			if err := c.Private(e.Name, e.Data); err != nil {
				m.Errorf("%s: %v", id, err)
			}
		}
	}
	if !m.trusted {
		m.check()
	}
}

// try gives a command, and returns its refusal.
func (m *meeting) try(from, command, data string) *wire.Error {
	m.Helper()
	m.step()
	if data == "" {
		data = "null" // what package wire makes of none
	}
	before := m.state.Encode()
	r, err := m.state.Do(kind.Command{Name: command, Data: json.RawMessage(data), From: from, People: m.people, At: m.at})
	if !bytes.Equal(before, m.state.Encode()) {
		m.Fatalf("%s %s has changed the state that it was given", command, data)
	}
	if err != nil {
		var e *wire.Error
		if !errors.As(err, &e) || e.Code == "" || e.Message == "" || e.Close != 0 {
			m.Fatalf("%s %s: %v; every refusal must be a *wire.Error with a code and a text", command, data, err)
		}
		return e
	}
	m.take(r)
	m.settled()
	return nil
}

func (m *meeting) must(from, command, data string) {
	m.Helper()
	if e := m.try(from, command, data); e != nil {
		m.Fatalf("%s %s by %s: %v", command, data, from, e)
	}
}

// refused fails the test unless a command is refused with a code.
func (m *meeting) refused(from, command, data string, code wire.Code) {
	m.Helper()
	if e := m.try(from, command, data); e == nil || e.Code != code {
		m.Errorf("%s %s by %s: %v; want %s", command, data, from, e, code)
	}
}

// admit has somebody join, and returns the refusal.
func (m *meeting) admit(j kind.Join) error {
	m.Helper()
	m.step()
	r, err := m.state.Admit(j, m.people, m.at)
	if err != nil {
		return err
	}
	if r.State != nil {
		m.state = r.State.(*state)
	}
	m.people = append(slices.Clip(m.people), kind.Person{ID: j.Member, Name: j.Name, Status: wire.StatusOnline})
	m.hear("member.joined", encode(map[string]string{"member": j.Member, "name": j.Name, "role": m.state.Role(j.Member)}))
	m.take(r)
	m.moved()
	c, err := estimationtest.New(j.Member, m.members(), m.state.ViewAt(j.Member, m.at))
	if err != nil {
		m.Fatal(err)
	}
	m.mirrors[j.Member] = c
	return nil
}

func (m *meeting) join(id, role string) {
	m.Helper()
	if err := m.admit(kind.Join{Member: id, Name: strings.ToUpper(id), Role: role}); err != nil {
		m.Fatalf("join of %s: %v", id, err)
	}
}

func (m *meeting) members() json.RawMessage {
	var list []map[string]string
	for _, p := range m.people {
		list = append(list, map[string]string{"member": p.ID, "name": p.Name, "role": m.state.Role(p.ID)})
	}
	return encode(list)
}

// leave has somebody give up the seat.
func (m *meeting) leave(id string) {
	m.Helper()
	m.step()
	m.people = slices.DeleteFunc(slices.Clone(m.people), func(p kind.Person) bool { return p.ID == id })
	delete(m.mirrors, id)
	m.hear("member.left", encode(map[string]string{"member": id, "reason": "left"}))
	m.moved()
}

// remove has a member removed by a command, as package session does.
func (m *meeting) remove(by, id, more string) error {
	m.Helper()
	data := json.RawMessage(fmt.Sprintf(`{"member":%q%s}`, id, more))
	r, err := m.state.Builtin(kind.Command{Name: "remove_member", Data: data, From: by, People: m.people, At: m.at})
	if err != nil {
		return err
	}
	m.take(r)
	m.leave(id)
	return nil
}

// status sets the status of members.
func (m *meeting) status(status string, ids ...string) {
	m.Helper()
	m.step()
	m.people = slices.Clone(m.people)
	for i := range m.people {
		if slices.Contains(ids, m.people[i].ID) {
			m.people[i].Status = status
		}
	}
	m.moved()
}

// pass lets time go by, and fires the deadlines that are reached.
func (m *meeting) pass(d time.Duration) {
	m.Helper()
	m.step()
	m.at = m.at.Add(d)
	for next := m.state.Deadline(); next.Token != 0 && !next.At.After(m.at); next = m.state.Deadline() {
		m.take(m.state.Due(next.Token, m.people, m.at))
		m.settled()
	}
}

// events are what the last step has told, a line for each.
func (m *meeting) events() string {
	var lines []string
	for _, e := range m.told {
		who := "+"
		if e.Unsigned {
			who = "-"
		}
		lines = append(lines, who+" "+e.Name+" "+string(e.Data))
	}
	return strings.Join(lines, "\n")
}

// tells fails the test unless the last step told exactly this.
func (m *meeting) tells(want ...string) {
	m.Helper()
	if got := m.events(); got != strings.Join(want, "\n") {
		m.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// view is what somebody sees, or a field of it.
func (m *meeting) view(id, field string) string {
	m.Helper()
	var v map[string]json.RawMessage
	if err := json.Unmarshal(m.state.ViewAt(id, m.at), &v); err != nil {
		m.Fatal(err)
	}
	return string(v[field])
}

// vote has members vote, as "ann 5 ben 8", in the current round.
func (m *meeting) vote(votes string) {
	m.Helper()
	words := strings.Fields(votes)
	for i := 0; i < len(words); i += 2 {
		m.must(words[i], "cast_vote", fmt.Sprintf(`{"round":%d,"card":%q}`, m.state.Rounds, words[i+1]))
	}
}
