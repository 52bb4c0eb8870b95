package wire

import (
	"encoding/json"
	"strconv"
)

// encode marshals one of this package's own messages. They hold nothing that
// can fail, except a RawMessage that a kind made; that is the kind's mistake.
func encode(m any) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic("wire: " + err.Error())
	}
	return b
}

// Encode returns the message as JSON.
func (m *Welcome) Encode() []byte {
	m.Type, m.Protocol = TypeWelcome, Protocol
	return encode(m)
}

// Encode returns the message as JSON.
func (m *StateMessage) Encode() []byte {
	m.Type = TypeState
	return encode(m)
}

// Encode returns the message as JSON.
func (m *Private) Encode() []byte {
	m.Type = TypePrivate
	return encode(m)
}

// Encode returns the message as JSON.
func (m *Drain) Encode() []byte {
	m.Type = TypeDrain
	return encode(m)
}

// AppendAck appends an ack.
func AppendAck(dst []byte, ref, offset uint64) []byte {
	dst = append(dst, `{"type":"ack","ref":`...)
	dst = strconv.AppendUint(dst, ref, 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendUint(dst, offset, 10)
	return append(dst, '}')
}

// AppendHeartbeat appends the server's heartbeat; at is in milliseconds since 1970.
func AppendHeartbeat(dst []byte, at int64) []byte {
	dst = append(dst, `{"type":"heartbeat","at":`...)
	dst = strconv.AppendInt(dst, at, 10)
	return append(dst, '}')
}

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return append(dst, encode(s)...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// EventBody is an event before it has its offset, see [AppendEventBody].
type EventBody struct {
	At     int64  // milliseconds since 1970
	Event  []byte // checked: see [ValidEvent]
	From   string // a member's id; empty if the gateway itself speaks
	Client string // with Ref the request that made it; both empty if there is none
	Ref    uint64
	Data   []byte // JSON
}

// AppendEventBody appends an event as it is stored and published: the JSON
// object without its opening brace and without its offset, which
// [AppendFrame] puts before it.
func AppendEventBody(dst []byte, e *EventBody) []byte {
	dst = append(dst, `"at":`...)
	dst = strconv.AppendInt(dst, e.At, 10)
	dst = append(dst, `,"event":"`...)
	dst = append(dst, e.Event...)
	dst = append(dst, '"')
	if e.From != "" {
		dst = append(dst, `,"from":`...)
		dst = AppendString(dst, e.From)
	}
	if e.Ref != 0 {
		dst = append(dst, `,"ref":`...)
		dst = AppendString(dst, e.Client)
		dst = append(dst[:len(dst)-1], ':')
		dst = strconv.AppendUint(dst, e.Ref, 10)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"data":`...)
	dst = append(dst, e.Data...)
	return append(dst, '}')
}

const (
	frameHead = `{"type":"frame","events":`
	frameTail = `}`
	eventHead = `{"offset":`
)

// FrameSize is the length of what [AppendFrame] appends for the same n events.
func FrameSize(n int, event func(i int) (offset uint64, body []byte)) int {
	size := len(frameHead) + len("[]") + len(frameTail) + max(0, n-1)
	for i := range n {
		offset, body := event(i)
		size += 1 + len(body)
		if offset != 0 {
			size += len(eventHead) + digits(offset)
		}
	}
	return size
}

// AppendFrame appends a frame of n events, of which event gives the i-th: its
// offset, 0 if it is ephemeral, and its body from [AppendEventBody].
func AppendFrame(dst []byte, n int, event func(i int) (offset uint64, body []byte)) []byte {
	dst = append(dst, frameHead...)
	dst = AppendEvents(dst, n, event)
	return append(dst, frameTail...)
}

// AppendEvents appends a JSON array of n events, as [AppendFrame] takes them.
func AppendEvents(dst []byte, n int, event func(i int) (offset uint64, body []byte)) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		offset, body := event(i)
		if offset == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, eventHead...)
			dst = strconv.AppendUint(dst, offset, 10)
			dst = append(dst, ',')
		}
		dst = append(dst, body...)
	}
	return append(dst, ']')
}

func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}
