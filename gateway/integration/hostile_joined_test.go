package integration

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// offences are wrong in a session.
var offences = map[string]attack{
	"a second join":         answered(`{"type":"join","client":"c","name":"n"}`, wire.CodeAlreadyJoined, 0),
	"no ref":                answered(`{"type":"publish","event":"e"}`, wire.CodeRefRequired, 0),
	"a null ref":            answered(`{"type":"publish","ref":null,"event":"e"}`, wire.CodeRefRequired, 0),
	"no command ref":        answered(`{"type":"command","command":"c"}`, wire.CodeRefRequired, 0),
	"no event":              answered(`{"type":"publish","ref":3}`, wire.CodeBadEvent, 3),
	"a bad event":           answered(`{"type":"publish","ref":3,"event":"Not This"}`, wire.CodeBadEvent, 3),
	"a long event":          answered(`{"type":"publish","ref":3,"event":"`+strings.Repeat("e", 65)+`"}`, wire.CodeBadEvent, 3),
	"a long key":            answered(`{"type":"publish","event":"e","ephemeral":true,"key":"`+strings.Repeat("k", 65)+`"}`, wire.CodeBadKey, 0),
	"a bad command":         answered(`{"type":"command","ref":3,"command":"Not This"}`, wire.CodeBadCommand, 3),
	"an unknown command":    answered(`{"type":"command","ref":3,"command":"cast_vote","data":{}}`, wire.CodeUnknownCommand, 3),
	"no new name":           answered(`{"type":"command","ref":3,"command":"set_name","data":{"name":""}}`, wire.CodeBadName, 3),
	"data of another shape": answered(`{"type":"command","ref":3,"command":"set_name","data":[1]}`, wire.CodeBadData, 3),
	"removing a stranger":   answered(`{"type":"command","ref":3,"command":"remove_member","data":{"member":"m_nobody"}}`, wire.CodeForbidden, 3),

	"ref 0":         fatal(`{"type":"publish","ref":0,"event":"e"}`),
	"ref -1":        fatal(`{"type":"publish","ref":-1,"event":"e"}`),
	"ref 1.5":       fatal(`{"type":"publish","ref":1.5,"event":"e"}`),
	"a text as ref": fatal(`{"type":"publish","ref":"1","event":"e"}`),
	"a huge ref":    fatal(`{"type":"publish","ref":18446744073709551617,"event":"e"}`),
	"no JSON later": fatal(`{"type":"publish","ref":1,"event":"e","data":nope}`),

	"a ref again":           refAgain,
	"a ref skipped":         refSkipped,
	"a ref falling":         refFalling,
	"10,000 at once":        flood,
	"a removed host":        removeHost,
	"an unknown type later": unknownLater,
}

// answered sends a message that gets an error, after which the connection
// serves on.
func answered(message string, code wire.Code, ref uint64) attack {
	return func(a attacker) error {
		p, _, err := a.join()
		if err == nil {
			err = p.send([]byte(message))
		}
		if err == nil {
			err = p.expect(code, ref, 0)
		}
		if err != nil {
			return err
		}
		return p.alive(10)
	}
}

// fatal sends a message that is none, and ends the connection.
func fatal(message string) attack {
	return func(a attacker) error {
		p, _, err := a.join()
		if err == nil {
			err = p.send([]byte(message))
		}
		if err != nil {
			return err
		}
		return p.expect(wire.CodeMalformed, 0, wire.CloseMalformed)
	}
}

func publish(ref uint64, event string) []byte {
	return fmt.Appendf(nil, `{"type":"publish","ref":%d,"event":%q}`, ref, event)
}

// count is how often an event of this connection has come.
func (p *peer) count(event string) (n int) {
	for _, e := range p.ledger.events {
		if e.Event == event && e.From == p.ledger.welcome.You.Member {
			n++
		}
	}
	return n
}

