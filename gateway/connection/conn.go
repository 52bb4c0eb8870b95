package connection

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Conn is one connection. It implements session.Conn, whose methods may be
// called concurrently; everything else is called by one goroutine at a time,
// the one that reads.
type Conn struct {
	server *Server
	socket *socket
	ws     *websocket.Conn
	member atomic.Pointer[session.Participant] // nil until joined
	packs  atomic.Bool                         // the client takes gzip

	limiter *rate.Limiter
	refused int       // messages past the rate, since the client last waited
	waits   time.Time // until when the last slow_down asked it to

	heard  atomic.Int64 // when the last message came, ms since 1970
	misses int          // the wheel's, as are the next
	slot   int
	index  int

	subject string       // whose token it is; empty if none was asked for
	expires atomic.Int64 // when the token does, ms since 1970; 0: never
	warned  atomic.Int64 // the expiry of which the client was told

	reason   atomic.Pointer[Reason] // set once, by whoever ends it first
	ending   sync.Once
	ended    atomic.Bool
	joined   atomic.Bool // the join has returned: the member has to be told of the end
	goodbye  sync.Once
	accepted bool // the handshake is done; guarded by Server.mu

	from netip.Prefix // counts as one address
	fd   int32        // the poller's
}

func newConn(s *Server) *Conn {
	return &Conn{server: s, limiter: rate.NewLimiter(rate.Limit(s.options.Rate), s.options.RateBurst), slot: -1}
}

// run implements outboxOwner.
func (c *Conn) run(f func()) {
	c.server.tasks.Add(1) // the connection itself is counted, so nobody has stopped waiting yet
	go func() {
		defer c.server.tasks.Done()
		f()
	}()
}

// queued implements outboxOwner.
func (c *Conn) queued(n int) {
	if n != 0 {
		c.server.Stats.Backlog.Add(int64(n))
	}
}

// Deliver implements fanout.Subscriber.
func (c *Conn) Deliver(f *fanout.Frame) {
	if c.packs.Load() {
		c.socket.out.send(f.Compressed(), true, f.Last)
		return
	}
	c.socket.out.send(f.Plain(), true, f.Last)
}

// Send implements session.Conn.
func (c *Conn) Send(message []byte) { c.socket.out.send(text(message), false, 0) }

// Joined implements session.Conn.
func (c *Conn) Joined(p *session.Participant) { c.member.Store(p) }

// Start implements session.Conn.
func (c *Conn) Start(message []byte, at uint64) {
	if message != nil {
		message = text(message)
	}
	c.socket.out.start(message, at)
}

// More implements session.Conn.
func (c *Conn) More() { c.socket.out.hold() }

// caughtUp implements outboxOwner.
func (c *Conn) caughtUp(_ uint64, dropped bool) {
	if dropped {
		c.server.Stats.Lagged.Add(1)
	}
	c.member.Load().Behind()
}

// Lag implements session.Conn.
func (c *Conn) Lag() (from uint64, lags bool) { return c.socket.out.lag() }

// broken implements outboxOwner.
func (c *Conn) broken(err error) {
	reason := ReasonLost
	if errors.Is(err, errStalled) || errors.Is(err, errFull) {
		reason = ReasonUnwritable
	}
	if !c.reason.CompareAndSwap(nil, &reason) {
		return // whoever gave the reason closes
	}
	c.run(func() {
		if reason == ReasonUnwritable {
			c.close(wire.CloseUnwritable, "this connection takes too little")
			return
		}
		c.close(0, "")
	})
}

// End implements session.Conn: it tells the client and closes.
func (c *Conn) End(e *wire.Error) {
	code := e.Close
	reason, ok := byCode[code]
	if !ok {
		code, reason = wire.CloseInternal, ReasonInternal
	}
	if !c.reason.CompareAndSwap(nil, &reason) {
		return
	}
	text := e.Message
	if e.Code != "" {
		c.Send(e.Encode())
		text = string(e.Code)
	}
	if e.After > 0 {
		text = wire.WaitReason(e.After) + ": " + text
	}
	c.run(func() { c.close(code, text) })
}

// close does the close handshake (RFC 6455, section 7.1) and ends the
// connection; without a code it only does the latter. It may take 10 s.
func (c *Conn) close(code wire.CloseCode, text string) {
	c.socket.ending()
	if c.server.poller != nil {
		c.server.poller.remove(c)
	}
	if code == 0 {
		c.ws.CloseNow()
	} else {
		c.ws.Close(websocket.StatusCode(code), text)
	}
	c.finish()
}

// finish lets go of everything, once.
func (c *Conn) finish() {
	c.ending.Do(func() {
		lost := ReasonLost
		c.reason.CompareAndSwap(nil, &lost)
		c.ended.Store(true) // before the next two, so that nobody adds it again behind them
		c.server.wheel.remove(c)
		if c.server.poller != nil {
			c.server.poller.remove(c)
		}
		c.socket.out.close()
		c.bye()
		c.server.Stats.ended[*c.reason.Load()].Add(1)
		if c.server.log.Core().Enabled(zap.DebugLevel) {
			c.server.log.Debug("connection ended", zap.String("reason", string(*c.reason.Load())))
		}
		c.server.release(c)
	})
}

