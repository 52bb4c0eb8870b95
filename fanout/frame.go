package fanout

// Codec turns events into the bytes that go to subscribers. Its methods may be
// called concurrently; what they return is shared and must not change.
type Codec interface {
	// Encode makes a frame of at least one event.
	Encode(events []Event) []byte
	// Compress makes the compressed form of an encoded frame.
	Compress(frame []byte) ([]byte, error)
}

// Frame is the events of one moment, encoded once for everybody. It is valid
// during Deliver; the bytes it returns stay valid and never change.
type Frame struct {
	Events int
	Last   uint64 // the offset of the last durable event; 0 if there is none

	plain  []byte
	packed []byte
	tried  bool
	hub    *Hub
}

func (h *Hub) newFrame(events []Event) *Frame {
	f := &Frame{Events: len(events), Last: lastOffset(events), hub: h, plain: h.codec.Encode(events)}
	h.Stats.Frames.Add(1)
	h.Stats.FrameEvents.Add(int64(len(events)))
	h.Stats.FrameBytes.Add(int64(len(f.plain)))
	return f
}

// Plain returns the frame as it was encoded.
func (f *Frame) Plain() []byte { return f.plain }

// Compressed returns the frame compressed, or plain where that is not worth
// it: it is small, it would not become smaller, or compressing failed.
func (f *Frame) Compressed() []byte {
	if !f.tried && len(f.plain) > f.hub.options.CompressOver {
		f.tried = true
		packed, err := f.hub.codec.Compress(f.plain)
		f.hub.Stats.Compressions.Add(1)
		switch {
		case err != nil:
			f.hub.Stats.CompressFailures.Add(1)
		case len(packed) < len(f.plain):
			f.packed = packed
			f.hub.Stats.CompressSaved.Add(int64(len(f.plain) - len(packed)))
		}
	}
	if f.packed != nil {
		return f.packed
	}
	return f.plain
}

// keepLatest drops, among ephemeral events with the same key, all but the
// latest. The order of the others stays.
func keepLatest(events []Event) []Event {
	keyed := 0
	for i := range events {
		if len(events[i].Key) > 0 {
			keyed++
		}
	}
	if keyed < 2 {
		return events
	}
	latest := make(map[string]int, keyed)
	for i := range events {
		if len(events[i].Key) > 0 {
			latest[string(events[i].Key)] = i
		}
	}
	kept := events[:0]
	for i := range events {
		if len(events[i].Key) == 0 || latest[string(events[i].Key)] == i {
			kept = append(kept, events[i])
		}
	}
	clear(events[len(kept):]) // the slice is used again
	return kept
}
