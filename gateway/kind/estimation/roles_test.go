package estimation

import (
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestSetRole(t *testing.T) {
	m := newMeeting(t, "")
	m.vote("ann 5 ben 8")
	m.must("ann", "set_role", `{"role":"spectator"}`)
	m.tells(`+ member.changed {"member":"ann","role":"spectator"}`, `- vote.state {"member":"ann","voted":false}`)
	if m.mirrors["ann"].Card() != "" || m.state.Role("ann") != "spectator" {
		t.Errorf("ann has %q, and is %s", m.mirrors["ann"].Card(), m.state.Role("ann"))
	}
	m.must("ann", "set_role", `{"role":"spectator"}`)
	m.tells()
	m.refused("ann", "set_role", `{"role":"spectator","member":"ben"}`, wire.CodeForbidden)
	m.must("fac", "set_role", `{"role":"spectator","member":"ben"}`)
	m.tells(`+ member.changed {"member":"ben","role":"spectator"}`, `- vote.state {"member":"ben","voted":false}`)
	m.must("fac", "set_role", `{"role":"voter","member":"ann"}`)
	m.tells(`+ member.changed {"member":"ann","role":"voter"}`)
	m.refused("fac", "set_role", `{"role":"voter","member":"zoe"}`, wire.CodeUnknownMember)
	for _, bad := range []string{`null`, `{}`, `{"role":"owner"}`, `{"role":"Voter"}`} {
		m.refused("fac", "set_role", bad, wire.CodeBadData)
	}
	m.vote("ann 3")
	m.must("own", "reveal", `{"round":1,"force":true}`)
	m.must("ann", "set_role", `{"role":"spectator"}`) // what is shown stays
	m.tells(`+ member.changed {"member":"ann","role":"spectator"}`)
	m.must("own", "close", "")
	m.must("ann", "set_role", `{"role":"voter"}`)
}

func TestPromoteDemoteTransfer(t *testing.T) {
	m := newMeeting(t, "")
	m.must("fac", "promote", `{"member":"ann"}`)
	m.tells(`+ roles.changed {"owner":"own","facilitators":["own","fac","ann"],"acting":null,"absent":null}`)
	m.must("fac", "promote", `{"member":"ann"}`)
	m.tells()
	m.refused("ben", "promote", `{"member":"ben"}`, wire.CodeForbidden)
	m.refused("fac", "promote", `{"member":"zoe"}`, wire.CodeUnknownMember)
	m.refused("fac", "promote", `{}`, wire.CodeBadData)

	m.refused("fac", "demote", `{"member":"ann"}`, wire.CodeForbidden)
	m.refused("own", "demote", `{"member":"own"}`, wire.CodeForbidden)
	m.refused("own", "demote", `{"member":"zoe"}`, wire.CodeUnknownMember)
	m.refused("own", "demote", `7`, wire.CodeBadData)
	m.must("own", "demote", `{"member":"fac"}`)
	m.tells(`+ roles.changed {"owner":"own","facilitators":["own","ann"],"acting":null,"absent":null}`)
	m.must("own", "demote", `{"member":"fac"}`)
	m.tells()
	m.must("own", "demote", `{"member":"ann"}`)
	m.refused("own", "demote", `{"member":"own"}`, CodeLastFacilitator)

	m.refused("ann", "transfer", `{"member":"ann"}`, wire.CodeForbidden)
	m.refused("own", "transfer", `{"member":"zoe"}`, wire.CodeUnknownMember)
	m.refused("own", "transfer", `{"member":5}`, wire.CodeBadData)
	m.must("own", "transfer", `{"member":"own"}`)
	m.tells()
	m.must("own", "transfer", `{"member":"eye"}`)
	m.tells(`+ roles.changed {"owner":"eye","facilitators":["own","eye"],"acting":null,"absent":null}`)
	m.refused("own", "transfer", `{"member":"own"}`, wire.CodeForbidden)
	m.must("eye", "demote", `{"member":"own"}`)
}

func TestClaim(t *testing.T) {
	m := newMeeting(t, `{"settings_by":"facilitators"}`)
	m.refused("ann", "claim", "", CodeFacilitatorPresent)
	m.status(wire.StatusReconnecting, "own")
	m.status(wire.StatusReconnecting, "fac")
	m.tells(`- roles.changed {"owner":"own","facilitators":["own","fac"],"acting":null,"absent":1000000}`)
	m.pass(30 * time.Second)
	m.status(wire.StatusOffline, "own", "fac")
	m.pass(30*time.Second - time.Millisecond)
	m.refused("ann", "claim", "", CodeFacilitatorPresent)
	m.pass(time.Millisecond)
	m.refused("eye", "claim", "", CodeSpectator)
	m.refused("ann", "lock", "", wire.CodeForbidden)
	m.must("ann", "claim", "")
	m.tells(`+ roles.changed {"owner":"own","facilitators":["own","fac"],"acting":"ann","absent":null}`)
	m.refused("ben", "claim", "", CodeFacilitatorPresent)
	m.must("ann", "lock", "")
	m.refused("ann", "close", "", wire.CodeForbidden) // she is not the owner
	m.must("ann", "set_role", `{"role":"spectator","member":"ben"}`)

	m.status(wire.StatusOnline, "fac") // the role goes back
	m.tells(`- roles.changed {"owner":"own","facilitators":["own","fac"],"acting":null,"absent":null}`)
	m.refused("ann", "unlock", "", wire.CodeForbidden)
}

func TestClaimAfterTheClaimant(t *testing.T) {
	m := newMeeting(t, "")
	m.status(wire.StatusOffline, "own", "fac")
	m.pass(time.Minute)
	m.must("ann", "claim", "")
	m.status(wire.StatusOffline, "ann")
	m.refused("ben", "claim", "", CodeFacilitatorPresent)
	m.pass(time.Minute)
	m.must("ben", "claim", "")
	m.tells(`+ roles.changed {"owner":"own","facilitators":["own","fac"],"acting":"ben","absent":null}`)
	m.leave("ben")
	m.tells(`- roles.changed {"owner":"own","facilitators":["own","fac"],"acting":null,"absent":1120000}`)

	m.pass(time.Minute)
	m.status(wire.StatusOnline, "ann")
	m.must("ann", "claim", "")
	m.status(wire.StatusOnline, "own")
	m.must("own", "close", "")
	m.status(wire.StatusOffline, "own")
	m.pass(time.Minute)
	m.must("ann", "claim", "")                                          // in any phase
	m.refused("ann", "promote", `{"member":"ann"}`, wire.CodeForbidden) // that would last
	m.refused("ann", "demote", `{"member":"fac"}`, wire.CodeForbidden)
}

// TestSuccession: who owns the session when its owner has gone.
func TestSuccession(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(m *meeting)
		want string
	}{
		{"a facilitator", func(*meeting) {}, "fac"},
		{"a facilitator who is online", func(m *meeting) {
			m.must("own", "promote", `{"member":"ben"}`)
			m.status(wire.StatusReconnecting, "fac")
		}, "ben"},
		{"a facilitator, even if none is online", func(m *meeting) { m.status(wire.StatusOffline, "fac") }, "fac"},
		{"a voter", func(m *meeting) { m.leave("fac") }, "ann"},
		{"a voter who is online", func(m *meeting) { m.leave("fac"); m.status(wire.StatusOffline, "ann") }, "ben"},
		{"a spectator", func(m *meeting) { m.leave("fac"); m.leave("ann"); m.leave("ben") }, "eye"},
		{"nobody", func(m *meeting) { m.leave("fac"); m.leave("ann"); m.leave("ben"); m.leave("eye") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMeeting(t, "")
			c.do(m)
			m.leave("own")
			if m.state.Owner != c.want || c.want != "" && m.told[0].Name != "roles.changed" {
				t.Errorf("the owner is %q; want %q; told %s", m.state.Owner, c.want, m.events())
			}
		})
	}
	m := newMeeting(t, "")
	for _, id := range []string{"fac", "ann", "ben", "eye", "own"} {
		m.leave(id)
	}
	m.join("new", "spectator")
	m.tells(`- roles.changed {"owner":"new","facilitators":["new"],"acting":null,"absent":null}`)
}