// bye tells the session that the member's connection has ended, once it has
// both begun and ended.
func (c *Conn) bye() {
	if c.ended.Load() && c.joined.Load() {
		c.goodbye.Do(c.member.Load().Gone)
	}
}

// begin reads the join and lets the connection into its session.
func (c *Conn) begin(sessionID string, refusal *wire.Error) {
	c.heard.Store(time.Now().UnixMilli())
	if refusal != nil {
		c.End(refusal)
		return
	}
	if err := c.join(sessionID); err != nil {
		c.stop(err)
		return
	}
	c.joined.Store(true)
	c.server.wheel.add(c)
	c.watchExpiry(time.Now())
	c.bye()
	if c.server.drains() {
		c.End(errStopping) // it came too late for a drain message
	}
	c.rest()
}

// join returns the error that ended the connection.
func (c *Conn) join(sessionID string) error {
	limit := newJoinLimit(c.server.options.JoinTimeout, func() { c.End(errJoinTimeout) })
	defer limit.met()
	var m wire.Message
	for m.Type != wire.TypeJoin {
		if err := c.first(&m); err != nil {
			return err
		}
	}
	limit.met()
	if c.server.drains() {
		return errStopping
	}
	c.packs.Store(m.Join.Accepts("gzip"))
	wait, stop := context.WithTimeoutCause(context.Background(), c.server.options.JoinTimeout, errStoreSlow)
	defer stop()
	who, err := c.authenticate(wait, m.Join.Token, sessionID)
	if err != nil {
		return err
	}
	leave, err := c.server.turns.enter(wait, sessionID)
	if err != nil {
		return err
	}
	defer leave()
	return c.server.sessions.JoinAs(wait, sessionID, &m.Join, who, c)
}

// first reads a message of a connection that has not joined. What it does not
// know is passed over.
func (c *Conn) first(m *wire.Message) error {
	data, err := c.next()
	if err == nil {
		err = wire.Decode(*data, m)
	}
	giveBack(data)
	switch m.Type {
	case wire.TypePublish, wire.TypeCommand, wire.TypeLeave, wire.TypeHeartbeat:
		return errJoinRequired
	}
	if err != nil {
		return err
	}
	refused, err := c.tooFast(m)
	if refused {
		m.Type = "" // it was told to wait, so a join is not taken
	}
	return err
}

var (
	errJoinRequired = &wire.Error{Code: wire.CodeJoinRequired, Close: wire.CloseJoinRefused, Message: "the first message must be a join"}
	errStoreSlow    = &wire.Error{Code: wire.CodeUnavailable, Close: wire.CloseStoreAway, Retry: true, After: 5 * time.Second,
		Message: "the store is too slow; come back in 5 s or more"}
)

// rest waits for the next message, without a goroutine where that is possible.
func (c *Conn) rest() {
	p := c.server.poller
	if p == nil {
		for c.receive() {
		}
		return
	}
	if !c.socket.rest() {
		c.run(c.readable)
		return
	}
	if err := p.wait(c); err != nil {
		c.run(func() {
			for c.receive() {
			}
		})
	}
}

// readable is called when there is something to read.
func (c *Conn) readable() {
	for c.receive() {
		if c.socket.rest() && c.server.poller.wait(c) == nil {
			return
		}
	}
}

var messages = sync.Pool{New: func() any { return new([]byte) }}

// next reads one message. Its bytes are lent; see giveBack.
func (c *Conn) next() (*[]byte, error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	data := messages.Get().(*[]byte)
	*data, err = c.readAll((*data)[:0], r)
	if err == nil && kind != websocket.MessageText {
		err = &wire.Error{Code: wire.CodeMalformed, Close: wire.CloseMalformed, Message: "a message must be text, not binary"}
	}
	c.heard.Store(time.Now().UnixMilli())
	c.server.Stats.Messages.Add(1)
	c.server.Stats.Received.Add(int64((len(*data) + receivedStep - 1) / receivedStep * receivedStep))
	return data, err
}

func giveBack(data *[]byte) {
	if data != nil && cap(*data) <= 16<<10 {
		messages.Put(data)
	}
}

// readAll is io.ReadAll into a slice that is there already, up to the limit of
// a message. One that is longer is refused with the first byte too many, however
// slowly the others come.
func (c *Conn) readAll(b []byte, r io.Reader) ([]byte, error) {
	limit := c.server.options.MessageLimit
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), limit+1)]) // waits until it has as many
		b = b[:len(b)+n]
		switch {
		case len(b) > limit:
			return b, &wire.Error{Code: wire.CodeTooBig, Close: wire.CloseTooBig,
				Message: "a message may have at most " + strconv.Itoa(limit) + " bytes"}
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}
