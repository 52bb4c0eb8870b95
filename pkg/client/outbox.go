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
	result  chan Settled // has room for one; nil if nobody waits
	own     bool         // the client's own: nobody is told, and it ends with its connection

	passed bool   // settled for the gateway, but the outcome is not known: its event tells
	done   bool   // with passed: it took effect; only its offset is not known
	by     uint64 // with passed: the event comes up to this offset or never; 0 if that is not known
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
// A gateway remembers of a client the highest ref that took effect. Of a lower
// one it only knows that it is settled: it took effect too, or it was refused
// and the refusal got lost with a connection. Such a request is passed: it is
// not sent again, and its event, which is about to be replayed, tells. Where it
// does not come, giveUp ends the wait.
type outbox struct {
	requests []*request
	last     uint64 // the last ref given out
	before   uint64 // the highest ref that was sent over an earlier connection
	passed   int    // requests that are
}

// add gives r a ref and puts it last.
func (o *outbox) add(r *request) {
	o.last++
	r.ref = o.last
	o.requests = append(o.requests, r)
}

// next returns the request to send after the one with the ref; nil if there is none.
func (o *outbox) next(ref uint64) *request {
	i, _ := o.find(ref + 1)
	for ; i < len(o.requests); i++ {
		if !o.requests[i].passed {
			return o.requests[i]
		}
	}
	return nil
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
	if r.passed {
		o.passed--
	}
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

// pass marks a request as settled with an outcome that is not known.
func (o *outbox) pass(r *request) {
	if !r.passed {
		r.passed = true
		o.passed++
	}
}

// acknowledged settles the request with the ref, when the log is at offset. But
// a publish is answered by its event; an acknowledgement says that it was
// recognised. If higher refs were sent over earlier connections, it may have
// been recognised by them alone.
func (o *outbox) acknowledged(ref, offset, position uint64) []settlement {
	i, ok := o.find(ref)
	if !ok || ref >= o.before || o.requests[i].command || o.requests[i].done {
		return o.settle(ref, offset, nil)
	}
	o.pass(o.requests[i])
	o.requests[i].by = max(1, offset)
	return o.reached(position)
}

// echoed settles the request whose event came at offset. Refs take effect in
// order, so the events of lower refs were before it; what is still without one
// will not get one.
func (o *outbox) echoed(ref, offset uint64) []settlement {
	r := o.take(ref)
	if r == nil {
		return nil
	}
	return append(o.giveUp(func(r *request) bool { return r.ref < ref }), settled(r, offset, nil))
}

// reached ends the wait for events that should have come up to offset.
func (o *outbox) reached(offset uint64) []settlement {
	return o.giveUp(func(r *request) bool { return r.by != 0 && r.by <= offset })
}

// replaced ends the wait for events that a snapshot has swallowed.
func (o *outbox) replaced() []settlement {
	return o.giveUp(func(*request) bool { return true })
}

// welcomed takes over what a welcome says: all up to acked is settled.
func (o *outbox) welcomed(acked uint64, resumed bool) []settlement {
	var out []settlement
	o.requests = slices.DeleteFunc(o.requests, func(r *request) bool {
		if r.own && r.passed {
			o.passed--
		}
		return r.own
	})
	if !resumed {
		out = o.replaced() // also what an earlier welcome said of a past that may be gone
	}
	o.last = max(o.last, acked)
	for _, r := range o.requests {
		if r.ref > acked {
			break
		}
		o.pass(r)
		r.done = r.done || r.ref == acked
	}
	// A command may lead to no event, so there is nothing to wait for.
	out = append(out, o.giveUp(func(r *request) bool { return r.done && r.command })...)
	if !resumed {
		out = append(out, o.replaced()...)
	}
	return out
}

// giveUp ends the passed requests that which names, without having seen their event.
func (o *outbox) giveUp(which func(*request) bool) []settlement {
	if o.passed == 0 {
		return nil
	}
	var out []settlement
	for _, r := range slices.Clone(o.requests) {
		switch {
		case !r.passed || !which(r):
		case r.done:
			out = append(out, o.settle(r.ref, 0, nil)...)
		default:
			out = append(out, o.settle(r.ref, 0, ErrOutcomeLost)...)
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
