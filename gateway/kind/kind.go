// Package kind says what a session's kind is: pure rules. A kind turns a state
// and a command into a new state and what shall be told, and nothing else: it
// knows no log, no clock, no connection. The same command on the same state
// always has the same result, on whichever replica, so that a replica may decide
// and the log arbitrates.
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
	// that the client sees; the command then has no effect at all.
	Do(c Command) (Result, error)
}

// Command is a request of a member.
type Command struct {
	Name  string
	Data  json.RawMessage
	From  string // the member's id
	Owner bool   // the member created the session
	At    time.Time
}

// Result is what a command does.
type Result struct {
	State  State // nil: unchanged
	Events []Event
}

// Event is told to everyone. The first of a result carries the command's ref.
type Event struct {
	Name string
	Data json.RawMessage
}
