package integration

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// peer is a client made of bytes on a socket, so that it can do what a library
// would refuse to do. One goroutine uses it at a time. Its methods return
// errors and do not fail tests, so that any goroutine may call them.
type peer struct {
	net.Conn
	pending []byte    // read, and not cut into frames yet
	late    time.Time // when reading gives up
	ledger  ledger
}

// ended tells how a connection ended: with a close frame, or without one (0).
type ended struct {
	code   wire.CloseCode
	reason string
	cause  error
}

func (e *ended) Error() string {
	if e.code == 0 {
		return fmt.Sprintf("ended without a close frame: %v", e.cause)
	}
	return fmt.Sprintf("closed with %d %q", e.code, e.reason)
}

// openPeer opens a TCP connection, which ends with the test at the latest.
func openPeer(t testing.TB, addr string) (*peer, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{Conn: conn}, nil
}

// dialPeer opens a WebSocket.
func dialPeer(t testing.TB, addr, session string) (*peer, error) {
	p, err := openPeer(t, addr)
	if err == nil {
		err = p.put(handshake(addr, session))
	}
	if err == nil {
		err = p.accepted()
	}
	return p, err
}

// joinPeer joins a session, and returns when the welcome or a refusal is there.
func joinPeer(t testing.TB, addr, session string, j joinMessage) (*peer, *told, error) {
	p, err := dialPeer(t, addr, session)
	if err != nil {
		return p, nil, err
	}
	if err := p.send(j.encode()); err != nil {
		return p, nil, err
	}
	m, err := p.await("welcome")
	return p, m, err
}

// handshake is a client's (RFC 6455, section 4.1). More header lines may follow.
func handshake(addr, session string, headers ...string) []byte {
	lines := append([]string{"GET /api/websocket?session=" + session + " HTTP/1.1", "Host: " + addr,
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, headers...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// answerToSample is what RFC 6455, section 1.3, has a server make of that key.
const answerToSample = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// accepted reads the answer to a handshake.
func (p *peer) accepted() error {
	head, err := p.head()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, answerToSample) {
		return fmt.Errorf("the handshake was answered with %q", head)
	}
	return nil
}

// head reads the head of an HTTP answer.
func (p *peer) head() (string, error) {
	p.late = time.Now().Add(patience)
	for {
		if end := bytes.Index(p.pending, []byte("\r\n\r\n")); end >= 0 {
			head := string(p.pending[:end])
			p.pending = p.pending[end+4:]
			return head, nil
		}
		if err := p.fill(); err != nil {
			return "", err
		}
	}
}

// fill reads more, until p.late.
func (p *peer) fill() error {
	p.SetReadDeadline(p.late)
	var b [16 << 10]byte
	n, err := p.Read(b[:])
	p.pending = append(p.pending, b[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// put writes bytes.
func (p *peer) put(b []byte) error {
	p.SetWriteDeadline(time.Now().Add(patience))
	_, err := p.Write(b)
	return err
}

// send sends a message as it should be sent.
func (p *peer) send(message []byte) error { return p.put(masked(fin|opText, message)) }

// masked is a client's frame (RFC 6455, section 5.2). first holds the FIN and
// reserved bits and the opcode.
func masked(first byte, payload []byte) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d} // of RFC 6455, section 5.7: nothing here has to be unpredictable
	b := append(frameHead(first, 0x80, len(payload)), key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return b
}

// frameHead is the beginning of a frame, up to the length.
func frameHead(first, mask byte, size int) []byte {
	switch {
	case size < 126:
		return []byte{first, mask | byte(size)}
	case size < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, mask | 126}, uint16(size))
	}
	return binary.BigEndian.AppendUint64([]byte{first, mask | 127}, uint64(size))
}

// packet returns the next frame, until p.late.
func (p *peer) packet() (packet, error) {
	for {
		got, n, err := cut(p.pending)
		if err != nil {
			return got, err
		}
		if n > 0 {
			p.pending = p.pending[n:]
			return got, nil
		}
		if err := p.fill(); err != nil {
			return got, &ended{cause: err}
		}
	}
}

// next returns the next message, answers pings and heartbeats, and keeps the
// ledger. The close frame is answered too, and returned as an *ended.
func (p *peer) next() (*told, error) {
	p.late = time.Now().Add(patience)
	return p.message()
}

// message is next, until p.late.
func (p *peer) message() (*told, error) {
	for {
		got, err := p.packet()
		if err != nil {
			return nil, err
		}
		switch got.op {
		case opPing:
			err = p.put(masked(fin|opPong, got.payload))
		case opPong:
		case opClose:
			return nil, p.closed(got.payload)
		default:
			m, err := got.read()
			if err != nil {
				return nil, err
			}
			if m.Type == "heartbeat" {
				_ = p.send([]byte(fmt.Sprintf(`{"type":"heartbeat","at":%d}`, m.At))) // it may be closed by now
				continue
			}
			p.ledger.note(m)
			return m, p.ledger.fault
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *peer) closed(payload []byte) error {
	e := &ended{cause: errors.New("an empty close frame")}
	if len(payload) >= 2 {
		e.code, e.reason = wire.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
	_ = p.put(masked(fin|opClose, payload[:min(2, len(payload))])) // the gateway may not have waited
	return e
}

// await reads until a message of a type comes, and skips what the others do. An
// error message is returned as an error of its own, unless it is awaited.
func (p *peer) await(typ string) (*told, error) {
	p.late = time.Now().Add(patience)
	for {
		m, err := p.message()
		switch {
		case err != nil:
			return nil, fmt.Errorf("waiting for %s: %w", typ, err)
		case m.Type == typ:
			return m, nil
		case m.Type == "error":
			return nil, &refused{m, p.end()}
		}
	}
}

// refused is an error message, and the end of the connection behind it; nil if
// the connection goes on.
type refused struct {
	*told
	end *ended
}

func (r *refused) Error() string { return fmt.Sprintf("%s: %s (%v)", r.Code, r.Message, r.end) }

// end returns how the connection ends, if the gateway ends it now.
func (p *peer) end() *ended {
	p.late = time.Now().Add(patience)
	for {
		if _, err := p.message(); err != nil {
			e := new(ended)
			if !errors.As(err, &e) {
				e.cause = err
			}
			return e
		}
	}
}

// joinMessage is a join.
type joinMessage struct {
	Type   string         `json:"type"`
	Client string         `json:"client"`
	Name   string         `json:"name,omitempty"`
	Seat   string         `json:"seat,omitempty"`
	Since  *wire.Position `json:"since,omitempty"`
	Accept []string       `json:"accept,omitempty"`
}

func (j joinMessage) encode() []byte {
	j.Type = "join"
	b, err := json.Marshal(j)
	if err != nil {
		panic(err) // plain strings
	}
	return b
}

// newcomer is the join of somebody new.
func newcomer(name string) joinMessage { return joinMessage{Client: rand.Text(), Name: name} }
