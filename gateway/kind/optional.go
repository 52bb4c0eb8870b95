package kind

import (
	"encoding/json"
	"time"
)

// Social is a State that cares who is there.
type Social interface {
	// Admit decides whether somebody may take a new seat; who has one comes back
	// without it. The result is taken with the new seat; its events follow
	// member.joined. An error is a *wire.Error, with the close code if it is not
	// CloseJoinRefused.
	Admit(j Join, people []Person, at time.Time) (Result, error)
	// React is called when people have come, gone, or changed their status, in
	// the same append, with the people as they are then. It compares them with
	// the state, and must find nothing to do when it is asked again.
	React(people []Person, at time.Time) Result
	// Role is what members and member.joined say of a member; may be empty.
	Role(member string) string
}

// Join is what somebody who wants a new seat has said. The passcode must not go
// into a state, an event, or an error.
type Join struct {
	Member   string // the id that the seat would have
	Name     string
	Role     string
	Passcode string
}

// Timed is a State in which something happens by itself.
type Timed interface {
	// Deadline is the next one; its Token is 0 if there is none.
	Deadline() Deadline
	// Due returns what happens at the deadline with the token. Every replica with
	// members of the session calls it, about when the deadline is reached. For a
	// token that is not that of the next deadline any more, nothing happens.
	Due(token uint64, people []Person, at time.Time) Result
}

// Deadline is a moment, and what tells it from earlier and later ones: a token
// never comes again in a session.
type Deadline struct {
	At    time.Time
	Token uint64
}

// Private is a State that tells members what only they may know.
type Private interface {
	// Private returns the events that bring a member's connections up to date
	// with what only they may know. They are sent after Result.News has named the
	// member, and to a connection that has resumed, each time only if they are
	// others than the last ones. View has the same in its own form.
	Private(member string) []Event
}

// Guard is a State with rules for the built-in commands, set_name and
// remove_member. Without it everybody may change the own name, and the first
// who joined may remove members.
type Guard interface {
	// Builtin is asked before one is carried out; Data is checked, and a member
	// that it names is there. An error is a *wire.Error and refuses it. The result
	// is taken with it; its events follow the command's own.
	Builtin(c Command) (Result, error)
}

// Clocked is a State whose view tells the time. ViewAt is called in place of View.
type Clocked interface {
	ViewAt(member string, at time.Time) json.RawMessage
}

// Parted is a State that is stored in parts, so that a change writes no more
// than what it changes. Its Kind is a PartedKind.
type Parted interface {
	// Parts is everything that Encode leaves out, by name. It must not be changed.
	Parts() map[string]string
}

// PartedKind is the Kind of Parted states. DecodeParts is called in place of Decode.
type PartedKind interface {
	DecodeParts(data []byte, parts map[string]string) (State, error)
}

// Rated is a Kind with commands that come at a limited rate.
type Rated interface {
	// Rate returns how often a member may give a command: times within a while.
	// 0 times: there is no limit beside the connection's. It is kept by each
	// replica for itself.
	Rate(command string) (times int, within time.Duration)
}

// Reserved is a Kind with events that members must not publish, so that what it
// tells cannot be forged.
type Reserved interface {
	Reserves(event string) bool
}
