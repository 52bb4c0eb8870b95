package integration

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// firstMessages are wrong as the first message, or as a whole message.
var firstMessages = map[string]attack{
	"no JSON":            first("hello", wire.CodeMalformed, wire.CloseMalformed),
	"nothing":            first("", wire.CodeMalformed, wire.CloseMalformed),
	"null":               first("null", wire.CodeMalformed, wire.CloseMalformed),
	"an array":           first("[]", wire.CodeMalformed, wire.CloseMalformed),
	"a string":           first(`"join"`, wire.CodeMalformed, wire.CloseMalformed),
	"a number":           first("17", wire.CodeMalformed, wire.CloseMalformed),
	"no type":            first("{}", wire.CodeMalformed, wire.CloseMalformed),
	"a number as type":   first(`{"type":5}`, wire.CodeMalformed, wire.CloseMalformed),
	"two objects":        first(`{"type":"join"}{"type":"join"}`, wire.CodeMalformed, wire.CloseMalformed),
	"half an object":     first(`{"type":"join","client":"c"`, wire.CodeMalformed, wire.CloseMalformed),
	"no UTF-8":           first("{\"type\":\"join\",\"client\":\"c\",\"name\":\"\xff\xfe\"}", wire.CodeMalformed, wire.CloseMalformed),
	"deep nesting":       first(strings.Repeat("[", 60_000), wire.CodeMalformed, wire.CloseMalformed),
	"deep data":          first(`{"type":"join","client":"c","name":"n","x":`+strings.Repeat("[", 11_000)+strings.Repeat("]", 11_000)+"}", wire.CodeMalformed, wire.CloseMalformed),
	"a wrong since":      first(`{"type":"join","client":"c","name":"n","since":{"epoch":5,"offset":1}}`, wire.CodeMalformed, wire.CloseMalformed),
	"a negative since":   first(`{"type":"join","client":"c","name":"n","since":{"epoch":"e","offset":-1}}`, wire.CodeMalformed, wire.CloseMalformed),
	"a number as client": first(`{"type":"join","client":5,"name":"n"}`, wire.CodeMalformed, wire.CloseMalformed),

	"publish first":             first(`{"type":"publish","ref":1,"event":"e"}`, wire.CodeJoinRequired, wire.CloseJoinRefused),
	"publish without ref first": first(`{"type":"publish"}`, wire.CodeJoinRequired, wire.CloseJoinRefused),
	"command first":             first(`{"type":"command","ref":1,"command":"c"}`, wire.CodeJoinRequired, wire.CloseJoinRefused),
	"heartbeat first":           first(`{"type":"heartbeat","at":1}`, wire.CodeJoinRequired, wire.CloseJoinRefused),
	"leave first":               first(`{"type":"leave"}`, wire.CodeJoinRequired, wire.CloseJoinRefused),

	"no client":             first(`{"type":"join","name":"n"}`, wire.CodeBadClient, wire.CloseJoinRefused),
	"a long client":         first(`{"type":"join","name":"n","client":"`+strings.Repeat("c", 65)+`"}`, wire.CodeBadClient, wire.CloseJoinRefused),
	"no name":               first(`{"type":"join","client":"c"}`, wire.CodeBadName, wire.CloseJoinRefused),
	"an empty name":         first(`{"type":"join","client":"c","name":"  "}`, wire.CodeBadName, wire.CloseJoinRefused),
	"a long name":           first(`{"type":"join","client":"c","name":"`+strings.Repeat("ü", 65)+`"}`, wire.CodeBadName, wire.CloseJoinRefused),
	"a name with a newline": first(`{"type":"join","client":"c","name":"a\nb"}`, wire.CodeBadName, wire.CloseJoinRefused),
	"a forged seat":         first(`{"type":"join","client":"c","name":"n","seat":"AAAAAAAAAAAAAAAAAAAAAAAA"}`, wire.CodeSeatUnknown, wire.CloseJoinRefused),
	"an empty object":       first(`{"type":"join","client":"c","seat":"`+strings.Repeat("s", 10_000)+`"}`, wire.CodeSeatUnknown, wire.CloseJoinRefused),
	"a member's id as seat": memberAsSeat,
	"a seat elsewhere":      seatElsewhere,

	"a binary join":      binaryFirst,
	"binary rubbish":     binaryRubbish,
	"1 MiB first":        big(false),
	"1 MiB":              big(true),
	"an unknown type":    unknownFirst,
	"nothing ever":       neverJoins,
	"unknown types only": unknownOnly,
}

