package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// closeBreach is the status code for a breach of RFC 6455 (section 7.4.1).
const closeBreach = 1002

// breaches are of RFC 6455, or allowed by it and rarely seen.
var breaches = map[string]attack{
	"an unmasked frame":           breach(append(frameHead(fin|opText, 0, 2), "{}"...)),
	"reserved bit 1":              breach(masked(fin|0x40|opText, []byte("{}"))),
	"reserved bit 2":              breach(masked(fin|0x20|opText, []byte("{}"))),
	"reserved bit 3":              breach(masked(fin|0x10|opText, []byte("{}"))),
	"a reserved opcode":           breach(masked(fin|3, []byte("{}"))),
	"a reserved control opcode":   breach(masked(fin|0xb, nil)),
	"a large ping":                breach(masked(fin|opPing, make([]byte, 126))),
	"a large close":               breach(masked(fin|opClose, append([]byte{0x03, 0xe8}, make([]byte, 124)...))),
	"half a ping":                 breach(masked(opPing, []byte("half"))),
	"a continuation of nothing":   breach(masked(fin|opContinue, []byte("{}"))),
	"a message within a message":  breach(masked(opText, []byte("{")), masked(fin|opText, []byte("{}"))),
	"a length below 0":            breach(binary.BigEndian.AppendUint64([]byte{fin | opText, 0x80 | 127}, 1<<63|5), []byte("mask")),
	"a close of one byte":         breach(masked(fin|opClose, []byte{3})),
	"a close with 1005":           breach(masked(fin|opClose, []byte{0x03, 0xed})),
	"a close with 17":             breach(masked(fin|opClose, []byte{0, 17})),
	"a breach before the join":    breachFirst,
	"a breach and much behind it": breachAndMore,

	"a ping":               ping,
	"a close":              closing,
	"a fragmented message": fragmented,
	"many fragments":       manyFragments,
	"a cut in a frame":     cutInFrame,
	"a reset":              reset,
}

// breach joins, sends bytes, and expects 1002.
func breach(frames ...[]byte) attack {
	return func(a attacker) error {
		p, _, err := a.join()
		if err == nil {
			err = p.put(bytes.Join(frames, nil))
		}
		if err != nil {
			return err
		}
		return p.expectEnd(closeBreach, "")
	}
}

func breachFirst(a attacker) error {
	p, err := a.dial()
	if err == nil {
		err = p.put(masked(fin|0x40|opText, []byte("{}")))
	}
	if err != nil {
		return err
	}
	return p.expectEnd(closeBreach, "")
}

// breachAndMore has sent more by the time the breach is noticed. A gateway that
// just hangs up on unread bytes resets the connection, and the close frame is
// lost with it.
func breachAndMore(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	more := bytes.Repeat(masked(fin|opText, []byte(`{"type":"hello"}`)), 20_000)
	go p.put(append(masked(fin|3, nil), more...)) // ends when the gateway reads no more, or closes
	return p.expectEnd(closeBreach, "")
}

func ping(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	for _, payload := range [][]byte{nil, []byte("ping"), bytes.Repeat([]byte("p"), 125)} {
		if err := p.put(masked(fin|opPing, payload)); err != nil {
			return err
		}
		for p.late = time.Now().Add(patience); ; {
			got, err := p.packet()
			if err != nil {
				return err
			}
			if got.op != opPong {
				continue
			}
			if !bytes.Equal(got.payload, payload) {
				return fmt.Errorf("the pong says %q", got.payload)
			}
			break
		}
	}
	return p.Close()
}

func closing(a attacker) error {
	p, _, err := a.join()
	if err == nil {
		err = p.put(masked(fin|opClose, append([]byte{0x03, 0xe8}, "bye"...)))
	}
	if err != nil {
		return err
	}
	return p.expectEnd(wire.CloseNormal, "")
}

// fragmented sends a message in pieces, with a ping between them.
func fragmented(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	err = p.put(bytes.Join([][]byte{
		masked(opText, []byte(`{"type":"publish",`)),
		masked(fin|opPing, []byte("between")),
		masked(opContinue, nil),
		masked(opContinue, []byte(`"ref":1,"event":"test.`)),
		masked(fin|opContinue, []byte(`pieces"}`)),
	}, nil))
	for err == nil && !p.echoed(1) {
		_, err = p.await("frame")
	}
	if err != nil {
		return err
	}
	return p.alive(2)
}

// manyFragments never ends its message: the limit counts all of it.
func manyFragments(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	go func() {
		piece := masked(opContinue, []byte(strings.Repeat("x", 1000)))
		err := p.put(masked(opText, []byte("{")))
		for range 1000 {
			if err == nil {
				err = p.put(piece)
			}
		}
	}()
	return p.expect(wire.CodeTooBig, 0, wire.CloseTooBig)
}

// cutInFrame goes in the middle of a frame.
func cutInFrame(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	whole := masked(fin|opText, []byte(`{"type":"publish","ref":1,"event":"test.never"}`))
	return errors.Join(p.put(whole[:len(whole)-1]), p.Close())
}

// reset goes without a word, in several states.
func reset(a attacker) error {
	opened, err := openPeer(a.t, a.g.Addr)
	if err != nil {
		return err
	}
	shaken, err := a.dial()
	if err != nil {
		return err
	}
	joined, _, err := a.join()
	if err != nil {
		return err
	}
	for _, p := range []*peer{opened, shaken, joined} {
		err = errors.Join(err, p.Conn.(*net.TCPConn).SetLinger(0), p.Close())
	}
	return err
}
