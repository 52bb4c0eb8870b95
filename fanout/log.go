package fanout

import (
	"context"
	"errors"
)

// Log keeps, for each session, a stream of events, a state of named fields, and
// the highest request number of each client; and publishes what is appended.
// All methods may be called concurrently. Package logtest holds the contract.
type Log interface {
	// Append checks a and takes it whole, or not at all; see [Appended]. An
	// error means that the outcome is unknown, unless it wraps ErrUnavailable.
	Append(ctx context.Context, session string, a *Append) (Appended, error)
	// Read returns the state and what followed a position, as of one moment.
	Read(ctx context.Context, session string, q *Query) (View, error)
	// Heads returns the head of each session, the zero Head for one that does
	// not exist, and keeps the sessions from expiring.
	Heads(ctx context.Context, sessions []string) ([]Head, error)
	// Subscribe returns when everything that is appended to the session from
	// then on will be handed to the Receiver.
	Subscribe(ctx context.Context, session string) error
	// Unsubscribe ends it. It does not block.
	Unsubscribe(session string)
	// Listen names the Receiver; it is called once, before any Subscribe.
	Listen(r Receiver)
}

// Receiver takes what a log publishes. Its methods must not block. Batches of
// one session are handed over one after the other.
type Receiver interface {
	Deliver(session string, b Batch)
	// Resubscribed tells that the subscriptions were lost for a while and are
	// back: anything may have been missed.
	Resubscribed(sessions []string)
}

// ErrUnavailable tells that the log cannot be reached and nothing was done.
var ErrUnavailable = errors.New("the log is unavailable")

// Position is a place in a session's log. Offsets start at 1; offset 0 is
// before everything. The epoch changes when a log has lost its past.
type Position struct {
	Epoch  string
	Offset uint64
}

// Head is where a session stands. Rev counts the changes of its state.
type Head struct {
	Position
	Rev uint64
}

// Batch is what one append published. Records is immutable.
type Batch struct {
	Head           // after the append
	First   uint64 // the offset of the first durable event, if there is one
	Records []byte
}

// Item is one request of an append. The refs of a client take effect in rising
// order: one that is not above all that did is refused as a repeat, whether it
// took effect itself or not, see [Appended].
//
// An item with By and without Ref claims its client for a connection: items with
// refs of that client and another By are not taken from then on, and the answer
// says which were. So the connection knows of each request whether it took
// effect, whatever its predecessors had under way.
type Item struct {
	Client  string // scopes Ref
	By      string // the connection that asks, without spaces, = and @; empty: nobody's claim is heeded
	Ref     uint64 // below 2^53; 0 if repeats need not be recognised
	Events  int    // durable events in Records; 0: all of Records are not durable
	Records []byte // from [AppendEvent], or from [AppendEphemeral] and [AppendNote]
	Mark    string // kept with Ref, and told to whoever repeats it; no line breaks
}

// claims reports whether the item claims its client.
func (i *Item) claims() bool { return i.By != "" && i.Ref == 0 }

// Mark is what is kept with a ref that was taken before.
type Mark struct {
	Offset uint64 // of the item's last event
	Mark   string // empty: the item had none, and the offset is not known
}

// Append is one atomic change of a session.
type Append struct {
	Items []Item
	// If, when set, takes the append only if the state is still at this
	// revision of this epoch. Head{} means: only if there is no session.
	If *Head
	// At, when set, takes the append only if the log is at this position.
	At *Position
	// Set replaces fields of the state; an empty value deletes one.
	Set map[string][]byte
	// Known is the newest position that the caller has seen. A log that is
	// behind it in the same epoch has lost its past and gets a new epoch.
	Known Position
	// Create allows the append to make the session.
	Create bool
	// End deletes the session after the append. For as long as an unused session
	// is kept it is remembered that this epoch was ended.
	End bool
}

// Outcome is what became of an append.
type Outcome int

// The outcomes. All but Took mean that nothing was done.
const (
	Took     Outcome = iota
	Conflict         // the state is at another revision; it comes with the answer
	Repeated         // the refs of some items do not rise, or their clients are claimed; their indexes come with the answer
	Missing          // there is no such session
	Moved            // the log is at another position than At
)

func (o Outcome) String() string {
	return [...]string{"took", "conflict", "repeated", "missing", "moved"}[o]
}

// Appended is the answer to an append. Head is the session's, after it.
type Appended struct {
	Outcome Outcome
	Head
	First   uint64            // the offset of the first event appended
	Claims  []Taken           // for each item that claims its client: what took effect before it
	Repeats []int             // with Repeated: indexes of the items that cannot be taken
	Marks   []Mark            // with Repeated: one for each of Repeats
	Skipped []int             // with Repeated: those of Repeats that never took effect, because later refs did before them
	Claimed []int             // with Repeated: those of Repeats that did not take effect, because their client is claimed by another connection
	State   map[string]string // with Conflict
	Ended   string            // with Missing: the epoch of the session of this id that was ended last
}

// Query asks for a session as it stands.
type Query struct {
	Known   Head     // the state is left out if it is still this one
	History bool     // also the events after After
	After   uint64   //
	Limit   int      // at most so many of them; 0 is all
	Bytes   int      // about so many bytes of them: they stop where it is passed; 0 is no limit
	Clients []string // also which refs of each of these took effect
	NoState bool     // leave the state out
}

// View answers a Query.
type View struct {
	Exists bool
	Head
	State    map[string]string // nil if the state is the one that the query knows
	Events   []Event           // durable, in offset order
	Complete bool              // nothing is missing between After and the last of Events, or the head without More
	More     bool              // a limit was reached: there are events after Events
	Refs     []Taken           // one for each of Query.Clients
	Ended    string            // the epoch of the session of this id that was ended last
}