// first sends one message, and expects its refusal.
func first(message string, code wire.Code, close wire.CloseCode) attack {
	return func(a attacker) error {
		p, err := a.dial()
		if err != nil {
			return err
		}
		if err := p.send([]byte(message)); err != nil {
			return err
		}
		return p.expect(code, 0, close)
	}
}

// memberAsSeat takes what everybody knows of a member for its secret.
func memberAsSeat(a attacker) error {
	victim, w, err := a.join()
	if err != nil {
		return err
	}
	for _, known := range []string{w.You.Member, w.You.Client} {
		if err := first(string(joinMessage{Client: w.You.Client, Name: "n", Seat: known}.encode()), wire.CodeSeatUnknown, wire.CloseJoinRefused)(a); err != nil {
			return err
		}
	}
	return victim.alive(1)
}

// seatElsewhere takes a seat of one session to another one.
func seatElsewhere(a attacker) error {
	victim, w, err := a.join()
	if err != nil {
		return err
	}
	a.session = "elsewhere"
	j := joinMessage{Client: "c", Name: "n", Seat: w.You.Seat, Since: &wire.Position{Epoch: w.Session.Epoch}}
	return errors.Join(first(string(j.encode()), wire.CodeSeatUnknown, wire.CloseJoinRefused)(a), victim.alive(1))
}

func binaryFirst(a attacker) error {
	p, err := a.dial()
	if err == nil {
		err = p.put(masked(fin|opBinary, newcomer(a.name).encode()))
	}
	if err != nil {
		return err
	}
	return p.expect(wire.CodeMalformed, 0, wire.CloseMalformed)
}

func binaryRubbish(a attacker) error {
	p, _, err := a.join()
	if err == nil {
		err = p.put(masked(fin|opBinary, []byte{0x1f, 0x8b, 0, 1, 2, 3, 0xff}))
	}
	if err != nil {
		return err
	}
	return p.expect(wire.CodeMalformed, 0, wire.CloseMalformed)
}

// big sends a message of 1 MiB. It reads while it writes: a client that only
// writes could not hear an answer.
func big(joined bool) attack {
	return func(a attacker) error {
		// Made before it is dialled: among all the attackers of a small machine it
		// takes longer than a client has for its join.
		message := masked(fin|opText, []byte(`{"type":"publish","ref":1,"event":"big","data":"`+strings.Repeat("x", 1<<20)+`"}`))
		p, err := a.dial()
		if err == nil && joined {
			p, _, err = a.join()
		}
		if err != nil {
			return err
		}
		go p.put(message) // ends when the gateway reads no more, or closes
		return p.expect(wire.CodeTooBig, 0, wire.CloseTooBig)
	}
}

// unknownFirst sends what a newer client might send; it is ignored.
func unknownFirst(a attacker) error {
	p, err := a.dial()
	if err != nil {
		return err
	}
	for _, m := range []string{`{"type":"hello","version":2}`, string(newcomer(a.name).encode())} {
		if err := p.send([]byte(m)); err != nil {
			return err
		}
	}
	if _, err := p.await("welcome"); err != nil {
		return err
	}
	return p.alive(1)
}

func neverJoins(a attacker) error {
	began := time.Now()
	p, err := a.dial()
	if err == nil {
		err = p.expect(wire.CodeJoinTimeout, 0, wire.CloseJoinRefused)
	}
	if took := time.Since(began); err == nil && took < hostileJoinTimeout {
		err = fmt.Errorf("the join timeout of %v was over after %v", hostileJoinTimeout, took)
	}
	return err
}

// unknownOnly sends many messages, all of which are to be ignored, and never a
// join: it may not do that for ever.
func unknownOnly(a attacker) error {
	p, err := a.dial()
	if err != nil {
		return err
	}
	go func() {
		for p.send([]byte(`{"type":"hello"}`)) == nil {
		}
	}()
	for {
		m, err := p.await("error")
		switch {
		case err != nil:
			return err
		case m.Code == string(wire.CodeSlowDown):
		case m.Code == string(wire.CodeTooFast):
			return p.expectEnd(wire.CloseTooFast, "wait ")
		default:
			return fmt.Errorf("the error is %s", m.Code)
		}
	}
}

