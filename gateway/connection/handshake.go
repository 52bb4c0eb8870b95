package connection

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

var (
	errDraining = errors.New("this replica is draining; another one serves you")
	errOverload = errors.New("this replica has all the connections that it is set to take")
	errCrowd    = errors.New("too many come at once; come back in a moment")
	errHasty    = errors.New("too many connections come from your address at once; come back in a moment")
	errGreedy   = errors.New("this replica has all the connections that one address may have")
)

// refuse answers a handshake with problem+json (RFC 9457).
func (s *Server) refuse(w http.ResponseWriter, status int, code wire.Code, why error, after time.Duration) {
	s.Stats.Refused.Add(1)
	w.Header().Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": why.Error(), "code": code})
}

// longestQueue is how long a handshake waits for its turn.
const longestQueue = 5 * time.Second

// queue has handshakes come at the rate that was set, and a few at once, so that
// those who are in do not suffer from those who come: when a replica dies thousands
// come together. leave is to be called at the end of the handshake.
func (s *Server) queue(ctx context.Context) (leave func(), err error) {
	if s.drains() {
		return nil, errDraining // at once: a proxy tries another replica
	}
	ctx, stop := context.WithTimeoutCause(ctx, longestQueue, errCrowd)
	defer stop()
	if err := s.pace(ctx); err != nil {
		return nil, err
	}
	return s.turns.enter(ctx, "")
}

// pace waits until the rate lets a handshake come.
func (s *Server) pace(ctx context.Context) error {
	turn := s.gate.Reserve()
	wait := turn.Delay()
	if wait == 0 {
		return nil
	}
	if wait > longestQueue {
		turn.Cancel()
		return errCrowd
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return context.Cause(ctx)
	}
}

// offered returns the subprotocols that a client offers.
func offered(r *http.Request) (offers []string) {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(line, ",") {
			offers = append(offers, strings.TrimSpace(offer))
		}
	}
	return offers
}

// subprotocol picks what the handshake answers. One that we do not speak is
// picked too, if there is no other: else a browser could not be told why.
func subprotocol(r *http.Request) []string {
	offers := offered(r)
	if len(offers) == 0 || slices.Contains(offers, wire.Protocol) {
		return []string{wire.Protocol}
	}
	return offers[:1]
}

// check returns what a client is told behind its handshake, if it may not join.
func (s *Server) check(r *http.Request) *wire.Error {
	if offers := offered(r); len(offers) > 0 && !slices.Contains(offers, wire.Protocol) {
		return &wire.Error{Code: wire.CodeProtocol, Close: wire.CloseProtocol,
			Message: "this gateway speaks " + wire.Protocol + " only"}
	}
	if !s.options.Origins.Allow(r) {
		return &wire.Error{Code: wire.CodeOrigin, Close: wire.CloseForbidden,
			Message: "pages of this origin may not connect; see PLENUM_ORIGINS"}
	}
	if !wire.ValidSessionID(r.URL.Query().Get("session")) {
		return &wire.Error{Code: wire.CodeBadSession, Close: wire.CloseJoinRefused,
			Message: "the URL must have ?session= with 1 to 64 characters of A-Z a-z 0-9 _ -"}
	}
	return nil
}
