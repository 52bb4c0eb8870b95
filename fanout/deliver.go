package fanout

import "time"

// pump sends what is pending: at once if the session has frame budget, else at
// the wheel's turn.
func (p *Pool) pump() {
	if p.mayFlush(time.Now()) {
		p.flush()
	}
}

func (p *Pool) mayFlush(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayFlushLocked(now)
}

func (p *Pool) mayFlushLocked(now time.Time) bool {
	if len(p.pending) == 0 || p.waiting {
		return false
	}
	if len(p.links) == 0 {
		p.framed, p.pending, p.timing.waiting = p.head.Offset, nil, sample{}
		return false
	}
	o := &p.hub.options
	if p.budget.take(now, o.FrameInterval, o.FrameBurst) {
		return true
	}
	p.waiting = true
	p.hub.wheel.add(p.budget.next(o.FrameInterval, o.FrameBurst), p, turnFrame)
	return false
}

// frameDue is the wheel's turn.
func (p *Pool) frameDue() {
	p.mu.Lock()
	p.waiting = false
	p.mu.Unlock()
	p.pump()
}

// busy reports whether more than one frame left within the last interval or so.
func (p *Pool) busy(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.budget.due.Add(-p.hub.options.FrameInterval))
}

// slack is how long the append of a busy session may wait for company: till the
// next beat, and a beat more when its frame has to wait for budget anyway.
func (p *Pool) slack(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &p.hub.options
	if now.Before(p.budget.next(o.FrameInterval, o.FrameBurst)) {
		return beat
	}
	return 1
}

// flush delivers all that is pending to everybody: as one frame, or as several
// when it is very much.
func (p *Pool) flush() {
	p.out.Lock()
	defer p.out.Unlock()
	events := p.cut()
	for rest := events; len(rest) > 0 && len(p.scratch) > 0; {
		n := fitting(rest)
		p.deliver(rest[:n])
		rest = rest[n:]
	}
	if len(events) > 0 && len(p.scratch) > 0 {
		p.wrote(time.Now(), lastOffset(events))
	}
	clear(p.scratch)
	clear(events)
	p.giveBack(events)
}

// maxFrame bounds the bytes of a frame, so that what waits for a subscriber is
// bounded too, and no client has to take more at once than it can. One event
// may be larger.
const maxFrame = 1 << 20

// fitting is how many of the events go into one frame.
func fitting(events []Event) int {
	for i, size := 0, 0; i < len(events); i++ {
		if size += len(events[i].Body); size > maxFrame && i > 0 {
			return i
		}
	}
	return len(events)
}

// deliver hands a frame of the events to everybody in scratch.
func (p *Pool) deliver(events []Event) {
	frame := p.hub.newFrame(events)
	first := firstOffset(events)
	for _, l := range p.scratch {
		if l.skip >= first && first != 0 {
			p.deliverBehind(l, events)
			continue
		}
		l.to.Deliver(frame)
	}
	p.hub.Stats.Deliveries.Add(int64(len(p.scratch)))
	p.hub.Stats.EventDeliveries.Add(int64(len(p.scratch)) * int64(len(events)))
}

// cut takes what is pending, and notes in scratch who is to get it.
func (p *Pool) cut() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.pending
	p.pending, p.spare = p.spare[:0], nil
	p.framed = p.head.Offset
	p.scratch = append(p.scratch[:0], p.links...)
	p.timing.leaving = len(events) > 0 && len(p.links) > 0
	return keepLatest(events)
}

// giveBack keeps the slice of a frame for the next but one, unless it is large.
func (p *Pool) giveBack(events []Event) {
	if cap(events) > 256 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = events[:0]
}

// deliverBehind delivers the events after those that the subscriber had when it
// was attached. It happens only until the pool has come as far as that.
func (p *Pool) deliverBehind(l *Link, events []Event) {
	rest := len(events)
	for rest > 0 && (events[rest-1].Offset == 0 || events[rest-1].Offset > l.skip) {
		rest--
	}
	if rest < len(events) {
		l.to.Deliver(p.hub.newFrame(events[rest:]))
	}
}

func lastOffset(events []Event) uint64 {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Offset != 0 {
			return events[i].Offset
		}
	}
	return 0
}

func firstOffset(events []Event) uint64 {
	for i := range events {
		if events[i].Offset != 0 {
			return events[i].Offset
		}
	}
	return 0
}