func TestRemoveMember(t *testing.T) {
	for _, c := range []struct {
		by, member string
		allowed    bool
	}{
		{"own", "fac", true}, {"own", "ann", true}, {"own", "eye", true}, {"own", "own", true},
		{"fac", "ann", true}, {"fac", "eye", true}, {"fac", "own", false}, {"fac", "fac", false}, {"fac", "ben", true},
		{"ann", "ben", false}, {"ann", "ann", false}, {"eye", "ann", false},
	} {
		m := newMeeting(t, "")
		m.must("own", "promote", `{"member":"fac"}`)
		m.vote("ann 5 ben 8 own 3")
		err := m.remove(c.by, c.member, "")
		if e, ok := err.(*wire.Error); c.allowed != (err == nil) || err != nil && (!ok || e.Code != wire.CodeForbidden) {
			t.Errorf("%s removes %s: %v", c.by, c.member, err)
		}
		if err == nil && strings.Contains(m.view("eye", "round"), c.member) {
			t.Errorf("%s is removed; round: %s", c.member, m.view("eye", "round"))
		}
	}
	m := newMeeting(t, "")
	if err := m.remove("own", "ann", `,"ban":5`); err == nil || err.(*wire.Error).Code != wire.CodeBadData {
		t.Errorf("ban: 5: %v", err)
	}
}
