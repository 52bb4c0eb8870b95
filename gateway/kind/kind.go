// Package kind says what a session's kind is: pure rules. A kind turns a state
// and a command into a new state and what shall be told, and nothing else: it
// knows no log, no clock, no connection. The same command on the same state,
// with the same people and at the same time, always has the same result, on
// whichever replica, so that a replica may decide and the log arbitrates.
//
// A kind has to have a Kind and a State. What more it can do stands in
// optional.go: each of those interfaces is for itself, and a kind has those that
// it needs.
package kind

import (
	"encoding/json"
	"time"
)

// Kind makes and reads states. Its methods may be called concurrently.
type Kind interface {
	// Name is what a session is created with: broadcast, document, …
	Name() string
	// New returns the state of a new session. Options are JSON, or nil. The
	// error is a *wire.Error that says what is wrong with them.
	New(options json.RawMessage) (State, error)
	// Decode reads what State.Encode wrote, also what an older version wrote.
	Decode(data []byte) (State, error)
}

// State is the state of one session. It is immutable.
type State interface {
	// Encode returns the state as it is stored. Nobody but the log sees it.
	Encode() []byte
	// View returns, as JSON, what a member may see; with "" what everyone may.
	View(member string) json.RawMessage
	// Do returns what a command does. An error is a *wire.Error with the code
	// that the client sees; the command then has no effect at all. It may be
	// asked again for the same command, on a newer state.
	Do(c Command) (Result, error)
}

// Command is a request of a member.
type Command struct {
	Name   string
	Data   json.RawMessage
	From   string   // the member's id
	Owner  bool     // the member is the first who joined the session
	People []Person // who is there
	At     time.Time
}

// Person is a member of the session. Lists of them are in the order in which
// they joined, and must not be changed.
type Person struct {
	ID     string
	Name   string
	Status string // wire.StatusOnline, StatusReconnecting (still within the grace), or StatusOffline
}

// Result is what a decision does. The zero value is nothing.
type Result struct {
	State   State             // nil: unchanged
	Parts   map[string][]byte // with State, if it is Parted: the parts that changed; an empty one is gone
	Events  []Event           // told to everyone, in this order
	Passing []Event           // told to everyone who is there now, and never again
	News    []string          // members whose Private has changed
	Reply   []Event           // of Do: told to the connection that asked, and to nobody else
}

// Event is something that is told. Its name is like that of a published event.
type Event struct {
	Name string
	Data json.RawMessage
	// Unsigned events do not say whose command made them. If the first event of
	// a command is, the command is answered by an ack, which only its connection
	// gets. For small events, and for those of which nobody shall know.
	Unsigned bool
}
