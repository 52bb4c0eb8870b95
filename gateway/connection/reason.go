package connection

import (
	"sync/atomic"

	"github.com/plenum-gateway/plenum/fanout/latency"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Reason is why a connection ended. Every accepted connection ends with one; it
// is a metric's label, so the set is closed.
type Reason string

// The reasons.
const (
	ReasonLeft        Reason = "left"             // the client gave up its seat
	ReasonClient      Reason = "client_closed"    // the client closed the WebSocket
	ReasonLost        Reason = "connection_lost"  // the socket broke
	ReasonHeartbeat   Reason = "heartbeat_missed" // 4002
	ReasonUnwritable  Reason = "unwritable"       // 4003
	ReasonTooFast     Reason = "too_fast"         // 4006
	ReasonStore       Reason = "store_away"       // 4007
	ReasonMalformed   Reason = "malformed"        // 4500
	ReasonProtocol    Reason = "protocol"         // 4507, or a breach of RFC 6455
	ReasonForbidden   Reason = "forbidden"        // 4501, 4502
	ReasonExpired     Reason = "token_expired"    // 4005
	ReasonNoSession   Reason = "no_session"       // 4503
	ReasonEnded       Reason = "session_ended"    // 4504
	ReasonRemoved     Reason = "removed"          // 4505
	ReasonReplaced    Reason = "replaced"         // 4506
	ReasonJoinRefused Reason = "join_refused"     // 4508
	ReasonFull        Reason = "session_full"     // 4509
	ReasonTooBig      Reason = "too_big"          // 1009
	ReasonDrained     Reason = "drained"          // 4000, 4001
	ReasonInternal    Reason = "internal"         // 1011
)

var byCode = map[wire.CloseCode]Reason{
	wire.CloseNormal: ReasonLeft, wire.CloseTooBig: ReasonTooBig, wire.CloseInternal: ReasonInternal,
	wire.CloseDrained: ReasonDrained, wire.CloseRebalanced: ReasonDrained, wire.CloseHeartbeat: ReasonHeartbeat,
	wire.CloseUnwritable: ReasonUnwritable, wire.CloseTokenExpired: ReasonExpired, wire.CloseTooFast: ReasonTooFast,
	wire.CloseStoreAway: ReasonStore, wire.CloseMalformed: ReasonMalformed, wire.CloseNotAuthenticated: ReasonForbidden,
	wire.CloseForbidden: ReasonForbidden, wire.CloseNoSession: ReasonNoSession, wire.CloseSessionEnded: ReasonEnded,
	wire.CloseRemoved: ReasonRemoved, wire.CloseReplaced: ReasonReplaced, wire.CloseProtocol: ReasonProtocol,
	wire.CloseJoinRefused: ReasonJoinRefused, wire.CloseSessionFull: ReasonFull,
}

// Reasons are all of them, in a fixed order.
var Reasons = []Reason{ReasonLeft, ReasonClient, ReasonLost, ReasonHeartbeat, ReasonUnwritable, ReasonTooFast,
	ReasonStore, ReasonMalformed, ReasonProtocol, ReasonForbidden, ReasonExpired, ReasonNoSession, ReasonEnded, ReasonRemoved,
	ReasonReplaced, ReasonJoinRefused, ReasonFull, ReasonTooBig, ReasonDrained, ReasonInternal}

// receivedStep is what the size of a message is rounded up to where it is counted:
// in a gateway with little to do the exact figure would tell how long the card is
// that somebody has just voted for.
const receivedStep = 64

// Stats counts what a server did since it was made.
type Stats struct {
	Open            atomic.Int64 // right now
	Accepted        atomic.Int64
	Refused         atomic.Int64 // handshakes answered with an HTTP error
	RefusedDraining atomic.Int64 // of them: because the replica drains; a proxy asks another one
	Messages        atomic.Int64 // received
	Received        atomic.Int64 // bytes of them, each in steps of receivedStep
	SlowDown        atomic.Int64 // messages past the rate
	Errors          atomic.Int64 // messages answered with an error by this package
	Missed          atomic.Int64 // heartbeats
	Lagged          atomic.Int64 // times that frames were dropped because a socket was full
	Backlog         atomic.Int64 // bytes that wait for sockets right now
	Drains          atomic.Int64 // connections that were asked to move

	// RoundTrip is the time from a heartbeat to its client's answer.
	RoundTrip latency.Histogram

	ended map[Reason]*atomic.Int64
}

func (s *Stats) init() {
	s.ended = make(map[Reason]*atomic.Int64, len(Reasons))
	for _, r := range Reasons {
		s.ended[r] = new(atomic.Int64)
	}
}

// Ended is how many connections ended with a reason.
func (s *Stats) Ended(r Reason) int64 {
	if n := s.ended[r]; n != nil {
		return n.Load()
	}
	return 0
}
