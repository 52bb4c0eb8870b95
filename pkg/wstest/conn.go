package wstest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/coder/websocket"
)

// Conn is a WebSocket of a test, with helpers that end the test when they
// fail. They belong to the test's own goroutine, and block until the other
// side moves; what can take for ever is bounded by the test's own timeout.
type Conn struct {
	*websocket.Conn
	t testing.TB
}

// Wrap gives the helpers to a connection that was dialed or accepted elsewhere;
// whoever made it closes it.
func Wrap(t testing.TB, conn *websocket.Conn) *Conn { return &Conn{Conn: conn, t: t} }

// Send sends a text message: a string or a []byte as it is, anything else as
// JSON.
func (c *Conn) Send(message any) {
	c.t.Helper()
	if err := c.Write(context.Background(), websocket.MessageText, text(c.t, message)); err != nil {
		c.t.Fatalf("wstest: sending %s: %v", text(c.t, message), err)
	}
}

func text(t testing.TB, message any) []byte {
	t.Helper()
	switch m := message.(type) {
	case string:
		return []byte(m)
	case []byte:
		return m
	}
	b, err := json.Marshal(message)
	if err != nil {
		t.Fatalf("wstest: %v", err)
	}
	return b
}

// ReceiveText returns the next message, which must be a text message.
func (c *Conn) ReceiveText() string {
	c.t.Helper()
	typ, data, err := c.Read(context.Background())
	if err != nil {
		c.t.Fatalf("wstest: receiving: %v", err)
	}
	if typ != websocket.MessageText {
		c.t.Fatalf("wstest: received a binary message of %d bytes, want text", len(data))
	}
	return string(data)
}

// Receive returns the next message, a JSON object.
func (c *Conn) Receive() map[string]any {
	c.t.Helper()
	var m map[string]any
	c.ReceiveInto(&m)
	return m
}

// ReceiveInto decodes the next message into the value that to points to.
func (c *Conn) ReceiveInto(to any) {
	c.t.Helper()
	data := c.ReceiveText()
	if err := json.Unmarshal([]byte(data), to); err != nil {
		c.t.Fatalf("wstest: received %s: %v", data, err)
	}
}

// ReceiveClose reads until the other side closes, drops what comes before
// that, and returns the status and the reason. A connection that ends without
// a close frame has the status -1.
func (c *Conn) ReceiveClose() (websocket.StatusCode, string) {
	c.t.Helper()
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code, closed.Reason
			}
			return -1, err.Error()
		}
	}
}
