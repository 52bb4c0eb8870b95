package loadtest

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// script is what one member does in a session of some kind. send is called by the
// goroutine that sends, the others by the client's.
type script interface {
	// send sends what is due at a moment. errNothing says that there was nothing
	// to do.
	send(due time.Duration) (asked, error)
	// due returns when that was due which led to an event; false if it is none of
	// this run's, or is not measured.
	due(e *wire.Event) (time.Duration, bool)
	// replaced takes the session's state in place of what was known.
	replaced(state json.RawMessage)
	// answered reports whether a refusal is an answer like any other: the member
	// was too late, as people are.
	answered(refusal *wire.Error) bool
}

// asked is a request, and the event that it shall lead to.
type asked struct {
	ref   uint64
	event string
	data  []byte
}

var errNothing = errors.New("there is nothing to do")

// newScript returns what a member does.
func (m *member) newScript() script {
	if m.run.o.Kind == Estimation {
		return &estimator{client: m.client, table: m.session.table, leads: m.number == 0, rand: m.rand}
	}
	return &speaker{client: m.client, payloads: m.run.payloads, kind: m.run.o.Kind, number: m.number, rand: m.rand}
}

// speaker publishes, or patches a part of a document of its own.
type speaker struct {
	client   *client.Client
	payloads *payloads
	kind     Kind
	number   int
	rand     random
}

func (s *speaker) send(due time.Duration) (a asked, err error) {
	a.data = s.payloads.next(s.number, due, s.rand)
	if s.kind == Document {
		a.event = "document.patched"
		a.ref, err = s.client.Ask("patch", json.RawMessage(a.data))
		return a, err
	}
	a.event = "loadtest"
	a.ref, err = s.client.Publish(a.event, json.RawMessage(a.data))
	return a, err
}

func (s *speaker) due(e *wire.Event) (time.Duration, bool) { return s.payloads.due(e.Data) }

func (s *speaker) replaced(json.RawMessage) {}

func (s *speaker) answered(*wire.Error) bool { return false }
