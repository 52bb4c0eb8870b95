package estimation

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Roles at the table.
const (
	roleVoter     = "voter"
	roleSpectator = "spectator"
)

// claimAfter is how long nobody who leads has to be away before a voter may claim.
const claimAfter = 60 * time.Second

// Role implements kind.Social.
func (s *state) Role(member string) string {
	if slices.Contains(s.Spectators, member) {
		return roleSpectator
	}
	return roleVoter
}

// leads reports whether a member is a facilitator, for now or for good.
func (s *state) leads(member string) bool {
	return member != "" && (member == s.Acting || slices.Contains(s.Facilitators, member))
}

// may refuses who does not belong to those that a policy names.
func (m *move) may(who policy) error {
	switch {
	case who == everyone, who == facilitators && m.leads(m.by), m.by == m.Owner:
		return nil
	case who == facilitators:
		return forbidden("only facilitators may do that")
	}
	return forbidden("only the owner may do that")
}

// memberData is the data of commands about a member.
type memberData struct {
	Member string `json:"member"`
	Role   string `json:"role"`
	Ban    bool   `json:"ban"`
}

// about reads the data of a command about a member, and asks who may give it.
func (m *move) about(command string, data json.RawMessage, who policy) (string, error) {
	var d memberData
	if wire.Unmarshal(data, &d) != nil || d.Member == "" {
		return "", badData(`the data of %s is {"member": id}`, command)
	}
	return d.Member, first(m.may(who), m.known(d.Member))
}

func (m *move) promote(data json.RawMessage) error {
	member, err := m.about("promote", data, facilitators)
	if err != nil || slices.Contains(m.Facilitators, member) {
		return err
	}
	if m.by == m.Acting { // the role goes back; it must not be made a lasting one
		return forbidden("who acts for the facilitators cannot make one")
	}
	m.Facilitators = append(m.Facilitators, member)
	m.sayRoles()
	return nil
}

func (m *move) demote(data json.RawMessage) error {
	member, err := m.about("demote", data, owner)
	switch {
	case err != nil:
		return err
	case member == m.Owner && len(m.Facilitators) == 1:
		return refuse(CodeLastFacilitator, "the last facilitator stays")
	case member == m.Owner:
		return forbidden("the owner is always a facilitator; transfer the ownership first")
	case !m.leads(member):
		return nil
	}
	m.Facilitators = slices.DeleteFunc(m.Facilitators, func(id string) bool { return id == member })
	if m.Acting == member {
		m.Acting = ""
	}
	m.sayRoles()
	return nil
}

func (m *move) transfer(data json.RawMessage) error {
	member, err := m.about("transfer", data, owner)
	if err != nil || member == m.Owner {
		return err
	}
	m.Owner = member
	if !slices.Contains(m.Facilitators, member) {
		m.Facilitators = append(m.Facilitators, member)
	}
	m.sayRoles()
	return nil
}

// claim makes a voter lead while nobody else does.
func (m *move) claim(json.RawMessage) error {
	if err := m.voter(); err != nil {
		return err
	}
	if m.Absent == 0 || m.at.Sub(time.UnixMilli(m.Absent)) < claimAfter {
		return refuse(CodeFacilitatorPresent, "somebody who leads was here within the last minute")
	}
	m.Acting = m.by
	m.sayRoles()
	return nil
}

// setRole makes a member a voter or a spectator.
func (m *move) setRole(data json.RawMessage) error {
	var d memberData
	if wire.Unmarshal(data, &d) != nil || d.Role != roleVoter && d.Role != roleSpectator {
		return badData(`the data of set_role is {"role": "voter" or "spectator", "member": id}, the last one optional`)
	}
	if d.Member == "" {
		d.Member = m.by
	}
	if d.Member != m.by {
		if err := first(m.may(facilitators), m.known(d.Member)); err != nil {
			return err
		}
	}
	if m.Role(d.Member) == d.Role {
		return nil
	}
	m.say("member.changed", struct {
		Member string `json:"member"`
		Role   string `json:"role"`
	}{d.Member, d.Role})
	if d.Role == roleVoter {
		m.Spectators = slices.DeleteFunc(m.Spectators, func(id string) bool { return id == d.Member })
		return nil
	}
	m.Spectators = append(m.Spectators, d.Member)
	if m.drop(d.Member) {
		m.mention("vote.state", voteState{d.Member, false})
	}
	return nil
}

// roles is the data of roles.changed, and part of the view.
type roles struct {
	Owner        *string  `json:"owner"`
	Facilitators []string `json:"facilitators"`
	Acting       *string  `json:"acting"`
	Absent       *int64   `json:"absent"`
}

func (s *state) roles() roles {
	r := roles{Facilitators: append([]string{}, s.Facilitators...)}
	if s.Owner != "" {
		r.Owner = &s.Owner
	}
	if s.Acting != "" {
		r.Acting = &s.Acting
	}
	if s.Absent != 0 {
		r.Absent = &s.Absent
	}
	return r
}

// sayRoles tells of the roles in the name of whose command it is. What follows
// from the new ones comes with it.
func (m *move) sayRoles() {
	m.follow()
	m.say("roles.changed", m.roles())
}

// lead tells of the roles if they are others because of who is here.
func (m *move) lead() {
	if m.follow() {
		m.mention("roles.changed", m.roles())
	}
}

// follow sees to it that the owner is a member and a facilitator, that whoever
// acts gives the role back, and since when nobody who leads is online. It
// reports whether it changed something.
func (m *move) follow() (changed bool) {
	gone := func(id string) bool { _, ok := m.person(id); return !ok }
	n := len(m.Facilitators)
	m.Facilitators = slices.DeleteFunc(m.Facilitators, gone)
	changed = len(m.Facilitators) < n
	if gone(m.Owner) && (m.Owner != "" || len(m.people) > 0) {
		m.Owner, changed = m.successor(), true
	}
	if m.Owner != "" && !slices.Contains(m.Facilitators, m.Owner) {
		m.Facilitators, changed = append(m.Facilitators, m.Owner), true
	}
	if m.Acting != "" && (gone(m.Acting) || m.online(m.Facilitators)) {
		m.Acting, changed = "", true
	}
	switch here := m.online(m.Facilitators) || m.online([]string{m.Acting}); {
	case here && m.Absent != 0:
		m.Absent, changed = 0, true
	case !here && m.Absent == 0 && m.Owner != "":
		m.Absent, changed = m.now(), true
	}
	return changed
}

func (m *move) online(ids []string) bool {
	return slices.ContainsFunc(m.people, func(p kind.Person) bool {
		return p.Status == wire.StatusOnline && slices.Contains(ids, p.ID)
	})
}

// successor is who owns the session after an owner who has gone; "" if nobody is here.
func (m *move) successor() string {
	var voters, spectators []string
	for _, p := range m.people {
		if slices.Contains(m.Spectators, p.ID) {
			spectators = append(spectators, p.ID)
		} else {
			voters = append(voters, p.ID)
		}
	}
	for _, line := range [][]string{m.Facilitators, voters, spectators} {
		for _, id := range line {
			if m.online([]string{id}) {
				return id
			}
		}
		if len(line) > 0 {
			return line[0]
		}
	}
	return ""
}
