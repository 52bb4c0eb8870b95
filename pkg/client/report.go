package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// What the methods of a [Client] fail with, apart from a [*wire.Error] that
// the gateway sent.
var (
	// ErrClosed says that the client has ended or is leaving. Of a request that
	// was waiting it says that nobody knows whether it took effect.
	ErrClosed = errors.New("plenum client: closed")
	// ErrFull says that Options.Outbox requests wait already; this one was not taken.
	ErrFull = errors.New("plenum client: outbox is full")
	// ErrNotConnected says that an ephemeral event was not sent.
	ErrNotConnected = errors.New("plenum client: not connected")
	// ErrTooBig says that a message is longer than the gateway takes.
	ErrTooBig = errors.New("plenum client: message is larger than the gateway takes")
	// ErrOutcomeLost says that a request is settled, so it will not be sent
	// again, but its answer was lost with a connection: it took effect once, or
	// was refused.
	ErrOutcomeLost = errors.New("plenum client: the request's outcome was lost with its connection")
	// ErrProtocol says that a gateway broke the protocol.
	ErrProtocol = errors.New("plenum client: protocol violation")
	// ErrRunning is what a second call of Run returns.
	ErrRunning = errors.New("plenum client: Run was called before")
)

// Closed is how a connection ended. [Client.Run] returns one if a client must
// not come back, see [wire.CloseCode.Reconnect]; [Status] carries the others.
type Closed struct {
	Code   wire.CloseCode
	Reason string
	Err    *wire.Error // the error message right before the close; nil if there was none

	cause error // what broke the connection; with wire.CloseAbnormal
}

func (c *Closed) Error() string {
	switch {
	case c.Err != nil:
		return fmt.Sprintf("plenum client: closed with %d: %s: %s", c.Code, c.Err.Code, c.Err.Message)
	case c.cause != nil:
		return fmt.Sprintf("plenum client: connection lost: %v", c.cause)
	}
	return fmt.Sprintf("plenum client: closed with %d %q", c.Code, c.Reason)
}

// Unwrap returns the error message, or what broke the connection.
func (c *Closed) Unwrap() error {
	if c.Err != nil {
		return c.Err
	}
	return c.cause
}

// Phase is where a client is in its life.
type Phase int

// The phases. PhaseConnecting comes once, PhaseClosed last.
const (
	PhaseConnecting Phase = iota
	PhaseConnected
	PhaseReconnecting
	PhaseClosed
)

func (p Phase) String() string {
	switch p {
	case PhaseConnecting:
		return "connecting"
	case PhaseConnected:
		return "connected"
	case PhaseReconnecting:
		return "reconnecting"
	}
	return "closed"
}

// Status is a change of phase. PhaseReconnecting is told before each attempt.
type Status struct {
	Phase   Phase
	Replica string        // with PhaseConnected: which gateway this is
	Wait    time.Duration // with PhaseReconnecting: until the next attempt
	Err     error         // with PhaseReconnecting and PhaseClosed: why; nil after Leave and the context's end
}

// ReasonSnapshot is the reason of the [State] that came with a welcome.
const ReasonSnapshot = "snapshot"

// State is the truth at an offset.
type State struct {
	Reason  string // ReasonSnapshot, wire.ReasonLagged or wire.ReasonReset
	Session wire.SessionInfo
	Members json.RawMessage // an array of wire.Member
	State   json.RawMessage // what the session's kind shows this member; nil if nothing
}

// Settled is the outcome of a publish or command.
type Settled struct {
	Ref    uint64 // what Publish returned
	Offset uint64 // of its event, or of the log when it was acknowledged; 0 if the gateway only said that it took effect
	Err    error  // nil: it took effect; *wire.Error: it did not and never will; else ErrOutcomeLost, ErrTooBig or ErrClosed
}
