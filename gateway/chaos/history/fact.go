package history

import (
	"hash/maphash"
	"strings"
	"unique"
)

// Event is one event as a client saw it. The history keeps none of its slices.
type Event struct {
	Offset uint64
	At     int64  // the gateway's time, milliseconds since 1970
	Name   string // chat.message, member.joined, …
	From   string // the member; empty if it was the gateway itself
	Client string // with Ref: the request that made it
	Ref    uint64 // 0: no request did
	Data   []byte // JSON
}

// fact is an event that somebody saw.
type fact struct {
	position
	at     int64
	name   unique.Handle[string]
	from   unique.Handle[string]
	client unique.Handle[string]
	ref    uint64
	sum    uint64 // of data
	size   int    // of data
	data   []byte // only where the judge reads it
	seen   tick   // for the first time
}

// facts are the distinct events that were seen in a session. All who see the
// same event share one.
type facts struct {
	all   []fact
	index map[factKey]uint32
}

// factKey tells events apart that claim the same offset.
type factKey struct {
	position
	sum uint64 // of everything in the event
}

func newFacts() facts { return facts{index: make(map[factKey]uint32)} }

var seed = maphash.MakeSeed()

// sum tells data apart. That two of them have the same is left out of account:
// among a million it happens once in ten million runs.
func sum(data []byte) uint64 { return maphash.Bytes(seed, data) }

func (e *Event) key(epoch int) factKey {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, struct {
		at                 int64
		ref                uint64
		name, from, client string
	}{e.At, e.Ref, e.Name, e.From, e.Client})
	h.Write(e.Data)
	return factKey{position{epoch, e.Offset}, h.Sum64()}
}

// add returns the number of the event.
func (f *facts) add(epoch int, e *Event, keep bool, at tick) uint32 {
	key := e.key(epoch)
	if i, ok := f.index[key]; ok {
		return i
	}
	i := uint32(len(f.all))
	f.index[key] = i
	next := fact{position: key.position, at: e.At, name: unique.Make(e.Name), from: unique.Make(e.From),
		client: unique.Make(e.Client), ref: e.Ref, sum: sum(e.Data), size: len(e.Data), seen: at}
	if keep || isMemberEvent(e.Name) {
		next.data = append([]byte{}, e.Data...)
	}
	f.all = append(f.all, next)
	return i
}

func isMemberEvent(name string) bool { return strings.HasPrefix(name, "member.") }

func isDocumentEvent(name string) bool { return strings.HasPrefix(name, "document.") }
