package client

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Client takes part in one session. All methods may be called concurrently,
// also before Run. It must not be copied.
type Client struct {
	o       Options
	id      string
	invalid error         // what is wrong with the options
	done    chan struct{} // closed when Run has returned

	// Of the goroutine of Run.
	failures int // attempts and short connections in a row

	mu        sync.Mutex
	running   bool
	ended     bool
	leaving   bool
	saidLeave bool
	left      bool // the seat is given up
	urls      int  // connections tried, from a random start
	link      *link
	renewal   *renewal
	member    string
	seat      string
	unheard   time.Time     // when a join was given up that may still take effect
	position  wire.Position // of what the callbacks have been given; no epoch: none
	limit     int           // bytes of a message to the gateway; 0 while unknown
	outbox    outbox
	paused    bool        // requests wait, because the gateway asked for it
	unpause   *time.Timer // ends it
}

// New returns a client; it does nothing before [Client.Run]. What is wrong with
// the options is told there.
func New(o Options) *Client {
	o, err := o.withDefaults()
	c := &Client{o: o, id: rand.Text(), invalid: err, done: make(chan struct{}), seat: o.Seat}
	if err != nil {
		return c
	}
	c.urls = int(o.Rand() * float64(len(o.URLs)))
	if o.Since != nil {
		c.position = *o.Since
	}
	return c
}

// ID returns the client's name in the protocol: it scopes the refs.
func (c *Client) ID() string { return c.id }

// Member returns the member's id; empty before the first welcome.
func (c *Client) Member() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.member
}

// Seat returns the secret that proves the member: whoever has it is the
// member. Empty before the first welcome, if Options had none.
func (c *Client) Seat() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seat
}

// Position returns the position up to which the callbacks have been given
// everything and have returned. Its Epoch is empty before the first welcome.
func (c *Client) Position() wire.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.position
}

// Pending returns the number of publishes and commands that are not settled.
func (c *Client) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.outbox.requests {
		if !r.own {
			n++
		}
	}
	return n
}

// Run connects and stays connected, over all that may break, until ctx ends or
// [Client.Leave] is through (it then returns nil), or until the gateway ends it
// for good (a [*Closed]). It calls the callbacks, and when it has returned no
// goroutine is left and every request has been settled. To end, it waits for
// the gateway to answer its close, up to ten seconds if that is dead. It can
// be called once.
func (c *Client) Run(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	hung := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(hung)
		c.hangUp()
	})
	err := c.run(ctx)
	if !stop() {
		<-hung
	}
	c.end(err)
	return err
}

func (c *Client) begin() error {
	if c.invalid != nil {
		return c.invalid
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || c.ended {
		return ErrRunning
	}
	c.running = true
	return nil
}

// hangUp closes the connection in use; the seat stays.
func (c *Client) hangUp() {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.conn.Close(websocket.StatusGoingAway, "")
	}
}

// run goes from connection to connection.
func (c *Client) run(ctx context.Context) error {
	c.status(Status{Phase: PhaseConnecting})
	l, err := c.connect(ctx, nil)
	for err == nil {
		cause := c.serve(ctx, l)
		next := c.successor()
		if next == nil {
			if err = c.verdict(ctx, l, cause); err == nil {
				next, err = c.connect(ctx, cause)
			}
		}
		l = next
	}
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// errEnd is the good end of a run.
var errEnd = errors.New("the end")

// verdict returns nil if a client that lost l because of cause is to connect
// again.
func (c *Client) verdict(ctx context.Context, l *link, cause error) error {
	if ctx.Err() != nil {
		return errEnd
	}
	closed, ok := errors.AsType[*Closed](cause)
	if !ok || closed.Code.Reconnect() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.saidLeave && slices.Contains(seatGone, closed.Code):
		c.left = true
		return errEnd
	case closed.Code == wire.CloseReplaced && l != nil && (l.rival || time.Since(c.unheard) < givenUpFor):
		return nil
	}
	return closed
}

// seatGone is how a connection of who has said leave ends when the seat is given
// up: with the answer, or, where that was lost, because nobody has the seat, or
// because a replica that had not heard of the leave yet hears of it.
var seatGone = []wire.CloseCode{wire.CloseNormal, wire.CloseJoinRefused, wire.CloseRemoved}

// givenUpFor is how long a join that this client has given up may still take
// effect somewhere, and end the connection that was made after it.
const givenUpFor = time.Minute

// connect tries until it has a connection, ctx ends, or the gateway says never.
// cause is what ended the last connection; nil at the first time.
func (c *Client) connect(ctx context.Context, cause error) (*link, error) {
	for {
		if cause != nil {
			wait := c.o.Backoff.wait(c.failures, cause, c.o.Rand)
			c.failures++
			c.status(Status{Phase: PhaseReconnecting, Wait: wait, Err: cause})
			if !sleep(ctx, wait) {
				return nil, errEnd
			}
		}
		l, err := c.dial(ctx)
		if err == nil {
			return l, nil
		}
		if err := c.verdict(ctx, nil, err); err != nil {
			return nil, err
		}
		if cause == nil {
			c.failures++ // the first attempt had no wait of its own
		}
		cause = err
	}
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// nextURL returns the address of the next connection.
func (c *Client) nextURL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.urls++
	return c.o.URLs[(c.urls-1)%len(c.o.URLs)]
}

// serve applies what comes over l until it ends, and returns why.
func (c *Client) serve(ctx context.Context, l *link) error {
	defer c.close(l)
	err := c.adopt(l)
	for err == nil && ctx.Err() == nil {
		var m wire.ServerMessage
		if m, err = l.receive(context.Background(), c.o.MaxMessage); err == nil {
			err = c.apply(ctx, l, &m)
		}
	}
	if errors.Is(err, ErrProtocol) {
		c.report(err)
	}
	if time.Since(l.born) >= c.o.Backoff.Max {
		c.failures = 0
	}
	return err
}

// end settles what is left.
func (c *Client) end(err error) {
	c.mu.Lock()
	c.ended = true
	out := make([]settlement, 0, len(c.outbox.requests))
	for _, r := range c.outbox.requests {
		out = append(out, settled(r, 0, ErrClosed))
	}
	c.outbox.requests = nil
	if c.unpause != nil {
		c.unpause.Stop()
	}
	c.mu.Unlock()
	c.tell(out)
	c.status(Status{Phase: PhaseClosed, Err: err})
	close(c.done)
}
