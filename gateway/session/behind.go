package session

import (
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// lookAgain is the pause before another look when the pool could not take a
// connection where the last one had seen it.
const lookAgain = 20 * time.Millisecond

// Behind brings a connection up to date that could not keep up and takes more
// again, or that has taken a piece of a long replay; see [Conn.Lag]. It gets
// what it missed, or the state.
func (p *Participant) Behind() {
	if from, lags := p.fallOut(); lags {
		p.catchUp(from)
	}
}

// fallOut detaches a connection that lags, and returns what it has. It reports
// false if there is nothing to do: somebody is at it already, or everybody was
// just told the state anew. Without the room's lock that could be in between,
// and what the connection has would not be what was returned. Without p.mu, attach could let the connection go on in between,
// and it would get twice what it has had by then.
func (p *Participant) fallOut() (from fanout.Position, lags bool) {
	p.room.telling.Lock()
	defer p.room.telling.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	from.Epoch = p.pool.Head().Epoch
	if from.Offset, lags = p.conn.Lag(); !lags {
		return from, false
	}
	switch {
	case p.partway != nil:
		from.Epoch = p.partway.Epoch // the pool may have another one by now: nobody has told this connection
		p.partway = nil
	case p.link == nil:
		return from, false
	default:
		p.service.Stats.CatchUps.Add(1)
		p.detachLocked()
	}
	return from, true
}

// catchUp looks for what came after from.
func (p *Participant) catchUp(from fanout.Position) {
	p.pool.Look(&fanout.Look{History: true, After: from.Offset, Seen: func(s fanout.State, seen fanout.Seen) {
		r := s.(*roster)
		if seen.Ended == from.Epoch {
			p.finish()
			return
		}
		if seen.Err != nil || !seen.Exists {
			p.conn.End(ending(fanout.ErrUnknown))
			return
		}
		reason := wire.ReasonReset
		if seen.Head.Epoch == from.Epoch {
			reason = wire.ReasonLagged
			if seen.Complete && p.attach(from, seen.Events, seen.More, func() { p.conn.Start(nil, from.Offset) }) == nil {
				return
			}
		}
		tell := func() { p.conn.Start(p.stateMessage(r, seen.Head, reason), seen.Head.Offset) }
		if err := p.attach(seen.Head.Position, nil, false, tell); err != nil && err != errGone {
			time.AfterFunc(lookAgain, func() { p.catchUp(from) })
		}
	}})
}
