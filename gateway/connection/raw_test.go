package connection

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// raw is a client that has every byte in its hand, and no goroutine.
type raw struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (r *rig) raw() *raw {
	r.Helper()
	conn, err := net.Dial("tcp", r.tcp.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &raw{TCPConn: conn.(*net.TCPConn), t: r.T, r: bufio.NewReader(conn)}
}

// handshake is the opening handshake for a session.
func handshake(session string) string {
	return "GET /api/websocket?session=" + session + " HTTP/1.1\r\nHost: plenum.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

// masked is a message in one frame, as a client sends it.
func masked(message string) string {
	var b []byte
	switch n := len(message); {
	case n < 126:
		b = append(b, finText, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, finText, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, finText, 0x80|127), uint64(n))
	}
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(message) {
		b = append(b, message[i]^mask[i%4])
	}
	return string(b)
}

const join = `{"type":"join","client":"c","name":"n"}`

func (c *raw) write(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads the answer to the handshake.
func (c *raw) answer() {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		c.t.Fatal(resp.Status)
	}
}

// frame reads one WebSocket frame.
func (c *raw) frame() (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	more := headerSize(head[:2]) - 2
	if _, err := io.ReadFull(c.r, head[2:2+more]); err != nil {
		return 0, nil, err
	}
	switch more {
	case 2:
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		size = binary.BigEndian.Uint64(head[2:])
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.r, payload)
	return head[0], payload, err
}

// message reads messages until one of a type comes.
func (c *raw) message(typ wire.Type) wire.ServerMessage {
	c.t.Helper()
	for {
		first, payload, err := c.frame()
		if err != nil || first != finText {
			c.t.Fatalf("waiting for %s: frame %x %q, %v", typ, first, payload, err)
		}
		m, err := wire.DecodeServer(payload)
		if err != nil {
			c.t.Fatalf("%s: %v", payload, err)
		}
		if m.Type == typ {
			return m
		}
	}
}

// events reads frames until so many events with a name have come.
func (c *raw) events(name string, n int) (events []wire.Event) {
	c.t.Helper()
	for len(events) < n {
		for _, e := range c.message(wire.TypeFrame).Frame.Events {
			if e.Event == name {
				events = append(events, e)
			}
		}
	}
	return events
}

// member joins a session.
func (r *rig) member(session string) *raw {
	r.Helper()
	c := r.raw()
	c.write(handshake(session) + masked(join))
	c.answer()
	c.message(wire.TypeWelcome)
	return c
}

// publishes is publishes with refs from first on.
func publishes(first, n int, data string) string {
	var b strings.Builder
	for ref := first; ref < first+n; ref++ {
		b.WriteString(masked(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"e","data":%q}`, ref, data)))
	}
	return b.String()
}
