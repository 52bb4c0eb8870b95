package session

import (
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Person is who somebody proved to be, with a token. In a session a subject is
// one member, on all devices, whatever seat secret comes along: the token is the
// proof. The zero value is somebody who had to prove nothing.
type Person struct {
	Subject string
	Name    string // overrides the join's, and cannot be changed in the session; empty: the join's
	Role    string // overrides the join's; empty: the join's
}

var errNameless = &wire.Error{Code: wire.CodeBadName, Close: wire.CloseJoinRefused, Message: "a new seat needs a name"}

// join is the join with what the person has proved in it.
func (w Person) join(j *wire.Join) *wire.Join {
	if w.Subject == "" {
		return j
	}
	proved := *j
	if w.Name != "" {
		proved.Name = w.Name
	}
	if w.Role != "" {
		proved.Role = w.Role
	}
	return &proved
}

// arrive begins the join of a person: the seat is the subject's, if there is one.
func (a *arrival) arrive() {
	p := a.Participant
	p.claimed = a.who.Name
	p.seat = "sub " + seatHash(a.who.Subject)
	p.scope = p.seat + " " + p.client
	a.drawn = "m_" + randomID(10)
	p.member = a.drawn
	a.look()
}

// seatPerson decides the join of a person whose seat was not there when it was
// looked for.
func (a *arrival) seatPerson(j kind.Join, o *Options, now time.Time) (fanout.Change, error) {
	if m := a.roster.bySeat(a.seat); m != nil {
		a.member, a.returned = m.ID, true
		return a.roster.connect(a.Participant, o, now)
	}
	if a.member, a.returned = a.drawn, false; a.name == "" {
		return fanout.Change{}, errNameless
	}
	return a.roster.seatNew(a.Participant, j, o, now)
}

// since is the position to resume from; nil if none is believed. A person brings
// one together with the member that had it.
func (a *arrival) since(m *member) *wire.Position {
	if a.who.Subject != "" && a.join.Seat != m.ID {
		return nil
	}
	return a.join.Since
}

// seatOf is what a welcome gives as the seat: the secret; a person, who needs
// none, gets the member's id, which proves nothing.
func (a *arrival) seatOf(m *member) string {
	if a.who.Subject != "" {
		return m.ID
	}
	return a.secret
}

// rename gives a member the name that its token says.
func (r *roster) rename(c *fanout.Change, m *member, p *Participant, now time.Time) {
	if p.claimed == "" || p.claimed == m.Name {
		return
	}
	m.Name = p.claimed
	appendEvent(c, body(eventChanged, "", changedData{Member: m.ID, Name: m.Name}, now))
}
