package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// link is one connection that has been welcomed. One goroutine at a time reads
// it; another one writes, and exists only while there is something to write.
type link struct {
	conn    *websocket.Conn
	welcome *wire.Welcome
	since   *wire.Position // what the join asked for; nil if nothing
	born    time.Time

	// Of the reader.
	refusal *wire.Error // the error message that came last; nil once something else came
	beats   int         // heartbeats received

	reading atomic.Int64          // since when the reader waits, after born; 0 while it does not
	cause   atomic.Pointer[error] // why this side cut the connection

	// Guarded by the client's lock.
	open    bool // the welcome is applied: requests may go out
	closed  bool
	rival   bool // a join of this very client went out elsewhere, so 4506 is no news
	writing bool // a writer is under way
	sent    uint64
	beat    *wire.Heartbeat // to be answered; nil if nothing is
	moments [][]byte        // ephemeral messages
	left    bool            // the leave went out
	watch   *time.Timer
	hurry   context.CancelFunc // ends the wait for a new token; nil if there was none
	writers sync.WaitGroup     // and who gets that token
}

var errSilent = errors.New("the gateway has been silent for too long")

// dial opens a connection, joins, and waits for the welcome. What it did not
// manage uses nothing up: it can be tried again.
func (c *Client) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	join, err := c.join(ctx)
	if err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, c.nextURL(), &websocket.DialOptions{
		HTTPClient: c.o.HTTPClient, HTTPHeader: c.o.Header, Subprotocols: []string{wire.Protocol}})
	if err != nil {
		return nil, fmt.Errorf("plenum client: %w", err)
	}
	conn.SetReadLimit(c.o.MaxMessage)
	l := &link{conn: conn, since: join.Since, born: time.Now()}
	if err := c.joinOver(ctx, l, join); err != nil {
		conn.CloseNow()
		return nil, err
	}
	return l, nil
}

// join makes the join of the next connection.
func (c *Client) join(ctx context.Context) (*wire.Join, error) {
	j := &wire.Join{Client: c.id, Name: c.o.Name, Role: c.o.Role, Passcode: c.o.Passcode}
	if c.o.Gzip {
		j.Accept = []string{"gzip"}
	}
	if c.o.Token != nil {
		token, err := c.o.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("plenum client: getting a token: %w", err)
		}
		j.Token = token
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	j.Seat = c.seat
	if c.position.Epoch != "" {
		since := c.position
		j.Since = &since
	}
	return j, nil
}

func (c *Client) joinOver(ctx context.Context, l *link, join *wire.Join) error {
	c.mu.Lock()
	if c.link != nil {
		c.link.rival = true
	}
	c.mu.Unlock()
	if err := l.conn.Write(ctx, websocket.MessageText, join.Encode()); err != nil {
		return c.gaveUp(l.ended(err))
	}
	for l.welcome == nil {
		m, err := l.receive(ctx, c.o.MaxMessage)
		if err != nil {
			return c.gaveUp(err)
		}
		switch m.Type {
		case wire.TypeWelcome:
			l.welcome = m.Welcome
		case wire.TypeError:
			l.refusal = m.Error
		}
	}
	l.refusal = nil
	return nil
}

// gaveUp notes that a join went out that nobody has answered.
func (c *Client) gaveUp(err error) error {
	if closed, ok := errors.AsType[*Closed](err); ok && closed.Code == wire.CloseAbnormal {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unheard = time.Now()
	}
	return err
}

// receive waits for the next message. After an error the link is of no use.
func (l *link) receive(ctx context.Context, limit int64) (m wire.ServerMessage, err error) {
	l.reading.Store(max(1, int64(time.Since(l.born))))
	typ, r, err := l.conn.Reader(ctx)
	if err != nil {
		return m, l.ended(err)
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	if _, err := buf.ReadFrom(r); err != nil {
		return m, l.ended(err)
	}
	l.reading.Store(0)
	return decode(typ, buf.Bytes(), limit)
}

// ended turns the error that ended the connection into a *Closed.
func (l *link) ended(err error) error {
	l.reading.Store(0)
	closed := &Closed{Code: wire.CloseAbnormal, cause: err}
	if frame, ok := errors.AsType[websocket.CloseError](err); ok {
		closed = &Closed{Code: wire.CloseCode(frame.Code), Reason: frame.Reason}
	} else if cause := l.cause.Load(); cause != nil {
		closed.cause = *cause
	}
	if l.refusal != nil {
		refusal := *l.refusal
		refusal.Close = closed.Code
		closed.Err = &refusal
	}
	return closed
}

// cut closes the connection at once; the reader then ends because of err.
func (l *link) cut(err error) {
	l.cause.CompareAndSwap(nil, &err)
	l.conn.CloseNow()
}

// silence returns for how long the reader has waited in vain.
func (l *link) silence() time.Duration {
	began := l.reading.Load()
	if began == 0 {
		return 0
	}
	return time.Since(l.born) - time.Duration(began)
}

// watchLocked cuts l when nothing came for two heartbeats and the timeout. It
// looks at the clock then, and not at each message.
func (c *Client) watchLocked(l *link) {
	if l.welcome.Heartbeat <= 0 {
		return
	}
	limit := 2*time.Duration(l.welcome.Heartbeat)*time.Millisecond + c.o.Timeout
	silent := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := limit - l.silence()
		if left > 0 && !l.closed {
			l.watch.Reset(left)
		}
		return left <= 0
	}
	l.watch = time.AfterFunc(limit, func() {
		if silent() {
			l.cut(errSilent)
		}
	})
}

// close ends l and waits for its writer.
func (c *Client) close(l *link) {
	c.mu.Lock()
	l.closed = true
	c.outbox.before = max(c.outbox.before, l.sent)
	if l.watch != nil {
		l.watch.Stop()
	}
	if l.hurry != nil {
		l.hurry()
	}
	c.mu.Unlock()
	l.conn.CloseNow()
	l.writers.Wait()
}

// kickLocked starts a writer if there is something to write and none is at it.
func (c *Client) kickLocked() {
	l := c.link
	if l == nil || l.writing || l.closed || !c.readyLocked(l) {
		return
	}
	l.writing = true
	l.writers.Go(func() { c.write(l) })
}

// write writes until nothing is left.
func (c *Client) write(l *link) {
	var buf []byte
	for {
		if buf = c.next(l, buf[:0]); buf == nil {
			return
		}
		if err := l.conn.Write(context.Background(), websocket.MessageText, buf); err != nil {
			l.cut(err)
			return
		}
	}
}

// next appends the next message; nil if there is none, and then the writer is
// gone.
func (c *Client) next(l *link, buf []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.closed || !c.readyLocked(l) {
		l.writing = false
		return nil
	}
	if l.beat != nil {
		buf = wire.AppendHeartbeatAnswer(buf, *l.beat)
		l.beat = nil
		return buf
	}
	if len(l.moments) > 0 {
		buf = append(buf, l.moments[0]...)
		if l.moments = l.moments[1:]; len(l.moments) == 0 {
			l.moments = nil
		}
		return buf
	}
	if r := c.outbox.next(l.sent); r != nil {
		l.sent = r.ref
		return r.append(buf)
	}
	l.left, c.saidLeave = true, true
	return wire.AppendLeave(buf)
}

// readyLocked reports whether there is something to write over l.
func (c *Client) readyLocked(l *link) bool {
	switch {
	case !l.open:
		return false
	case l.beat != nil || len(l.moments) > 0:
		return true
	case c.outbox.next(l.sent) != nil:
		return !c.paused
	}
	return c.leaving && !l.left && len(c.outbox.requests) == 0
}
