package fanout

// recent keeps the newest durable events of a pool, without a hole, up to a
// number of bytes. Its events are in offset order.
type recent struct {
	limit  int
	bytes  int
	events []Event
	start  int // events before it were let go
}

// eventCost is what an Event costs beside its body.
const eventCost = 64

func (r *recent) add(e Event) {
	r.events = append(r.events, e)
	r.bytes += len(e.Body) + eventCost
	for r.bytes > r.limit && r.start < len(r.events)-1 {
		r.bytes -= len(r.events[r.start].Body) + eventCost
		r.events[r.start] = Event{}
		r.start++
	}
	if r.start > len(r.events)/2 && r.start > 16 {
		n := copy(r.events, r.events[r.start:])
		clear(r.events[n:])
		r.events, r.start = r.events[:n], 0
	}
}

// between returns the events after from and up to to. It reports false if it
// does not have all of them.
func (r *recent) between(from, to uint64) ([]Event, bool) {
	if from >= to {
		return nil, true
	}
	kept := r.events[r.start:]
	if len(kept) == 0 || kept[0].Offset > from+1 {
		return nil, false
	}
	first := int(from + 1 - kept[0].Offset)
	last := int(to + 1 - kept[0].Offset)
	if last > len(kept) {
		return nil, false
	}
	return kept[first:last:last], true
}

func (r *recent) clear() {
	r.events, r.start, r.bytes = nil, 0, 0
}
