package wire

import (
	"strconv"
	"strings"
	"time"
)

// CloseCode is the status code of a WebSocket close frame (RFC 6455, section
// 7.4). Clients decide by range, see [CloseCode.Reconnect], so that an old
// client obeys a new code.
type CloseCode uint16

// Codes of RFC 6455 that a gateway uses or a client sees.
const (
	CloseNormal     CloseCode = 1000 // the client left
	CloseGoingAway  CloseCode = 1001
	CloseAbnormal   CloseCode = 1006 // never sent; the socket broke
	CloseTooBig     CloseCode = 1009 // a message over the limit
	CloseInternal   CloseCode = 1011
	CloseRestarting CloseCode = 1012
	CloseTryLater   CloseCode = 1013
)

// Codes after which a client connects again, with backoff and full jitter.
const (
	CloseDrained       CloseCode = 4000 // resume on another replica
	CloseRebalanced    CloseCode = 4001 // resume on another replica
	CloseHeartbeat     CloseCode = 4002 // heartbeats were not answered
	CloseUnwritable    CloseCode = 4003 // nothing could be written for too long
	CloseTokenExpired  CloseCode = 4005 // refresh the token, come back
	CloseTooFast       CloseCode = 4006 // the reason says how long to wait
	CloseStoreAway     CloseCode = 4007 // wait 5 s or more
	closeReconnectLast CloseCode = 4499
)

// Codes that are final.
const (
	CloseMalformed        CloseCode = 4500
	CloseNotAuthenticated CloseCode = 4501
	CloseForbidden        CloseCode = 4502 // also: the origin is not allowed
	CloseNoSession        CloseCode = 4503
	CloseSessionEnded     CloseCode = 4504
	CloseRemoved          CloseCode = 4505
	CloseReplaced         CloseCode = 4506 // the same member and client connected anew
	CloseProtocol         CloseCode = 4507
	CloseJoinRefused      CloseCode = 4508 // late, invalid, or an unknown seat
	CloseSessionFull      CloseCode = 4509
)

// Reconnect reports whether a client that was closed with c may connect again.
func (c CloseCode) Reconnect() bool {
	switch c {
	case CloseGoingAway, CloseAbnormal, CloseInternal, CloseRestarting, CloseTryLater:
		return true
	}
	return c >= CloseDrained && c <= closeReconnectLast
}

const waitPrefix = "wait "

// WaitReason is the close reason of [CloseTooFast]: "wait 1500 ms".
func WaitReason(wait time.Duration) string {
	return waitPrefix + strconv.FormatInt(wait.Milliseconds(), 10) + " ms"
}

// ParseWait reads a close reason that begins with "wait <milliseconds> ms";
// any other is 0. It never returns more than an hour.
func ParseWait(reason string) time.Duration {
	rest, ok := strings.CutPrefix(reason, waitPrefix)
	if !ok {
		return 0
	}
	number, unit, _ := strings.Cut(rest, " ")
	ms, err := strconv.ParseUint(number, 10, 32)
	if err != nil || !strings.HasPrefix(unit, "ms") {
		return 0
	}
	return min(time.Duration(ms)*time.Millisecond, time.Hour)
}
