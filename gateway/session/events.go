package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// ErrKeyReused tells that an idempotency key came with another event before.
var ErrKeyReused = errors.New("this Idempotency-Key came with another event before")

// Published is what became of an event of a backend.
type Published struct {
	wire.Position      // of the event
	Repeated      bool // it had been published before, under the same key
}

// Publish tells everyone in a session, on behalf of a backend. With a key it
// happens once, whatever is sent again, on whichever replica, for as long as the
// session remembers its requests: at least its time to live. Errors: ErrNone,
// ErrKeyReused, a *wire.Error for what is wrong with the event, or one of package
// fanout.
func (s *Service) Publish(ctx context.Context, id, event string, data json.RawMessage, key string) (Published, error) {
	switch {
	case !wire.ValidEvent(event):
		return Published{}, &wire.Error{Code: wire.CodeBadEvent, Message: "event must be 1 to 64 characters of a-z 0-9 _ . -"}
	case reserved([]byte(event)) || s.reservedByKind(event):
		return Published{}, errReserved
	}
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return Published{}, err
	}
	defer pool.Close()
	done := make(settlements, 1)
	pr := &fanout.Proposal{To: done, Change: fanout.Change{Events: 1, Records: fanout.AppendEvent(nil, body(event, "", data, time.Now()))}}
	if key == "" {
		pool.Owner().(*room).requestBackend(pr)
	} else {
		pr.Client, pr.Ref, pr.Mark = "key "+digest(key), 1, fingerprint(event, data)
		pool.Propose(pr)
	}
	select {
	case settled := <-done:
		return published(settled, pr.Mark)
	case <-ctx.Done():
		return Published{}, context.Cause(ctx)
	}
}

func published(s fanout.Settlement, mark string) (Published, error) {
	if s.Err != nil {
		return Published{}, outcome(s.Err)
	}
	if s.Repeated && s.Mark != mark {
		return Published{}, ErrKeyReused
	}
	return Published{Position: wire.Position{Epoch: s.Head.Epoch, Offset: s.Last}, Repeated: s.Repeated && mark != ""}, nil
}

// fingerprint tells one event from another.
func fingerprint(event string, data json.RawMessage) string {
	var compact bytes.Buffer
	compact.WriteString(event + "\n")
	json.Compact(&compact, data) // it is JSON
	return digest(compact.String())
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// reserved reports whether only the gateway itself may publish an event of this
// name: clients believe it.
func reserved(event []byte) bool {
	return bytes.HasPrefix(event, []byte("member.")) || bytes.HasPrefix(event, []byte("session."))
}

// reservedByKind reports whether an event is one that some kind keeps for itself.
// Which kind a session is of is not looked at: that would cost each event a read.
func (s *Service) reservedByKind(event string) bool {
	for _, k := range s.kinds {
		if r, ok := k.(kind.Reserved); ok && r.Reserves(event) {
			return true
		}
	}
	return false
}

var errReserved = &wire.Error{Code: wire.CodeForbidden, Message: "events named member.… and session.…, and those of the session's kind, are the gateway's own"}

// History is a part of a session's past.
type History struct {
	wire.Position                 // where the session stands
	Events        json.RawMessage // an array of wire.Event, in offset order
	Last          uint64          // the offset of the last of them; 0 if there is none
	Complete      bool            // none is missing between the position that was asked for and the first
}

const (
	historyRead  = 32      // appends that are read at once
	historyBytes = 1 << 20 // of events; one more may come with them
)

// History returns the durable events after an offset: at most limit, and about
// 1 MiB of them. Errors: ErrNone, or one of package fanout.
func (s *Service) History(ctx context.Context, id string, after uint64, limit int) (History, error) {
	var h History
	var events []fanout.Event
	for size := 0; ; {
		v, err := s.hub.Read(ctx, id, &fanout.Query{NoState: true, History: true, After: after, Limit: min(historyRead, limit-len(events))})
		switch {
		case err != nil:
			return History{}, err
		case !v.Exists:
			return History{}, ErrNone
		case len(events) > 0 && (h.Epoch != v.Epoch || !v.Complete):
			return h.with(events), nil // what follows is of another past, or was trimmed meanwhile
		case len(events) == 0:
			h.Complete = v.Complete
		}
		h.Position = wire.Position(v.Position)
		for _, e := range v.Events {
			events, after = append(events, e), e.Offset
			size += len(e.Body)
			if size >= historyBytes || len(events) == limit {
				return h.with(events), nil
			}
		}
		if len(v.Events) == 0 || after >= v.Offset {
			return h.with(events), nil
		}
	}
}

func (h History) with(events []fanout.Event) History {
	h.Events = wire.AppendEvents(nil, len(events), func(i int) (uint64, []byte) { return events[i].Offset, events[i].Body })
	if len(events) > 0 {
		h.Last = events[len(events)-1].Offset
	}
	return h
}
