package integration

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// recorded is a member whose story the checker of the fault tests judges, which
// knows of epochs.
type recorded struct {
	*member
	record *history.Client
	ready  chan struct{} // closed when record is there
}

// joinRecorded is join for a member that is judged with its session.
func joinRecorded(t testing.TB, s *history.Session, session, name string, urls []string, change ...func(*client.Options)) *recorded {
	t.Helper()
	r := &recorded{ready: make(chan struct{})}
	r.member = join(t, session, name, urls, append(change, r.listen)...)
	r.record = s.Client(name, r.ID())
	close(r.ready)
	return r
}

// listen has the record told of everything before the member is.
func (r *recorded) listen(o *client.Options) {
	welcome, state, events, settled, failed := o.OnWelcome, o.OnState, o.OnEvents, o.OnSettled, o.OnError
	o.OnWelcome = func(w *wire.Welcome) {
		<-r.ready
		r.record.Welcomed(history.Welcome{Replica: w.Replica, Member: w.You.Member, Epoch: w.Session.Epoch, Offset: w.Session.Offset,
			Acked: w.Acked, Resumed: w.Resumed})
		welcome(w)
	}
	o.OnState = func(s client.State) {
		r.record.Replaced(history.Snapshot{Epoch: s.Session.Epoch, Offset: s.Session.Offset, Reason: s.Reason, Members: s.Members, State: s.State})
		state(s)
	}
	o.OnEvents = func(all []wire.Event) {
		for _, e := range all {
			if e.Offset != 0 {
				r.record.Saw(historyEvent(e))
			}
		}
		events(all)
	}
	o.OnSettled = func(s client.Settled) {
		outcome := history.Acked
		switch {
		case isRefusal(s.Err):
			outcome = history.Refused
		case s.Err != nil:
			outcome = history.Unknown
		}
		r.record.Settled(s.Ref, outcome, s.Offset)
		settled(s)
	}
	o.OnError = func(err error) {
		if errors.Is(err, client.ErrProtocol) {
			r.record.Fault(err.Error())
		}
		failed(err)
	}
}

func historyEvent(e wire.Event) history.Event {
	h := history.Event{Offset: e.Offset, At: e.At, Name: e.Event, From: e.From, Data: e.Data}
	if i := strings.LastIndexByte(e.Ref, ':'); i >= 0 {
		h.Client = e.Ref[:i]
		h.Ref, _ = strconv.ParseUint(e.Ref[i+1:], 10, 64) // 0 is what the judge finds wrong
	}
	return h
}

// plain returns those who are recorded as members.
func plain(all []*recorded) (members []*member) {
	for _, r := range all {
		members = append(members, r.member)
	}
	return members
}

// finish waits until all members of a session have seen everything and know the
// outcome of everything.
func finish(t testing.TB, s *history.Session, members []*recorded) {
	t.Helper()
	for _, r := range members {
		r.quiet(t)
	}
	end := members[0].Position()
	for _, r := range members {
		if at := r.Position(); at.Epoch == end.Epoch && at.Offset > end.Offset {
			end = at
		}
	}
	for _, r := range members {
		poll(t, fmt.Sprintf("%s to come to %v", r.name, end), func() error { // the position moves behind the callbacks
			if at := r.Position(); at.Epoch != end.Epoch || at.Offset < end.Offset {
				return fmt.Errorf("it is at %v", at)
			}
			return nil
		})
		r.look(func() {
			for ref, data := range r.sent {
				r.record.Sent(0, ref, "test.said", data)
			}
		})
	}
	s.End(end.Epoch, end.Offset)
}

// checkHistory has everything judged. Nothing may happen any more.
func checkHistory(t testing.TB, h *history.History) {
	t.Helper()
	verdict := h.Judge()
	t.Logf("%v", &verdict.Summary)
	var text strings.Builder
	verdict.Explain(&text)
	if text.Len() > 0 {
		t.Error(text.String())
	}
}
