package fanout

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Subscriber takes the frames of one session.
type Subscriber interface {
	// Deliver hands over the next frame. It must not block and must not call
	// the pool. A frame that was on its way at Detach may still come after it.
	Deliver(f *Frame)
}

// Pool is the local end of one session: its subscription, its subscribers, its
// recent events, and its desk. Its methods may be called concurrently.
//
// A pool applies batches strictly in offset order. What is between framed and
// head was applied and waits for its frame.
type Pool struct {
	hub     *Hub
	session string
	owner   Owner
	desk    *desk

	ready  chan struct{} // closed when the subscription stands, or failed is set
	failed error

	// Guarded by Hub.mu.
	users  int
	linger *time.Timer

	// out is held while frames are cut and delivered, so that every subscriber
	// gets them in one order. It is taken before mu.
	out     sync.Mutex
	scratch []*Link

	mu          sync.Mutex // guards the following
	started     bool       // head is known
	head        Head
	past        []string // epochs that are over: batches of theirs may still be on the way
	heard       Position // the newest of the log that this pool has heard of
	framed      uint64
	pending     []Event
	spare       []Event // the slice that pending had before
	recent      recent
	parked      []Batch
	parkedBytes int
	repairing   bool
	lost        bool
	again       chan struct{} // of capacity 1: ends the pause before the owner is told of the loss again
	quiet       bool          // no batch came since the last sweep
	missed      uint64        // how often a revision was found that no batch had told of
	waiting     bool          // the wheel has a turn for the next frame
	budget      budget
	timing      timing
	links       []*Link
}

// Link ties a subscriber to its pool.
type Link struct {
	to    Subscriber
	index int    // in Pool.links, -1 when detached; guarded by Pool.mu
	skip  uint64 // events up to here are known to the subscriber; guarded by Pool.out
}

// Errors of Attach. After all of them a read of the state, or of the events
// since, and another Attach will do.
var (
	ErrEpoch  = errors.New("the position is of another epoch")
	ErrBehind = errors.New("the position is older than what the pool keeps")
	ErrLost   = errors.New("the pool is being brought up to date")
)

func newPool(h *Hub, session string) *Pool {
	p := &Pool{hub: h, session: session, ready: make(chan struct{}), again: make(chan struct{}, 1)}
	p.recent.limit = h.options.Recent
	p.desk = &desk{pool: p}
	p.owner = h.owner(p)
	if p.desk.state = p.owner.State(); p.desk.state == nil {
		panic("fanout: Owner.State returned nil")
	}
	return p
}

// Session returns the session's id.
func (p *Pool) Session() string { return p.session }

// Owner returns what the program keeps beside the pool.
func (p *Pool) Owner() Owner { return p.owner }

// Head returns the position up to which events have been applied, and the
// newest revision heard of. The epoch is empty as long as it is not known.
func (p *Pool) Head() Head {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.head
}

// Missed counts how often a revision was found that no batch had told of: what was
// published with it, notes too, got lost on the way here.
func (p *Pool) Missed() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missed
}

// foundLocked takes a revision that was read.
func (p *Pool) foundLocked(rev uint64) {
	if rev > p.head.Rev {
		p.head.Rev = rev
		p.missed++
	}
}

func (p *Pool) subscribe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.hub.options.Wait)
	defer cancel()
	p.failed = p.hub.log.Subscribe(ctx, p.session)
	if p.failed != nil {
		p.hub.forget(p)
	} else {
		p.hub.Stats.Subscriptions.Add(1)
	}
	close(p.ready)
}

// Close ends one use of the pool. With the last one it ends itself after a while.
func (p *Pool) Close() {
	h := p.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.users--; p.users > 0 || h.stopped || h.pools[p.session] != p {
		return
	}
	p.linger = time.AfterFunc(h.options.Linger, func() { h.expire(p) })
}

func (h *Hub) expire(p *Pool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.users > 0 || h.stopped || h.pools[p.session] != p {
		return
	}
	select {
	case <-p.ready:
	default: // the end of that Subscribe would end the subscription of the next pool
		p.linger.Reset(h.options.Linger)
		return
	}
	delete(h.pools, p.session)
	h.log.Unsubscribe(p.session) // under the lock, so that it comes before a new pool's Subscribe
}

