package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/connection"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	tapLines  = 256              // that wait for an operator who reads too slowly; then some are left out
	tapAlive  = 15 * time.Second // a line comes at least that often
	tapWithin = 30 * time.Second // for the operator to take a line
)

// tap answers GET /api/ops/sessions/{id}/tap: a line of JSON for each thing that
// happens, for as long as the operator reads.
func (o Operators) tap(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !validSession(w, id) {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	t := &tapping{lines: make(chan []byte, tapLines)}
	over := make(chan error, 1)
	go func() { over <- o.Sessions.Tap(ctx, id, t) }()
	select {
	case err := <-over:
		refuseOperator(w, orStopped(err))
		return
	case first := <-t.lines:
		o.did("looks on at a session", zap.String("session", id))
		h := w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // nginx would keep lines back
		out := tapWriter{w, http.NewResponseController(w)}
		if out.line(first) {
			out.copy(t, over)
		}
	}
	cancel()
	<-over
}

// orStopped is err, or that the service stops.
func orStopped(err error) error {
	if err == nil {
		return fanout.ErrStopped
	}
	return err
}

// tapping is a session.Watcher that keeps lines for the goroutine that writes them.
type tapping struct {
	lines  chan []byte
	missed atomic.Bool
}

// Start implements session.Watcher.
func (t *tapping) Start(at wire.SessionInfo, reason string) {
	line, _ := json.Marshal(struct {
		Type    string           `json:"type"`
		Session wire.SessionInfo `json:"session"`
		Reason  string           `json:"reason,omitempty"`
	}{"start", at, reason}) // plain texts and numbers
	t.put(line)
}

// Deliver implements fanout.Subscriber.
func (t *tapping) Deliver(f *fanout.Frame) {
	line := connection.Message(f.Plain())
	if bytes.ContainsAny(line, "\r\n") { // between tokens: in a string JSON does not allow them
		line = bytes.Map(func(c rune) rune {
			if c == '\r' || c == '\n' {
				return ' '
			}
			return c
		}, line)
	}
	t.put(line)
}

func (t *tapping) put(line []byte) {
	select {
	case t.lines <- line:
	default:
		t.missed.Store(true)
	}
}

type tapWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// copy writes lines until the session or the service ends, or nobody reads.
func (o tapWriter) copy(t *tapping, over chan error) {
	alive := time.NewTicker(tapAlive)
	defer alive.Stop()
	for ok := true; ok; {
		if t.missed.Swap(false) {
			ok = o.line([]byte(`{"type":"missed"}`))
			continue
		}
		select {
		case line := <-t.lines:
			ok = o.line(line)
		case <-alive.C:
			ok = o.line([]byte(`{"type":"alive"}`))
		case err := <-over:
			over <- err
			o.end(t, err)
			return
		}
	}
}

// end writes what is left, and why it is over.
func (o tapWriter) end(t *tapping, err error) {
	for len(t.lines) > 0 {
		o.line(<-t.lines)
	}
	reason := "replica_stops"
	if errors.Is(err, session.ErrOver) {
		reason = "session_ended"
	}
	o.line([]byte(`{"type":"end","reason":"` + reason + `"}`))
}

func (o tapWriter) line(line []byte) bool {
	_ = o.control.SetWriteDeadline(time.Now().Add(tapWithin)) // a test's recorder has none
	_, err := o.w.Write(append(line[:len(line):len(line)], '\n'))
	return err == nil && o.control.Flush() == nil
}
