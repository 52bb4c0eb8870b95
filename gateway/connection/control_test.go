package connection

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	opPing = 9
	opPong = 10
)

// control is a control frame, as a client sends it. Its payload is masked with zeros.
func control(op byte, payload string) string {
	return string([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// A ping is answered with its payload, also between the fragments of a message.
func TestPing(t *testing.T) {
	r := overTCP(t, nil)
	c := r.member("s")
	for _, payload := range []string{"", "hello", strings.Repeat("p", 125)} {
		c.write(control(opPing, payload))
		c.pong(payload)
	}
	c.write(string([]byte{0x01}) + masked(publishText[:10])[1:] + control(opPing, "amid") + string([]byte{0x80}) + masked(publishText[10:])[1:])
	c.pong("amid")
	c.events("e", 1)
}

const publishText = `{"type":"publish","ref":1,"event":"e"}`

// pong reads frames until a pong comes, and checks it.
func (c *raw) pong(payload string) {
	c.t.Helper()
	for {
		first, got, err := c.frame()
		if err != nil {
			c.t.Fatalf("waiting for a pong: %v", err)
		}
		if first == 0x80|opPong {
			if string(got) != payload {
				c.t.Errorf("the pong has %q; want %q", got, payload)
			}
			return
		}
	}
}

// Pings and pongs count like messages, joined or not: who sends them without end
// is told to slow down, and closed. Nobody answers all of them.
func TestTenThousandControlFrames(t *testing.T) {
	for name, op := range map[string]byte{"pings": opPing, "pongs": opPong} {
		for _, joins := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, joined: %v", name, joins), func(t *testing.T) {
				r := overTCP(t, nil)
				c := r.raw()
				c.write(handshake("s"))
				c.answer()
				if joins {
					c.write(masked(join))
					c.message(wire.TypeWelcome)
				}
				go c.Write(bytes.Repeat([]byte(control(op, "")), 10_000)) // ends when the connection does
				pongs, codes := 0, []wire.Code{}
				for closed := false; !closed; {
					first, payload, err := c.frame()
					switch {
					case err != nil:
						t.Fatalf("after %d pongs and %v: %v", pongs, codes, err)
					case first == 0x80|opPong:
						pongs++
						continue
					case first == finText:
						m, err := wire.DecodeServer(payload)
						if err != nil {
							t.Fatal(err)
						}
						if m.Type == wire.TypeError {
							codes = append(codes, m.Error.Code)
						}
						continue
					}
					closed = true
					code := wire.CloseCode(binary.BigEndian.Uint16(payload))
					if wait := wire.ParseWait(string(payload[2:])); code != wire.CloseTooFast || wait < 100*time.Millisecond {
						t.Errorf("closed with %d %q", code, payload[2:])
					}
				}
				if most := options().RateBurst + 100; pongs > most { // a busy machine gives it time to earn more
					t.Errorf("%d pongs; want at most about %d", pongs, most)
				}
				if n := len(codes); n == 0 || codes[0] != wire.CodeSlowDown && n > 1 || codes[n-1] != wire.CodeTooFast {
					t.Errorf("errors %v", codes)
				}
			})
		}
	}
}

// A message that is too long is refused as soon as that is certain, not when all
// of it is there, nor when the time for the join is over.
func TestBigMessageThatStops(t *testing.T) {
	for name, joins := range map[string]bool{"as the first": false, "later": true} {
		t.Run(name, func(t *testing.T) {
			r := overTCP(t, func(o *Options) { o.JoinTimeout = time.Hour })
			c := r.raw()
			c.write(handshake("s"))
			c.answer()
			if joins {
				c.write(masked(join))
				c.message(wire.TypeWelcome)
			}
			whole := masked(strings.Repeat("x", 1<<20))
			head := len(whole) - 1<<20
			c.write(whole[:head+options().MessageLimit+1])
			if e := c.message(wire.TypeError).Error; e.Code != wire.CodeTooBig {
				t.Errorf("the error is %+v", e)
			}
			if first, payload, err := c.frame(); err != nil || first != 0x88 || binary.BigEndian.Uint16(payload) != uint16(wire.CloseTooBig) {
				t.Errorf("instead of closed with 1009: %x %q, %v", first, payload, err)
			}
		})
	}
}

// Behind the close frame nothing is sent any more, however long the client takes
// to answer it and however busy its session is.
func TestNothingBehindTheCloseFrame(t *testing.T) {
	r := overTCP(t, func(o *Options) { o.Rate, o.RateBurst = 1e6, 1e6 })
	c, other := r.member("s"), r.member("s")
	c.write(masked("rubbish"))
	for {
		first, payload, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if first == 0x80|opClose {
			if code := binary.BigEndian.Uint16(payload); code != uint16(wire.CloseMalformed) {
				t.Errorf("closed with %d", code)
			}
			break
		}
	}
	other.write(publishes(1, 50, "busy"))
	other.events("e", 50)
	c.write(control(opClose, "\x11\x94"))
	if first, payload, err := c.frame(); err != io.EOF {
		t.Errorf("behind the close frame came %x %.60q, %v; want the end", first, payload, err)
	}
}
