package history

import (
	"sync"
	"time"
	"unique"
)

// Client is the record of one running client. Its methods may be called
// concurrently; what happens to a connection must be told in the order in which
// it happened.
type Client struct {
	session *Session
	name    string
	id      string

	mu       sync.Mutex // guards the following
	member   string
	epoch    int // of what it sees; -1 before the first position
	seen     []sight
	marks    []mark
	requests []request // in the order in which they were heard of
	byRef    map[uint64]int
	gone     bool
}

// sight is an event that a client saw.
type sight struct {
	fact uint32 // index in facts.all
	at   tick
}

// mark is what happened to a client between two events that it saw.
type mark struct {
	kind  markKind
	after int // so many events were seen before
	at    tick
	position
	acked   uint64 // of a welcome
	resumed bool   // of a welcome
	snap    int    // of a snapshot: index in Session.snaps
	text    string
}

type markKind uint8

const (
	markBegin    markKind = iota // a client that knows a position from an earlier run
	markWelcome                  // a connection was let in
	markSnapshot                 // everything known was replaced
	markLost                     // a connection was lost
	markFault                    // the client says that the gateway did wrong
	markGone                     // the client ended on purpose
)

// request is something that a client asked for.
type request struct {
	ref     uint64
	asked   bool // Sent was told
	any     bool // the event's data need not be what was sent
	name    unique.Handle[string]
	sum     uint64 // of the event's data
	sent    tick
	outcome Outcome
	offset  uint64 // with Acked, if it is known
	settled tick
}

// Outcome is what a client was told of a request.
type Outcome uint8

// The outcomes.
const (
	Waiting Outcome = iota // nothing yet
	Acked                  // it took effect
	Refused                // it did not, and never will
	Unknown                // nobody knows, and nobody will ask again
)

func (o Outcome) String() string {
	return [...]string{"waiting", "acknowledged", "refused", "unknown"}[o]
}

// Sent tells of a request, and of the event that it shall lead to. Its data is
// nil if it cannot be foretold. At is [History.Now] from before the client got
// to know of it. The outcome may be told before this.
func (c *Client) Sent(at time.Duration, ref uint64, event string, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requestLocked(ref)
	r.asked, r.sent, r.name = true, tick(at/tickLength), unique.Make(event)
	r.any, r.sum = data == nil, sum(data)
}

// Settled tells the outcome of a request. The offset is that of its event, or a
// later one; 0 if it is not known.
func (c *Client) Settled(ref uint64, outcome Outcome, offset uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requestLocked(ref)
	r.outcome, r.offset, r.settled = outcome, offset, c.session.history.now()
}

func (c *Client) requestLocked(ref uint64) *request {
	i, ok := c.byRef[ref]
	if !ok {
		i = len(c.requests)
		c.byRef[ref] = i
		c.requests = append(c.requests, request{ref: ref})
	}
	return &c.requests[i]
}

// Begin tells that the client starts out from a position that an earlier run
// of the same member had reached.
func (c *Client) Begin(epoch string, offset uint64) {
	at := position{c.session.epochOf(epoch), offset}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = at.epoch
	c.markLocked(mark{kind: markBegin, position: at})
}

// Welcome is what the gateway said when it let a connection in.
type Welcome struct {
	Replica string
	Member  string
	Epoch   string
	Offset  uint64
	Acked   uint64
	Resumed bool
}

// Welcomed tells of a new connection. A snapshot that came with it is told by
// [Client.Replaced], unless the client was past it already.
func (c *Client) Welcomed(w Welcome) {
	at := position{c.session.epochOf(w.Epoch), w.Offset}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.member = w.Member
	c.markLocked(mark{kind: markWelcome, position: at, acked: w.Acked, resumed: w.Resumed, text: w.Replica})
}

// Snapshot is the truth at an offset, as the gateway told it.
type Snapshot struct {
	Epoch   string
	Offset  uint64
	Reason  string // snapshot, lagged, reset
	Members []byte // JSON: [{"member":…,"name":…,"status":…}]
	State   []byte // JSON
}

// Replaced tells that everything the client knew was replaced. The slices are
// not kept.
func (c *Client) Replaced(s Snapshot) {
	at, snap := c.session.addSnapshot(&s, c.session.history.now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = at.epoch
	c.markLocked(mark{kind: markSnapshot, position: at, snap: snap, text: s.Reason})
}

// Saw tells of durable events, in the order in which they came.
func (c *Client) Saw(events ...Event) {
	now := c.session.history.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	epoch := max(c.epoch, 0)
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	keep := c.session.expected.Document != nil
	for i := range events {
		c.seen = append(c.seen, sight{c.session.facts.add(epoch, &events[i], keep && isDocumentEvent(events[i].Name), now), now})
	}
}

// Lost tells that a connection was lost, or that an attempt failed.
func (c *Client) Lost(why string) { c.mark(mark{kind: markLost, text: why}) }

// Fault tells that the client found the gateway to have done wrong, which is a
// contradiction by itself.
func (c *Client) Fault(what string) { c.mark(mark{kind: markFault, text: what}) }

// Gone tells that the client has ended on purpose: nothing more will be seen.
func (c *Client) Gone(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.markLocked(mark{kind: markGone, text: why})
}

func (c *Client) mark(m mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked(m)
}

func (c *Client) markLocked(m mark) {
	m.after, m.at = len(c.seen), c.session.history.now()
	c.marks = append(c.marks, m)
}