func (h *Hub) forget(p *Pool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pools[p.session] == p {
		delete(h.pools, p.session)
		h.log.Unsubscribe(p.session)
	}
}

// Attach adds a subscriber exactly behind a position: the first frame that it
// gets starts with the event after from. The caller may bring the events that
// follow from, as it read them from the log; what the pool has beyond them is
// added. They are delivered before Attach returns. first, if not nil, is called
// when it is certain that there is no error, before any frame; it must not block.
// A pool knows no position before something was read or heard of its session:
// [Pool.Look] tells one to attach at. Attach panics if to is nil.
func (p *Pool) Attach(to Subscriber, from Position, read []Event, first func()) (*Link, error) {
	if to == nil {
		panic("fanout: Attach needs a subscriber")
	}
	p.out.Lock()
	defer p.out.Unlock()
	link, missed, err := p.attach(to, from, read)
	if err == nil && first != nil {
		first()
	}
	if err == nil {
		p.Replay(to, missed)
	}
	return link, err
}

// Replay delivers events that were read from the log to one subscriber, be it
// attached or not. It keeps no order with frames of the pool.
func (p *Pool) Replay(to Subscriber, events []Event) {
	for len(events) > 0 {
		n := fitting(events)
		p.hub.Stats.Deliveries.Add(1)
		p.hub.Stats.EventDeliveries.Add(int64(n))
		to.Deliver(p.hub.newFrame(events[:n]))
		events = events[n:]
	}
}

func (p *Pool) attach(to Subscriber, from Position, read []Event) (*Link, []Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.started || p.lost:
		return nil, nil, ErrLost
	case from.Epoch != p.head.Epoch:
		return nil, nil, ErrEpoch
	}
	stand := from.Offset
	if len(read) > 0 {
		stand = read[len(read)-1].Offset
	}
	missed := read
	if stand < p.framed {
		newer, ok := p.recent.between(stand, p.framed)
		if !ok {
			return nil, nil, ErrBehind
		}
		missed = append(missed[:len(missed):len(missed)], newer...)
		stand = p.framed
	}
	link := &Link{to: to, index: len(p.links), skip: stand}
	p.links = append(p.links, link)
	return link, missed, nil
}

// Detach removes a subscriber. It may be called more than once.
func (p *Pool) Detach(link *Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if link.index < 0 {
		return
	}
	last := len(p.links) - 1
	moved := p.links[last]
	p.links[link.index], moved.index = moved, link.index
	p.links[last] = nil
	p.links = p.links[:last]
	link.index = -1
}

// Flush sends what is pending without waiting for frame budget.
func (p *Pool) Flush() { p.flush() }

// Subscribers returns how many are attached.
func (p *Pool) Subscribers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Restart gives the pool a new position after a loss. For each subscriber it
// calls tell, which must not block, and must hand over the state at that
// position; frames go on from there.
func (p *Pool) Restart(at Head, tell func(to Subscriber)) {
	p.note(p.tellAll(at, tell))
	p.pump()
}

func (p *Pool) tellAll(at Head, tell func(to Subscriber)) (notes [][]byte) {
	p.out.Lock()
	defer p.out.Unlock()
	notes = p.restart(at)
	for _, l := range p.scratch {
		l.skip = at.Offset
		tell(l.to)
	}
	clear(p.scratch)
	return notes
}

// restart sets the position, applies what came after it, and notes in scratch
// who is to be told.
func (p *Pool) restart(at Head) (notes [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started && at.Epoch != p.head.Epoch {
		p.past = append(p.past[max(0, len(p.past)-3):], p.head.Epoch)
	}
	p.started, p.lost = true, false
	p.head, p.framed = at, at.Offset
	p.pending, p.timing = nil, timing{}
	p.recent.clear()
	p.scratch = append(p.scratch[:0], p.links...)
	return p.unparkLocked(nil)
}
