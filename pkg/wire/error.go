package wire

import (
	"fmt"
	"time"
)

// Code names what is wrong with a request, in lower snake case.
type Code string

// The error codes. This is the one table of them; a kind adds its own.
const (
	CodeMalformed        Code = "malformed"         // no valid message; closes with 4500
	CodeBadSession       Code = "bad_session"       // the session id; closes with 4508
	CodeBadClient        Code = "bad_client"        // closes with 4508
	CodeBadName          Code = "bad_name"          // in a join closes with 4508
	CodeBadEvent         Code = "bad_event"         // the event's name
	CodeBadKey           Code = "bad_key"           // an ephemeral event's key
	CodeBadCommand       Code = "bad_command"       // the command's name
	CodeBadData          Code = "bad_data"          // the command's data
	CodeRefRequired      Code = "ref_required"      // a publish or command without a ref
	CodeRefNotRising     Code = "ref_not_rising"    // a ref below one that this connection sent
	CodeJoinRequired     Code = "join_required"     // something else came first; closes with 4508
	CodeJoinTimeout      Code = "join_timeout"      // closes with 4508
	CodeAlreadyJoined    Code = "already_joined"    // a second join
	CodeSeatUnknown      Code = "seat_unknown"      // closes with 4508
	CodeSessionFull      Code = "session_full"      // closes with 4509
	CodeNoSession        Code = "no_such_session"   // closes with 4503
	CodeSessionEnded     Code = "session_ended"     // closes with 4504
	CodeRemoved          Code = "removed"           // closes with 4505
	CodeReplaced         Code = "replaced"          // closes with 4506
	CodeProtocol         Code = "unknown_protocol"  // closes with 4507
	CodeOrigin           Code = "origin_forbidden"  // closes with 4502
	CodeNotAuthenticated Code = "not_authenticated" // closes with 4501
	CodeTokenExpiring    Code = "token_expiring"    // send the command refresh_token within After
	CodeTokenExpired     Code = "token_expired"     // closes with 4005
	CodeForbidden        Code = "forbidden"         // this member may not
	CodeUnknownCommand   Code = "unknown_command"   // the session's kind has no such command
	CodeUnknownMember    Code = "unknown_member"    // a command names a member who is not there
	CodeSlowDown         Code = "slow_down"         // past the rate; After says how long to wait
	CodeTooFast          Code = "too_fast"          // went on past the rate; closes with 4006
	CodeTooBig           Code = "too_big"           // closes with 1009
	CodeUnavailable      Code = "unavailable"       // the store is away
	CodeHeartbeat        Code = "heartbeat_missed"  // closes with 4002
	CodeBacklog          Code = "backlog"           // what waits for this client is too much; closes with 4003
	CodeDrained          Code = "drained"           // closes with 4000
	CodeInternal         Code = "internal"          // a mistake of the gateway; closes with 1011
)

// Error is a refusal as its client sees it. With a Ref it is definite: that
// publish or command did not take effect and never will.
type Error struct {
	Code    Code
	Message string        // one sentence for a person who writes a client
	Ref     uint64        // the request's; 0 if it concerns the connection
	Retry   bool          // the same request can succeed later, under a new ref
	After   time.Duration // wait at least this long before that
	Close   CloseCode     // the connection is closed with it; 0 if it stays
}

func (e *Error) Error() string {
	if e.Close != 0 {
		return fmt.Sprintf("%s: %s (close %d)", e.Code, e.Message, e.Close)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Encode returns e as an error message.
func (e *Error) Encode() []byte {
	return encode(ErrorMessage{Type: TypeError, Ref: e.Ref, Code: e.Code, Message: e.Message,
		Retry: e.Retry, After: e.After.Milliseconds()})
}

// malformed is a refusal of a whole message.
func malformed(format string, args ...any) *Error {
	return &Error{Code: CodeMalformed, Message: fmt.Sprintf(format, args...), Close: CloseMalformed}
}
