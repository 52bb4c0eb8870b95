package loadtest

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// account tells the judge what a member did and saw. A nil one tells nothing.
type account struct{ record *history.Client }

// account returns the account of a client; nil if nothing is judged.
func (s *session) account(name, id string) *account {
	if s.record == nil {
		return nil
	}
	return &account{s.record.Client(name, id)}
}

// sent tells of a message.
func (a *account) sent(at time.Duration, what *asked) {
	if a != nil {
		a.record.Sent(at, what.ref, what.event, what.data)
	}
}

func (a *account) settled(s client.Settled) {
	if a == nil {
		return
	}
	var refusal *wire.Error
	outcome := history.Unknown
	switch {
	case s.Err == nil:
		outcome = history.Acked
	case errors.As(s.Err, &refusal):
		outcome = history.Refused
	}
	a.record.Settled(s.Ref, outcome, s.Offset)
}

func (a *account) welcomed(w *wire.Welcome) {
	if a != nil {
		a.record.Welcomed(history.Welcome{Replica: w.Replica, Member: w.You.Member, Epoch: w.Session.Epoch,
			Offset: w.Session.Offset, Acked: w.Acked, Resumed: w.Resumed})
	}
}

func (a *account) replaced(s client.State) {
	if a != nil {
		a.record.Replaced(history.Snapshot{Epoch: s.Session.Epoch, Offset: s.Session.Offset, Reason: s.Reason,
			Members: s.Members, State: s.State})
	}
}

// saw tells of the durable events.
func (a *account) saw(events []wire.Event) {
	if a == nil {
		return
	}
	durable := make([]history.Event, 0, len(events))
	for i := range events {
		e := &events[i]
		if e.Offset == 0 {
			continue
		}
		maker, number, _ := strings.Cut(e.Ref, ":")
		ref, _ := strconv.ParseUint(number, 10, 64) // no ref is 0
		durable = append(durable, history.Event{Offset: e.Offset, At: e.At, Name: e.Event, From: e.From, Client: maker, Ref: ref, Data: e.Data})
	}
	a.record.Saw(durable...)
}

func (a *account) lost(err error) {
	if a != nil {
		a.record.Lost(err.Error())
	}
}

// fault tells of a gateway that broke the protocol. A refusal that belongs to no
// message is none.
func (a *account) fault(err error) {
	if a != nil && errors.Is(err, client.ErrProtocol) {
		a.record.Fault(err.Error())
	}
}

func (a *account) gone(why string) {
	if a != nil {
		a.record.Gone(why)
	}
}

// recorded begins the records of a run; nil if nothing is judged.
func (r *run) recorded() *history.History {
	if !r.o.Verify {
		return nil
	}
	h := history.New(r.clock.now)
	var expected history.Expected
	if r.o.Kind == Document {
		expected.Document = []byte("{}")
	}
	for _, s := range r.sessions {
		s.record = h.Session(s.id, expected)
	}
	return h
}

// conclude tells the judge how far everybody who is there must have come.
func (r *run) conclude() {
	if r.history == nil {
		return
	}
	for _, m := range r.members {
		if !m.connected.Load() {
			m.account.gone("not connected at the end")
		}
	}
	for _, s := range r.sessions {
		if s.head.Epoch != "" {
			s.record.End(s.head.Epoch, s.head.Offset)
		}
	}
}

// Verification is what the judge found.
type Verification struct {
	Contradictions int    `json:"contradictions"`
	First          string `json:"first,omitempty"` // with what its members did and saw around it
	Deliveries     int    `json:"deliveries"`      // of durable events, those of members coming and going too
	Events         int    `json:"events"`
	Acknowledged   int    `json:"acknowledged"`
	Refused        int    `json:"refused"`
	Unknown        int    `json:"unknown"` // requests of which nobody knows what became
	Resumes        int    `json:"resumes"` // exact replays
	Snapshots      int    `json:"snapshots"`
	PastsLost      int    `json:"pasts_lost"` // epochs beyond the first of each session
	Unseen         int    `json:"unseen"`     // events that everybody skipped by a snapshot
}

// judge judges what was recorded; nil if nothing was.
func (r *run) judge() *Verification {
	if r.history == nil {
		return nil
	}
	v := r.history.Judge()
	var first strings.Builder
	v.Explain(&first)
	return &Verification{Contradictions: len(v.Contradictions), First: first.String(), Deliveries: v.Deliveries, Events: v.Events,
		Acknowledged: v.Acked, Refused: v.Refused, Unknown: v.Unknown, Resumes: v.Resumes, Snapshots: v.Snapshots,
		PastsLost: max(0, v.Epochs-v.Sessions), Unseen: v.Unseen}
}
