package fanout

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Bounds of the batches that wait behind a hole. Past them they are let go: the
// repair reads them from the log anyway.
const (
	maxParked      = 1024
	maxParkedBytes = 8 << 20
)

// hear takes a batch from the log's subscription.
func (p *Pool) hear(b Batch) {
	p.note(p.apply(b))
	p.pump()
}

// note hands notes to the owner.
func (p *Pool) note(notes [][]byte) {
	for _, n := range notes {
		p.owner.Note(n)
	}
}

// meet gives a pool its first position; what came before it is applied. A pool
// that has one learns here that the log has lost its past, or that it is there
// again.
func (p *Pool) meet(at Head) {
	p.note(p.begin(at))
	p.pump()
}

func (p *Pool) begin(at Head) (notes [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.started:
		p.started, p.head, p.framed = true, at, at.Offset
		return p.unparkLocked(nil)
	case p.lost:
		select {
		case p.again <- struct{}{}:
		default:
		}
	case at.Epoch != p.head.Epoch:
		p.loseLocked(LossReset)
	}
	return nil
}

// apply applies a batch, or parks it when something before it is missing. It
// returns the notes of what it applied.
func (p *Pool) apply(b Batch) (notes [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quiet = false
	p.heardLocked(b.Position)
	switch {
	case !p.started || p.lost:
		p.parkLocked(b)
	case b.Epoch != p.head.Epoch:
		p.strangeLocked(b)
	case b.First > p.head.Offset+1:
		p.parkLocked(b)
		p.missLocked()
	default:
		if b.First != 0 && b.First <= p.head.Offset {
			p.hub.Stats.Repeats.Add(1)
		}
		return p.unparkLocked(p.takeLocked(b, nil))
	}
	return nil
}

// heardLocked notes how far the log has come.
func (p *Pool) heardLocked(at Position) {
	switch {
	case at.Epoch == p.heard.Epoch:
		p.heard.Offset = max(p.heard.Offset, at.Offset)
	case !slices.Contains(p.past, at.Epoch):
		p.heard = at
	}
}

// knownLocked is the newest position in the pool's epoch that it knows of.
func (p *Pool) knownLocked() Position {
	known := p.head.Position
	if p.heard.Epoch == known.Epoch {
		known.Offset = max(known.Offset, p.heard.Offset)
	}
	return known
}

func (p *Pool) known() Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.knownLocked()
}

// strangeLocked acts on a batch of another epoch. The batch itself is let go:
// the owner reads the state after it.
func (p *Pool) strangeLocked(b Batch) {
	if !slices.Contains(p.past, b.Epoch) {
		p.loseLocked(LossReset)
	}
}

// takeLocked appends what is new in a batch to what is pending.
func (p *Pool) takeLocked(b Batch, notes [][]byte) [][]byte {
	offset := b.First
	for rest := b.Records; len(rest) > 0; {
		r, after, err := next(rest)
		if err != nil {
			p.hub.Stats.Malformed.Add(1)
			break
		}
		switch rest = after; r.kind {
		case recordEvent:
			p.eventLocked(Event{Offset: offset, Body: r.body})
			offset++
		case recordEphemeral:
			p.pending = append(p.pending, Event{Key: r.key, Body: r.body})
		case recordNote:
			notes = append(notes, r.body)
		}
	}
	p.head.Rev = max(p.head.Rev, b.Rev)
	return notes
}

// eventLocked applies the event at the next offset; others are known already.
func (p *Pool) eventLocked(e Event) {
	if e.Offset == p.head.Offset+1 {
		p.head.Offset = e.Offset
		p.pending = append(p.pending, e)
		p.recent.add(e)
	}
}

// parkLocked keeps a batch that came early.
func (p *Pool) parkLocked(b Batch) {
	if len(p.parked) == maxParked || p.parkedBytes+len(b.Records) > maxParkedBytes {
		p.parked, p.parkedBytes = nil, 0
	}
	p.parked, p.parkedBytes = append(p.parked, b), p.parkedBytes+len(b.Records)
}

