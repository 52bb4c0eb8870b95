package connection

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// receive reads and handles one message. It reports false when the connection
// has ended.
func (c *Conn) receive() bool {
	data, err := c.next()
	defer giveBack(data)
	if err == nil {
		err = c.handle(*data)
	}
	if err == nil {
		return true
	}
	c.stop(err)
	return false
}

// stop ends the connection for an error of reading or of handling.
func (c *Conn) stop(err error) {
	var e *wire.Error
	reason, code := ReasonLost, wire.CloseCode(0)
	switch {
	case errors.As(err, &e):
		c.End(e)
		return
	case websocket.CloseStatus(err) != -1:
		reason = ReasonClient
	case says(err, unanswered):
		reason, code = ReasonProtocol, closeBreach
	case says(err, answered):
		reason = ReasonProtocol
	}
	if c.reason.CompareAndSwap(nil, &reason) {
		c.run(func() { c.close(code, "breach of RFC 6455") })
	}
}

// closeBreach answers a breach of RFC 6455 (section 7.4.1).
const closeBreach wire.CloseCode = 1002

// What the library says of a breach of RFC 6455; it has no type for that. The
// former it has answered with 1002, the latter it has not.
var (
	answered   = []string{"rsv bits", "opcode", "control frame", "close payload", "continuation", "without finishing"}
	unanswered = []string{"unmasked frame", "negative payload length"}
)

func says(err error, phrases []string) bool {
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(err.Error(), phrase) })
}

// handle answers a message, or returns the error that ends the connection.
func (c *Conn) handle(data []byte) error {
	var m wire.Message
	var wrong *wire.Error
	err := wire.Decode(data, &m)
	if err != nil && (!errors.As(err, &wrong) || wrong.Close != 0) {
		return err
	}
	if refused, err := c.tooFast(&m); refused || err != nil {
		return err
	}
	if wrong != nil {
		c.server.Stats.Errors.Add(1)
		c.Send(wrong.Encode())
		return nil
	}
	switch m.Type {
	case wire.TypePublish:
		c.member.Load().Publish(&m.Publish)
	case wire.TypeCommand:
		if c.server.options.Tokens != nil && string(m.Command.Command) == refreshToken {
			c.refresh(&m.Command)
			break
		}
		c.member.Load().Command(&m.Command)
	case wire.TypeHeartbeat:
		c.answered(m.Heartbeat.At)
	case wire.TypeLeave:
		c.member.Load().Leave()
	case wire.TypeJoin:
		c.server.Stats.Errors.Add(1)
		c.Send((&wire.Error{Code: wire.CodeAlreadyJoined, Message: "this connection has joined already; join once"}).Encode())
	}
	return nil
}

// pinged reports whether a ping is to be answered: as many as there may be
// messages. Without a bound they would cost processor time without end, and the
// pongs that a client does not read 30 times the memory of their bytes.
//
// The library calls it while it reads, also for its close handshake; then nobody
// is to be told anything any more.
func (c *Conn) pinged(context.Context, []byte) bool {
	if c.reason.Load() != nil {
		return false
	}
	refused, err := c.tooFast(new(wire.Message))
	if err != nil {
		c.stop(err)
	}
	return !refused
}

// ponged counts a pong like a ping. This server asks for none.
func (c *Conn) ponged(ctx context.Context, payload []byte) { c.pinged(ctx, payload) }

// tooFast refuses a message past the rate. A client that goes on regardless
// until another burst was refused, without once waiting as long as it was told,
// is closed: that is the error.
func (c *Conn) tooFast(m *wire.Message) (refused bool, err error) {
	o, now := &c.server.options, time.Now()
	if c.limiter.AllowN(now, 1) {
		if !now.Before(c.waits) {
			c.refused = 0
		}
		return false, nil
	}
	c.server.Stats.SlowDown.Add(1)
	wait := time.Duration(float64(time.Second) / o.Rate)
	c.waits = now.Add(wait)
	if c.refused++; c.refused > o.RateBurst {
		return true, &wire.Error{Code: wire.CodeTooFast, Close: wire.CloseTooFast, Retry: true,
			After: time.Duration(o.RateBurst) * wait, Message: "too many messages, in spite of slow_down"}
	}
	ref := max(m.Publish.Ref, m.Command.Ref)
	if member := c.member.Load(); member != nil && member.Known(ref) {
		return true, nil // a refusal would say that it did not take effect
	}
	c.Send((&wire.Error{Code: wire.CodeSlowDown, Ref: ref, Retry: true, After: wait,
		Message: "more messages than this connection may send"}).Encode())
	return true, nil
}
