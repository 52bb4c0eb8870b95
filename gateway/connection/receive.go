package connection

import (
	"errors"
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
	reason := ReasonLost
	switch {
	case errors.As(err, &e):
		c.End(e)
		return
	case errors.Is(err, websocket.ErrMessageTooBig):
		reason = ReasonTooBig
	case websocket.CloseStatus(err) != -1:
		reason = ReasonClient
	case isBreach(err):
		reason = ReasonProtocol
	}
	c.reason.CompareAndSwap(nil, &reason)
	c.run(func() { c.close(0, "") })
}

// isBreach reports whether the library found a breach of RFC 6455, which it
// has answered with 1002. It has no type for that.
func isBreach(err error) bool {
	text := err.Error()
	for _, breach := range []string{"rsv bits", "unmasked frame", "opcode", "control frame", "close payload", "continuation", "without finishing"} {
		if strings.Contains(text, breach) {
			return true
		}
	}
	return false
}

// decode reads a message. An error without a close code is answered here.
func (c *Conn) decode(data *[]byte, m *wire.Message) error {
	err := wire.Decode(*data, m)
	var e *wire.Error
	if errors.As(err, &e) && e.Close == 0 {
		m.Type = ""
		c.server.Stats.Errors.Add(1)
		c.Send(e.Encode())
		return nil
	}
	return err
}

func (c *Conn) handle(data []byte) error {
	var m wire.Message
	if err := c.decode(&data, &m); err != nil {
		return err
	}
	if !c.limiter.Allow() {
		return c.slowDown(&m)
	}
	c.refused = 0
	switch m.Type {
	case wire.TypePublish:
		c.member.Load().Publish(&m.Publish)
	case wire.TypeCommand:
		c.member.Load().Command(&m.Command)
	case wire.TypeLeave:
		c.member.Load().Leave()
	case wire.TypeJoin:
		c.server.Stats.Errors.Add(1)
		c.Send((&wire.Error{Code: wire.CodeAlreadyJoined, Message: "this connection has joined already; join once"}).Encode())
	}
	return nil
}

// slowDown refuses a message past the rate. A client that goes on regardless,
// for another burst, is closed.
func (c *Conn) slowDown(m *wire.Message) error {
	c.server.Stats.SlowDown.Add(1)
	wait := time.Duration(float64(time.Second) / c.server.options.Rate)
	if c.refused++; c.refused > c.server.options.RateBurst {
		return &wire.Error{Code: wire.CodeTooFast, Close: wire.CloseTooFast, Retry: true,
			After: time.Duration(c.server.options.RateBurst) * wait, Message: "too many messages, in spite of slow_down"}
	}
	c.Send((&wire.Error{Code: wire.CodeSlowDown, Ref: max(m.Publish.Ref, m.Command.Ref), Retry: true, After: wait,
		Message: "more messages than this connection may send"}).Encode())
	return nil
}