// handshakes are wrong before there is a WebSocket, or right and odd.
var handshakes = map[string]attack{
	"a session with a slash":   session("a%2Fb"),
	"a session with a space":   session("a%20b"),
	"a session with an umlaut": session("%C3%BC"),
	"an empty session":         session(""),
	"a long session":           session(strings.Repeat("a", 65)),
	"broken escapes":           session("%zz"),
	"another protocol":         header("Sec-WebSocket-Protocol: chat, superchat", wire.CodeProtocol, wire.CloseProtocol),
	"another origin":           header("Origin: https://evil.example", wire.CodeOrigin, wire.CloseForbidden),
	"a null origin":            header("Origin: null", wire.CodeOrigin, wire.CloseForbidden),

	"no key":           refusedHTTP("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X: y", http.StatusBadRequest),
	"an old version":   refusedHTTP("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", http.StatusBadRequest),
	"no upgrade":       refusedHTTP("Upgrade: websocket", "X: y", http.StatusUpgradeRequired),
	"a POST":           refusedHTTP("GET /", "POST /", http.StatusMethodNotAllowed),
	"a huge header":    refusedHTTP("Upgrade:", "X: "+strings.Repeat("y", 40_000)+"\r\nUpgrade:", http.StatusRequestHeaderFieldsTooLarge),
	"a TLS hello":      refusedHTTP("GET /", "\x16\x03\x01\x02\x00\x01\x00", http.StatusBadRequest),
	"half a handshake": halfHandshake,
	"byte by byte":     byteByByte,
	"all at once":      allAtOnce,
}

func session(id string) attack {
	return func(a attacker) error {
		a.session = id
		p, err := a.dial()
		if err != nil {
			return err
		}
		return p.expect(wire.CodeBadSession, 0, wire.CloseJoinRefused)
	}
}

// header sends a handshake with one more line.
func header(line string, code wire.Code, close wire.CloseCode) attack {
	return func(a attacker) error {
		p, err := openPeer(a.t, a.g.Addr)
		if err == nil {
			err = p.put(handshake(a.g.Addr, a.session, line))
		}
		if err == nil {
			err = p.accepted()
		}
		if err != nil {
			return err
		}
		return p.expect(code, 0, close)
	}
}

// refusedHTTP changes a part of a handshake, which then is refused as HTTP.
func refusedHTTP(part, by string, status int) attack {
	return func(a attacker) error {
		p, err := openPeer(a.t, a.g.Addr)
		if err != nil {
			return err
		}
		defer p.Close()
		if err := p.put([]byte(strings.Replace(string(handshake(a.g.Addr, a.session)), part, by, 1))); err != nil {
			return err
		}
		head, err := p.head()
		if err == nil && !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", status)) {
			err = fmt.Errorf("instead of status %d: %q", status, head)
		}
		return err
	}
}

// halfHandshake begins and then is silent: its socket is not kept for ever.
func halfHandshake(a attacker) error {
	p, err := openPeer(a.t, a.g.Addr)
	if err != nil {
		return err
	}
	whole := handshake(a.g.Addr, a.session)
	if err := p.put(whole[:len(whole)-3]); err != nil {
		return err
	}
	if end := p.end(); end.code != 0 {
		return end
	}
	return nil
}

// byteByByte does everything right, one byte at a time.
func byteByByte(a attacker) error {
	p, err := openPeer(a.t, a.g.Addr)
	if err != nil {
		return err
	}
	trickle := func(all []byte) error {
		for _, b := range all {
			if err := p.put([]byte{b}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := trickle(handshake(a.g.Addr, a.session)); err != nil {
		return err
	}
	if err := p.accepted(); err != nil {
		return err
	}
	if err := trickle(masked(fin|opText, newcomer(a.name).encode())); err != nil {
		return err
	}
	if _, err := p.await("welcome"); err != nil {
		return err
	}
	return p.alive(1)
}

// allAtOnce does everything right, and waits for nothing: the handshake, the
// join and what follows it go out with one call. Some of it is in the HTTP
// server's buffer when the handshake is answered, and some behind it.
func allAtOnce(a attacker) error {
	for _, size := range []int{0, 1000, 3500, 4096, 9000} {
		p, err := openPeer(a.t, a.g.Addr)
		if err != nil {
			return err
		}
		all := append(handshake(a.g.Addr, a.session), masked(fin|opText, newcomer(a.name).encode())...)
		for ref := 1; ref <= 3; ref++ {
			all = append(all, masked(fin|opText, fmt.Appendf(nil, `{"type":"publish","ref":%d,"event":"test.early","data":"%s"}`, ref, strings.Repeat("e", size)))...)
		}
		err = errors.Join(p.put(all), p.accepted())
		if err == nil {
			_, err = p.await("welcome")
		}
		for err == nil && !(p.echoed(1) && p.echoed(2) && p.echoed(3)) {
			_, err = p.await("frame")
		}
		if err != nil {
			return fmt.Errorf("with %d bytes each: %w", size, err)
		}
		if err := p.alive(4); err != nil {
			return err
		}
	}
	return nil
}
