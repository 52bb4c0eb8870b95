package client

import (
	"slices"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// request is a publish or command that is not settled yet.
type request struct {
	first   uint64 // the ref that its sender knows
	ref     uint64 // the ref on the wire: another one after a retry
	command bool
	name    string
	data    []byte
	done    bool         // took effect; only its offset is not known
	result  chan Settled // has room for one; nil if nobody waits
}

// append appends the request as it is sent.
func (r *request) append(dst []byte) []byte {
	if r.command {
		return wire.AppendCommand(dst, &wire.Command{Ref: r.ref, Command: []byte(r.name), Data: r.data})
	}
	return wire.AppendPublish(dst, &wire.Publish{Ref: r.ref, Event: []byte(r.name), Data: r.data})
}

// exceeds reports whether the request is longer than limit bytes; 0 is no limit.
func (r *request) exceeds(limit int) bool {
	const most = 96 // more than everything but name and data
	return limit > 0 && len(r.name)+len(r.data)+most > limit && len(r.append(nil)) > limit
}

// settlement is the outcome of a request, to be told once no lock is held.
type settlement struct {
	request *request
	Settled
}

// outbox holds the requests that are not settled, by rising ref, and gives out
// the refs. Its owner guards it.
//
// Requests up to acked are settled for the gateway and are not sent again, but
// their outcome was lost with a connection. If it resumed, their events are
// about to be replayed and tell; where they do not, giveUp ends the wait.
type outbox struct {
	requests []*request
	last     uint64 // the last ref given out
	acked    uint64
}

// add gives r a ref and puts it last.
func (o *outbox) add(r *request) {
	o.last++
	r.ref = o.last
	o.requests = append(o.requests, r)
}

// after returns the first request with a ref above ref; nil if there is none.
func (o *outbox) after(ref uint64) *request {
	i, _ := o.find(ref + 1)
	if i == len(o.requests) {
		return nil
	}
	return o.requests[i]
}

// waits reports whether a request up to ref is not settled.
func (o *outbox) waits(ref uint64) bool {
	return len(o.requests) > 0 && o.requests[0].ref <= ref
}

func (o *outbox) find(ref uint64) (int, bool) {
	return slices.BinarySearchFunc(o.requests, ref, func(r *request, ref uint64) int {
		switch {
		case r.ref < ref:
			return -1
		case r.ref > ref:
			return 1
		}
		return 0
	})
}

// take removes the request with the ref; nil if there is none, as when it is
// settled for the second time.
func (o *outbox) take(ref uint64) *request {
	i, ok := o.find(ref)
	if !ok {
		return nil
	}
	r := o.requests[i]
	o.requests = slices.Delete(o.requests, i, i+1)
	return r
}

// settle ends the request with the ref.
func (o *outbox) settle(ref, offset uint64, err error) []settlement {
	r := o.take(ref)
	if r == nil {
		return nil
	}
	return []settlement{settled(r, offset, err)}
}

// echoed settles the request whose event came at offset. Refs take effect in
// order, so the events of lower refs were before it; what is still without one
// will not get one.
func (o *outbox) echoed(ref, offset uint64) []settlement {
	r := o.take(ref)
	if r == nil {
		return nil
	}
	return append(o.giveUp(min(o.acked, ref)), settled(r, offset, nil))
}

// welcomed takes over what a welcome says: all up to acked is settled.
func (o *outbox) welcomed(acked uint64, resumed bool) []settlement {
	var out []settlement
	if !resumed {
		out = o.giveUp(o.acked) // by what an earlier welcome said, perhaps of a past that is gone
	}
	o.acked = acked
	o.last = max(o.last, acked)
	if i, ok := o.find(acked); ok {
		r := o.requests[i]
		if r.done = true; r.command {
			out = append(out, o.settle(acked, 0, nil)...) // there may be no event to wait for
		}
	}
	if !resumed {
		out = append(out, o.giveUp(acked)...)
	}
	return out
}

// giveUp ends the requests up to ref without having seen their outcome.
func (o *outbox) giveUp(ref uint64) []settlement {
	var out []settlement
	for o.waits(ref) {
		r := o.take(o.requests[0].ref)
		if r.done {
			out = append(out, settled(r, 0, nil))
		} else {
			out = append(out, settled(r, 0, ErrOutcomeLost))
		}
	}
	return out
}

// tooBig ends the requests that are longer than limit bytes.
func (o *outbox) tooBig(limit int) []settlement {
	var out []settlement
	for _, r := range slices.Clone(o.requests) {
		if r.exceeds(limit) {
			out = append(out, o.settle(r.ref, 0, ErrTooBig)...)
		}
	}
	return out
}

func settled(r *request, offset uint64, err error) settlement {
	return settlement{r, Settled{Ref: r.first, Offset: offset, Err: err}}
}