// unparkLocked applies what was parked and fits now; the rest stays. If
// something is still missing it is repaired.
func (p *Pool) unparkLocked(notes [][]byte) [][]byte {
	parked := p.parked
	p.parked, p.parkedBytes = nil, 0
	for _, b := range parked {
		switch {
		case b.Epoch != p.head.Epoch:
			p.strangeLocked(b)
		case p.lost || b.First > p.head.Offset+1:
			p.parkLocked(b)
		default:
			notes = p.takeLocked(b, notes)
		}
	}
	p.missLocked()
	return notes
}

// missLocked starts the repair of a hole, if there is one and none is under way.
func (p *Pool) missLocked() {
	if p.repairing || p.lost || p.knownLocked().Offset == p.head.Offset {
		return
	}
	p.hub.Stats.Holes.Add(1)
	p.repairing = p.hub.task(p.repair)
}

// repairPiece is how many bytes of events, about, one read of a repair brings.
const repairPiece = 1 << 20

// repair reads what is missing from the log, piece by piece, until it has it.
func (p *Pool) repair(ctx context.Context) {
	for try := 0; p.hub.has(p); {
		at, known := p.Head(), p.known()
		v, err := p.hub.log.Read(ctx, p.session, &Query{Known: at, History: true, After: at.Offset, Bytes: repairPiece, NoState: true})
		if err == nil && v.Epoch == known.Epoch && v.Offset < known.Offset {
			v, err = View{}, p.tellBehind(ctx, known)
		}
		if err == nil {
			p.hub.Stats.Repairs.Add(1)
			if !p.repaired(at.Epoch, v) {
				return
			}
			try = 0
			continue
		}
		if !pause(ctx, try, nil) {
			return
		}
		try++
	}
}

// tellBehind tells the log that it is behind what it once acknowledged, so that
// it gets a new epoch.
func (p *Pool) tellBehind(ctx context.Context, known Position) error {
	a, err := p.hub.log.Append(ctx, p.session, &Append{Known: known})
	if err == nil && a.Epoch != known.Epoch {
		p.meet(a.Head) // it may be there already
	}
	return err
}

// repaired takes what was read for a pool that was in epoch then. It reports
// true if there is more to read.
func (p *Pool) repaired(epoch string, v View) (more bool) {
	notes, more := p.fill(epoch, v)
	p.note(notes)
	p.pump()
	return more
}

func (p *Pool) fill(epoch string, v View) (notes [][]byte, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.repairing = false
	switch {
	case p.lost:
		return nil, false
	case epoch != p.head.Epoch: // restarted meanwhile
	case v.Epoch != epoch:
		p.loseLocked(LossReset)
		return nil, false
	case v.Offset > p.head.Offset && (len(v.Events) == 0 || v.Events[0].Offset > p.head.Offset+1):
		p.hub.Stats.Unhealed.Add(1)
		p.loseLocked(LossBeyond)
		return nil, false
	default:
		for _, e := range v.Events {
			p.eventLocked(e)
		}
		p.foundLocked(v.Rev)
		p.repairing, more = v.More, v.More
	}
	return p.unparkLocked(nil), more
}

// loseLocked tells the owner that subscribers need a snapshot.
func (p *Pool) loseLocked(why Loss) {
	if p.lost || !p.started {
		return
	}
	if why == LossReset {
		p.hub.Stats.Resets.Add(1)
	}
	p.pending = nil
	p.lost = p.hub.task(func(ctx context.Context) {
		for try := 0; p.hub.has(p) && p.owner.Lost(ctx, why) != nil && pause(ctx, try, p.again); try++ {
		}
	})
}

// pause waits before the next try: 50 ms, doubling to 2 s, of which a random
// half is left out, or less if something comes from cut. It reports false when
// ctx has ended.
func pause(ctx context.Context, try int, cut <-chan struct{}) bool {
	wait := min(50*time.Millisecond<<min(try, 10), 2*time.Second)
	wait -= rand.N(wait / 2)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-cut:
		return true
	case <-ctx.Done():
		return false
	}
}
