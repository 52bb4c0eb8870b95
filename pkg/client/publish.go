package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Publish tells everyone in the session, and returns the ref by which
// Options.OnSettled will tell the outcome. It does not wait: while there is no
// connection the event is kept. data is encoded by [json.Marshal]; nil is null.
// An error says that nothing was kept: [ErrFull], [ErrTooBig], [ErrClosed], or
// a mistake in event or data.
func (c *Client) Publish(event string, data any) (ref uint64, err error) {
	return c.enqueue(&request{name: event}, data)
}

// PublishWait is Publish, and waits for the outcome. It returns the event's
// offset; by then OnEvents has been given the event. A [*wire.Error] says that
// the event did not and will never take effect; [ErrOutcomeLost] and
// [ErrClosed] that nobody knows. When ctx ends, only the waiting does. It must
// not be called from a callback.
func (c *Client) PublishWait(ctx context.Context, event string, data any) (offset uint64, err error) {
	return c.wait(ctx, &request{name: event}, data)
}

// Command asks the session's kind, and waits for the outcome, like PublishWait.
// The offset is that of the first event it led to; 0 if the gateway only said
// that it took effect.
func (c *Client) Command(ctx context.Context, command string, data any) (offset uint64, err error) {
	return c.wait(ctx, &request{name: command, command: true}, data)
}

// Ask is Command without the waiting: it returns the ref by which
// Options.OnSettled will tell the outcome, and errors as Publish does.
func (c *Client) Ask(command string, data any) (ref uint64, err error) {
	return c.enqueue(&request{name: command, command: true}, data)
}

func (c *Client) wait(ctx context.Context, r *request, data any) (uint64, error) {
	r.result = make(chan Settled, 1)
	if _, err := c.enqueue(r, data); err != nil {
		return 0, err
	}
	select {
	case s := <-r.result:
		return s.Offset, s.Err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (c *Client) enqueue(r *request, data any) (ref uint64, err error) {
	if r.data, err = c.encode(r.name, r.command, data); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended || c.leaving:
		return 0, ErrClosed
	case len(c.outbox.requests) >= c.o.Outbox:
		return 0, ErrFull
	case r.exceeds(c.limit):
		return 0, ErrTooBig
	}
	c.outbox.add(r)
	r.first = r.ref
	c.kickLocked()
	return r.first, nil
}

// encode checks the name of an event or command, and encodes its data.
func (c *Client) encode(name string, command bool, data any) ([]byte, error) {
	switch {
	case c.invalid != nil:
		return nil, c.invalid
	case !wire.ValidEvent(name) && command:
		return nil, &wire.Error{Code: wire.CodeBadCommand, Message: fmt.Sprintf("command %q must be 1 to %d characters of a-z 0-9 _ . -", name, wire.MaxEvent)}
	case !wire.ValidEvent(name):
		return nil, &wire.Error{Code: wire.CodeBadEvent, Message: fmt.Sprintf("event %q must be 1 to %d characters of a-z 0-9 _ . -", name, wire.MaxEvent)}
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("plenum client: encoding the data of %s: %w", name, err)
	}
	return encoded, nil
}

// PublishEphemeral tells everyone who is there at this moment; nobody hears it
// later, and it may be lost. Of those with the same key that fall into one
// frame only the latest is sent; key may be empty. It does not wait, and
// returns [ErrNotConnected] or [ErrFull] if it was not taken.
func (c *Client) PublishEphemeral(event, key string, data any) error {
	encoded, err := c.encode(event, false, data)
	if err != nil {
		return err
	}
	p := wire.Publish{Event: []byte(event), Key: []byte(key), Data: encoded, Ephemeral: true}
	message := wire.AppendPublish(nil, &p)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch l := c.link; {
	case c.ended || c.leaving:
		return ErrClosed
	case l == nil || !l.open || l.closed:
		return ErrNotConnected
	case c.limit > 0 && len(message) > c.limit:
		return ErrTooBig
	case len(l.moments) >= c.o.Outbox:
		return ErrFull
	default:
		l.moments = append(l.moments, message)
	}
	c.kickLocked()
	return nil
}

// Leave gives up the seat once all requests are settled, and waits until Run
// has returned. Nothing can be published any more. When ctx ends, only the
// waiting does: end Run's context to stop at once. [ErrClosed] says that Run
// ended otherwise. It must not be called from a callback.
func (c *Client) Leave(ctx context.Context) error {
	if c.invalid != nil {
		return c.invalid
	}
	c.mu.Lock()
	c.leaving = true
	c.kickLocked()
	c.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.left {
		return ErrClosed
	}
	return nil
}
