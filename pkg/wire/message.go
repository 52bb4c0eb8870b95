package wire

import "encoding/json"

// Type tells messages apart.
type Type string

// The message types, of both directions.
const (
	TypeJoin      Type = "join"
	TypePublish   Type = "publish"
	TypeCommand   Type = "command"
	TypeHeartbeat Type = "heartbeat"
	TypeLeave     Type = "leave"

	TypeWelcome Type = "welcome"
	TypeFrame   Type = "frame"
	TypeAck     Type = "ack"
	TypeError   Type = "error"
	TypePrivate Type = "private"
	TypeState   Type = "state"
	TypeDrain   Type = "drain"
)

// Position is a place in a session's log. The epoch changes when a log has
// lost its past; offsets of different epochs do not compare.
type Position struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// Join is the first message of a client.
type Join struct {
	Type     Type      `json:"type"`
	Client   string    `json:"client"`
	Name     string    `json:"name,omitempty"` // trimmed when decoded
	Seat     string    `json:"seat,omitempty"` // the secret of an earlier welcome
	Since    *Position `json:"since,omitempty"`
	Accept   []string  `json:"accept,omitempty"`
	Token    string    `json:"token,omitempty"`
	Passcode string    `json:"passcode,omitempty"`
	Role     string    `json:"role,omitempty"`
}

// Accepts reports whether the client said that it takes the encoding.
func (j *Join) Accepts(encoding string) bool {
	for _, a := range j.Accept {
		if a == encoding {
			return true
		}
	}
	return false
}

// Publish tells everyone in the session. A decoded Publish holds slices of the
// message it was decoded from.
type Publish struct {
	Ref       uint64 // of an ephemeral event 0, unless the client sent one
	Event     []byte
	Key       []byte // of an ephemeral event; may be empty
	Data      []byte // JSON; "null" if the client sent none
	Ephemeral bool
}

// Command asks the session's kind. A decoded Command holds slices of the
// message it was decoded from.
type Command struct {
	Ref     uint64
	Command []byte
	Data    []byte // JSON; "null" if the client sent none
}

// Heartbeat answers the server's.
type Heartbeat struct {
	At     int64  // copied from the server's heartbeat; 0 if the client left it out
	Offset uint64 // the last offset that the client has applied
}

// SessionInfo says which session a snapshot is of, and where in its log.
type SessionInfo struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// You is what only the joining client may know.
type You struct {
	Member string `json:"member"`
	Seat   string `json:"seat"`
	Client string `json:"client"`
}

// Member is a member as the others see it.
type Member struct {
	Member string `json:"member"`
	Name   string `json:"name"`
	Status string `json:"status"` // StatusOnline, StatusReconnecting or StatusOffline
	Role   string `json:"role,omitempty"`
}

// Statuses of a member.
const (
	StatusOnline       = "online"
	StatusReconnecting = "reconnecting"
	StatusOffline      = "offline"
)

// Limits tells a client what the gateway takes, in bytes.
type Limits struct {
	Message int `json:"message"`
	Backlog int `json:"backlog"`
}

// Welcome answers a join. With Resumed there is no snapshot: Members and State
// are empty, and Session.Offset equals the offset that the client asked for.
type Welcome struct {
	Type      Type            `json:"type"`
	Protocol  string          `json:"protocol"`
	Replica   string          `json:"replica"`
	Session   SessionInfo     `json:"session"`
	You       You             `json:"you"`
	Acked     uint64          `json:"acked"`
	Resumed   bool            `json:"resumed"`
	Members   json.RawMessage `json:"members,omitempty"` // an array of Member
	State     json.RawMessage `json:"state,omitempty"`
	Heartbeat int64           `json:"heartbeat"` // milliseconds between two
	Frame     int64           `json:"frame"`     // milliseconds
	Limits    Limits          `json:"limits"`
}

// StateMessage replaces what a client knows, in place.
type StateMessage struct {
	Type    Type            `json:"type"`
	Session SessionInfo     `json:"session"`
	Members json.RawMessage `json:"members"`
	State   json.RawMessage `json:"state"`
	Reason  string          `json:"reason"` // ReasonLagged or ReasonReset
}

// Reasons of a state message.
const (
	ReasonLagged = "lagged"
	ReasonReset  = "reset"
)

// Event is one event of a frame as a client reads it. Offset is 0 in an
// ephemeral event.
type Event struct {
	Offset uint64          `json:"offset,omitempty"`
	At     int64           `json:"at"` // milliseconds since 1970, the server's clock
	Event  string          `json:"event"`
	From   string          `json:"from,omitempty"`
	Ref    string          `json:"ref,omitempty"` // "<client>:<ref>" of the request that made it
	Data   json.RawMessage `json:"data"`
}

// Frame carries the events of at most one frame interval.
type Frame struct {
	Type   Type    `json:"type"`
	Events []Event `json:"events"`
}

// Ack says that a request took effect without an event that carries its ref.
type Ack struct {
	Type   Type   `json:"type"`
	Ref    uint64 `json:"ref"`
	Offset uint64 `json:"offset"`
}

// ErrorMessage is an [Error] on the wire.
type ErrorMessage struct {
	Type    Type   `json:"type"`
	Ref     uint64 `json:"ref,omitempty"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Retry   bool   `json:"retry"`
	After   int64  `json:"after"` // milliseconds
}

// Private is for one member's connections alone.
type Private struct {
	Type  Type            `json:"type"`
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// HeartbeatMessage is the server's heartbeat; a client answers at once.
type HeartbeatMessage struct {
	Type   Type   `json:"type"`
	At     int64  `json:"at,omitempty"`
	Offset uint64 `json:"offset,omitempty"` // in a client's answer
}

// Drain asks a client to connect anew in After milliseconds.
type Drain struct {
	Type   Type   `json:"type"`
	After  int64  `json:"after"`
	Reason string `json:"reason"`
}
