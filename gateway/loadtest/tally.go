package loadtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// tally counts what happens in a run. Its methods may be called concurrently.
type tally struct {
	connected  atomic.Int64 // now
	joined     atomic.Int64 // connections that were welcomed
	refused    atomic.Int64 // attempts that were not
	lost       atomic.Int64 // connections that ended, and not by the load test's doing
	reconnects atomic.Int64 // connections that ended by its doing

	sent       atomic.Int64
	settled    atomic.Int64
	failed     atomic.Int64
	deliveries atomic.Int64
	caughtUp   atomic.Int64 // deliveries of what came while a member was away on purpose
	frames     atomic.Int64 // with events, whoever's
	received   atomic.Int64 // bytes

	exhausted atomic.Int64 // attempts that failed because this machine has no descriptors or ports left

	mu       sync.Mutex
	failures map[failure]int64 // guarded by mu
}

// sums is everything until now.
func (t *tally) sums() Second {
	return Second{Connected: t.connected.Load(), Sent: t.sent.Load(), Succeeded: t.settled.Load(), Failed: t.failed.Load(),
		Deliveries: t.deliveries.Load()}
}

// What can fail.
const (
	ofConnections = "connection"
	ofLosses      = "lost connection"
	ofMessages    = "message"
)

// failure is a kind of failure.
type failure struct{ of, reason string }

// most kinds of failures that are told apart.
const most = 50

func (t *tally) fail(of string, err error) {
	if ownFault(err) {
		t.exhausted.Add(1)
	}
	f := failure{of, reason(err)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures == nil {
		t.failures = make(map[failure]int64)
	}
	if _, known := t.failures[f]; !known && len(t.failures) >= most {
		f.reason = "another reason"
	}
	t.failures[f]++
}

// Failure is how often something failed for a reason.
type Failure struct {
	Of     string `json:"of"` // connection, lost connection or message
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// list returns the failures, the most frequent first.
func (t *tally) list() []Failure {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Failure, 0, len(t.failures))
	for f, n := range t.failures {
		list = append(list, Failure{f.of, f.reason, n})
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// ownFault reports whether this machine, and not the gateway, is why there is no
// connection.
func ownFault(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// errUnanswered is of what was under way when the run ended.
var errUnanswered = errors.New("not answered by the end")

// local is an address and port of this machine in an error of package net: the
// only part in which two of the same kind differ.
var local = regexp.MustCompile(`[0-9a-f.:\[\]]+:\d+->`)

// reason says what failed, the same for all that failed in the same way.
func reason(err error) string {
	refusal, _ := errors.AsType[*wire.Error](err)
	closed, _ := errors.AsType[*client.Closed](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	network, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errUnanswered), errors.Is(err, client.ErrClosed):
		return errUnanswered.Error()
	case refusal != nil && refusal.Close != 0:
		return fmt.Sprintf("%s, closed with %d: %s", refusal.Code, refusal.Close, refusal.Message)
	case refusal != nil:
		return fmt.Sprintf("%s: %s", refusal.Code, refusal.Message)
	case closed != nil && closed.Code != wire.CloseAbnormal:
		return fmt.Sprintf("closed with %d %s", closed.Code, closed.Reason)
	case closed != nil && closed.Unwrap() != nil:
		return reason(closed.Unwrap())
	case isErrno:
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded), network != nil && network.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "ended without a goodbye"
	}
	const longest = 200
	text := local.ReplaceAllString(err.Error(), "")
	return text[:min(len(text), longest)]
}