// refAgain sends a ref again: at once, after it was acknowledged, and over
// another connection of the same client. It takes effect once.
func refAgain(a attacker) error {
	p, w, err := a.join()
	if err != nil {
		return err
	}
	if err := p.put(bytes.Repeat(masked(fin|opText, publish(1, "test.again")), 3)); err != nil {
		return err
	}
	for range 2 { // the other one is acknowledged by the event
		if m, err := p.await("ack"); err != nil || m.Ref != 1 {
			return fmt.Errorf("no ack for ref 1: %+v, %w", m, err)
		}
	}
	back := joinMessage{Client: w.You.Client, Seat: w.You.Seat, Since: &wire.Position{Epoch: w.Session.Epoch, Offset: w.Session.Offset}}
	again, m, err := joinPeer(a.t, a.g.Addr, a.session, back)
	if err != nil {
		return err
	}
	if m.Acked != 1 {
		return fmt.Errorf("the welcome says acked %d", m.Acked)
	}
	if err := again.send(publish(1, "test.again")); err != nil {
		return err
	}
	if ack, err := again.await("ack"); err != nil || ack.Ref != 1 {
		return fmt.Errorf("no ack for ref 1 on the next connection: %+v, %w", ack, err)
	}
	if err := p.expectEnd(4506, "replaced"); err != nil {
		return err
	}
	if err := again.alive(2); err != nil {
		return err
	}
	if n := again.count("test.again"); n != 1 {
		return fmt.Errorf("it took effect %d times", n)
	}
	return nil
}

func refSkipped(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	for _, ref := range []uint64{1, 7, 1000, wire.MaxRef - 1} {
		err = errors.Join(err, p.send(publish(ref, "test.skipped")))
	}
	for err == nil && p.count("test.skipped") < 4 {
		_, err = p.await("frame")
	}
	if err != nil {
		return err
	}
	return p.alive(wire.MaxRef)
}

func refFalling(a attacker) error {
	p, _, err := a.join()
	if err == nil {
		err = p.put(append(masked(fin|opText, publish(9, "test.nine")), masked(fin|opText, publish(4, "test.four"))...))
	}
	if err == nil {
		err = p.expect(wire.CodeRefNotRising, 4, 0)
	}
	if err != nil {
		return err
	}
	if err := p.alive(10); err != nil {
		return err
	}
	if p.count("test.nine") != 1 || p.count("test.four") != 0 {
		return fmt.Errorf("ref 9 took effect %d times, ref 4 %d times", p.count("test.nine"), p.count("test.four"))
	}
	return nil
}

// flood sends 10,000 messages at once. It is told to slow down, and then closed,
// with a wait that a client can read; and it may come back.
func flood(a attacker) error {
	p, w, err := a.join()
	if err != nil {
		return err
	}
	var all []byte
	for ref := uint64(1); ref <= 10_000; ref++ {
		all = append(all, masked(fin|opText, publish(ref, "test.flood"))...)
	}
	go p.put(all) // ends when the gateway reads no more, or closes
	slowed := 0
	for {
		m, err := p.await("error")
		switch {
		case err != nil:
			return err
		case m.Code == string(wire.CodeSlowDown) && m.Ref != 0 && m.Retry && m.After > 0:
			slowed++
		case m.Code == string(wire.CodeTooFast):
			end := p.end()
			if wait := wire.ParseWait(end.reason); end.code != wire.CloseTooFast || wait < 100*time.Millisecond {
				return fmt.Errorf("instead of closed with 4006 and a wait: %w", end)
			}
			if slowed == 0 {
				return errors.New("nobody asked it to slow down")
			}
			again, m, err := joinPeer(a.t, a.g.Addr, a.session, joinMessage{Client: w.You.Client, Seat: w.You.Seat})
			if err != nil {
				return err
			}
			if m.Acked > 200 {
				return fmt.Errorf("messages up to %d took effect", m.Acked)
			}
			return again.alive(20_000)
		default:
			return fmt.Errorf("not an error of this: %+v", m)
		}
	}
}

// removeHost tries to remove the owner of the session.
func removeHost(a attacker) error {
	p, w, err := a.join()
	if err != nil {
		return err
	}
	for ref, m := range w.Members[:min(3, len(w.Members))] {
		message := fmt.Appendf(nil, `{"type":"command","ref":%d,"command":"remove_member","data":{"member":%q}}`, ref+1, m.Member)
		if err := errors.Join(p.send(message), p.expect(wire.CodeForbidden, uint64(ref)+1, 0)); err != nil {
			return err
		}
	}
	return p.alive(10)
}

// unknownLater sends what a newer client might send; it is ignored.
func unknownLater(a attacker) error {
	p, _, err := a.join()
	if err != nil {
		return err
	}
	for _, m := range []string{`{"type":"hello"}`, `{"type":"frame","events":[]}`, `{"type":"heartbeat","at":1,"new":[{}]}`} {
		err = errors.Join(err, p.send([]byte(m)))
	}
	if err != nil {
		return err
	}
	return p.alive(1)
}
