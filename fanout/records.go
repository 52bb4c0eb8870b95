package fanout

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Event is one event as a frame carries it. Offset is 0 if it is ephemeral; of
// ephemeral events with the same Key only the latest in a frame is kept. The
// slices are immutable.
type Event struct {
	Offset uint64
	Key    []byte
	Body   []byte
}

// Records are stored and published as they were encoded: a kind byte, then
// length-prefixed fields.
const (
	recordEvent     = 'e' // body
	recordEphemeral = 'm' // key, body
	recordNote      = 'n' // body
)

// AppendEvent appends a durable event.
func AppendEvent(dst, body []byte) []byte {
	return appendField(append(dst, recordEvent), body)
}

// AppendEphemeral appends an event for the moment. With a key it replaces an
// earlier one with the same key in the same frame.
func AppendEphemeral(dst []byte, key string, body []byte) []byte {
	dst = binary.AppendUvarint(append(dst, recordEphemeral), uint64(len(key)))
	return appendField(append(dst, key...), body)
}

// AppendNote appends a note for the owners of the session's pools. Notes are
// not kept: one that is lost on the way is not repaired.
func AppendNote(dst, note []byte) []byte {
	return appendField(append(dst, recordNote), note)
}

func appendField(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// ErrRecords tells that bytes are not what the Append functions made, or do not
// hold what they are said to hold.
var ErrRecords = errors.New("malformed records")

// record is one decoded record; its slices point into the encoded bytes.
type record struct {
	kind      byte
	key, body []byte
}

// next splits the first record off b.
func next(b []byte) (r record, rest []byte, err error) {
	r.kind, b = b[0], b[1:]
	if r.kind == recordEphemeral {
		if r.key, b, err = field(b); err != nil {
			return r, nil, err
		}
	}
	if r.kind != recordEvent && r.kind != recordEphemeral && r.kind != recordNote {
		return r, nil, ErrRecords
	}
	r.body, rest, err = field(b)
	return r, rest, err
}

func field(b []byte) (f, rest []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, ErrRecords
	}
	return b[k : k+int(n) : k+int(n)], b[k+int(n):], nil
}

// DurableEvents decodes the durable events among records, the first of which
// has the offset first, and appends them to dst. Logs use it to answer reads.
func DurableEvents(dst []Event, first uint64, records []byte) ([]Event, error) {
	for len(records) > 0 {
		r, rest, err := next(records)
		if err != nil {
			return dst, err
		}
		if records = rest; r.kind == recordEvent {
			dst = append(dst, Event{Offset: first, Body: r.body})
			first++
		}
	}
	return dst, nil
}

// check tells whether the change holds what it says. In a log, a record too few
// would be a hole that nothing fills.
func (c *Change) check() error {
	durable, other, err := count(c.Records)
	if err != nil {
		return fmt.Errorf("%w in Change.Records: only AppendEvent makes them", err)
	}
	if durable != c.Events || other > 0 {
		return fmt.Errorf("%w: Change.Records has %d durable events and %d other records, but Change.Events is %d",
			ErrRecords, durable, other, c.Events)
	}
	durable, _, err = count(c.Passing)
	if err != nil {
		return fmt.Errorf("%w in Change.Passing: only AppendEphemeral and AppendNote make them", err)
	}
	if durable > 0 {
		return fmt.Errorf("%w: Change.Passing has %d durable events, which belong in Change.Records", ErrRecords, durable)
	}
	return nil
}

// count counts records: durable events, and all else.
func count(records []byte) (durable, other int, err error) {
	for len(records) > 0 {
		r, rest, err := next(records)
		if err != nil {
			return durable, other, err
		}
		if records = rest; r.kind == recordEvent {
			durable++
		} else {
			other++
		}
	}
	return durable, other, nil
}
