package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// told is one message of a gateway, of whichever type, as encoding/json reads
// it: the tests do not believe the codec that they test.
type told struct {
	Type     string `json:"type"`
	Protocol string `json:"protocol"`
	Replica  string `json:"replica"`
	Session  struct {
		ID, Kind, Epoch string
		Offset          uint64
	} `json:"session"`
	You struct {
		Member, Seat, Client string
	} `json:"you"`
	Acked   uint64          `json:"acked"`
	Resumed bool            `json:"resumed"`
	Members []wire.Member   `json:"members"`
	State   json.RawMessage `json:"state"`
	Events  []wire.Event    `json:"events"`
	Ref     uint64          `json:"ref"`
	Offset  uint64          `json:"offset"`
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Retry   bool            `json:"retry"`
	After   int64           `json:"after"` // milliseconds
	Reason  string          `json:"reason"`
	At      int64           `json:"at"`
}

func (m *told) position() wire.Position {
	return wire.Position{Epoch: m.Session.Epoch, Offset: m.Session.Offset}
}

// ledger holds what one connection was told against the promise: behind the
// welcome, or a state in its place, every event, in order, once.
type ledger struct {
	welcome *told
	at      wire.Position
	events  []wire.Event // durable
	states  []*told
	fault   error // the first breach of the promise
}

func (l *ledger) note(m *told) {
	switch m.Type {
	case "welcome":
		if l.welcome != nil {
			l.breach("a second welcome")
		}
		l.welcome, l.at = m, m.position()
	case "state":
		l.at = m.position()
		l.states = append(l.states, m)
	case "frame":
		if l.welcome == nil {
			l.breach("a frame before the welcome")
		}
		if len(m.Events) == 0 {
			l.breach("a frame without events")
		}
		for _, e := range m.Events {
			l.event(e)
		}
	}
}

func (l *ledger) event(e wire.Event) {
	if e.Offset == 0 {
		return // ephemeral
	}
	if e.Offset != l.at.Offset+1 {
		l.breach("event %d behind %d", e.Offset, l.at.Offset)
	}
	l.at.Offset = e.Offset
	l.events = append(l.events, e)
}

func (l *ledger) breach(format string, args ...any) {
	if l.fault == nil {
		l.fault = fmt.Errorf(format, args...)
	}
}

// Opcodes of WebSocket frames (RFC 6455, section 5.2).
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
	opPong     = 10

	fin = 0x80
)

// packet is one WebSocket frame that a gateway sent.
type packet struct {
	fin     bool
	op      byte
	payload []byte
}

// cut takes the first frame off b, which a server sends unmasked. The length is
// 0 while b does not hold all of it.
func cut(b []byte) (p packet, length int, err error) {
	if len(b) < 2 {
		return p, 0, nil
	}
	p.fin, p.op = b[0]&fin != 0, b[0]&0x0f
	if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
		return p, 0, fmt.Errorf("a server's frame begins with %x", b[:2])
	}
	size, header := uint64(b[1]), 2
	switch {
	case size == 126 && len(b) >= 4:
		size, header = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case size == 127 && len(b) >= 10:
		size, header = binary.BigEndian.Uint64(b[2:]), 10
	case size >= 126:
		return p, 0, nil
	}
	if uint64(len(b)-header) < size {
		return p, 0, nil
	}
	length = header + int(size)
	p.payload = b[header:length]
	return p, length, nil
}

// read decodes a data frame: a whole message, as text or as a gzip stream.
func (p packet) read() (*told, error) {
	text := p.payload
	if p.op == opBinary {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err == nil {
			text, err = io.ReadAll(z)
		}
		if err != nil {
			return nil, fmt.Errorf("a binary message: %w", err)
		}
	}
	m := new(told)
	if err := json.Unmarshal(text, m); err != nil || !p.fin || m.Type == "" {
		return nil, fmt.Errorf("no message in one frame: %q: %v", text, err)
	}
	return m, nil
}
