package client

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// refreshToken is the command that brings a new token.
const refreshToken = "refresh_token"

// refresh gets a new token and sends it over l. If there is none the gateway
// ends the connection in time, and the next join asks again.
func (c *Client) refresh(ctx context.Context, l *link) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.closed {
		cancel()
		return
	}
	if l.hurry != nil {
		l.hurry() // the newer one counts
	}
	l.hurry = cancel
	l.writers.Go(func() {
		defer cancel()
		token, err := c.o.Token(ctx)
		if err == nil && ctx.Err() == nil {
			c.bring(l, token)
		}
	})
}

func (c *Client) bring(l *link, token string) {
	data, _ := json.Marshal(map[string]string{"token": token})
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.closed || c.link != l {
		return
	}
	c.outbox.add(&request{command: true, own: true, name: refreshToken, data: data})
	c.kickLocked()
}

// refreshed hears what became of a new token.
func (c *Client) refreshed(err error) {
	var e *wire.Error
	if errors.As(err, &e) {
		c.report(e)
	}
}
