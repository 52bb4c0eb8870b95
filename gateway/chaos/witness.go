package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// witness takes part in a session by a client of its own, written from the
// protocol's page and sharing nothing with the Go client. It records what comes
// over the wire as it comes, where the Go client would drop what it has already;
// and whenever it is let in again it sends some requests anew that had been
// acknowledged: they must have no effect.
type witness struct {
	run     *run
	session *session
	name    string
	gzip    bool
	id      string
	sockets sockets
	record  *history.Client
	rand    *mathrand.Rand // of the goroutine that publishes
	silence int            // joins that were never answered; of the goroutine of live

	sending sync.Mutex // held while requests are written, so that refs rise; taken before mu

	mu      sync.Mutex // guards the following
	conn    *websocket.Conn
	seat    string
	member  string
	known   bool
	epoch   string
	offset  uint64
	ref     uint64
	waiting []told // requests that are not settled, by rising ref
	settled []told // the last ones that took effect
	doubt   uint64 // requests up to this one are settled, but perhaps nothing will say so
	beats   int    // since the welcome
}

// told is a request as it was sent.
type told struct {
	ref  uint64
	text []byte
}

// again is how many acknowledged requests are sent anew.
const again = 5

func newWitness(r *run, s *session, number int) *witness {
	w := &witness{run: r, session: s, name: "witness of " + s.id, gzip: number%2 == 0, id: rand.Text(),
		rand: mathrand.New(mathrand.NewPCG(r.o.Seed, uint64(1_000_000+number)))}
	w.record = s.record.Client(w.name, w.id)
	return w
}

// live goes from connection to connection until ctx ends.
func (w *witness) live(ctx, publishing context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { w.publish(publishing) })
	for ctx.Err() == nil {
		err := w.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		w.record.Lost(err.Error())
		w.run.views.add("a witness lost a connection")
		if w.final(err) {
			w.record.Fault("closed for good: " + err.Error())
			return
		}
		wait := time.Duration(mathrand.Int64N(int64(time.Second)))
		if websocket.CloseStatus(err) == 4007 {
			wait += 5 * time.Second // the protocol asks for it
		}
		sleep(ctx, wait)
	}
}

// final says whether the gateway has ended the connection for good. That it was
// replaced by the same client is no end if a join of ours is still on its way:
// it came late, and has replaced the connection that was made after it.
func (w *witness) final(err error) bool {
	switch code := websocket.CloseStatus(err); code {
	case 4506:
		return w.silence == 0
	case websocket.StatusProtocolError, websocket.StatusPolicyViolation:
		return true
	default:
		return code >= 4500
	}
}

// connection uses one connection from the handshake until it ends, and returns why.
func (w *witness) connection(ctx context.Context) error {
	dialing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := "ws" + strings.TrimPrefix(w.run.cluster.nginx.url, "http") + "/api/websocket?session=" + url.QueryEscape(w.session.id)
	conn, _, err := websocket.Dial(dialing, address, &websocket.DialOptions{HTTPClient: w.sockets.client(), Subprotocols: []string{"plenum.v1"}})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(16 << 20)
	w.silence++
	if err := conn.Write(dialing, websocket.MessageText, w.join()); err != nil {
		return err
	}
	defer w.use(nil)
	until := time.Time{} // when to move, if the gateway asked for it
	for {
		// The gateway beats every 2 s: silence means that the connection is dead.
		deadline := time.Now().Add(2 * patience)
		if !until.IsZero() && until.Before(deadline) {
			deadline = until
		}
		reading, cancel := context.WithDeadline(ctx, deadline)
		m, err := receive(reading, conn)
		cancel()
		if err != nil {
			return err
		}
		if m.Type == "drain" {
			until = time.Now().Add(time.Duration(m.After) * time.Millisecond)
		}
		if err := w.handle(ctx, conn, m); err != nil {
			return err
		}
	}
}

func (w *witness) join() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	join := map[string]any{"type": "join", "client": w.id, "name": w.name}
	if w.seat != "" {
		join["seat"] = w.seat
	}
	if w.known {
		join["since"] = map[string]any{"epoch": w.epoch, "offset": w.offset}
	}
	if w.gzip {
		join["accept"] = []string{"gzip"}
	}
	return marshal(join)
}

func (w *witness) use(conn *websocket.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
}

// handle acts on a message. An error ends the connection.
func (w *witness) handle(ctx context.Context, conn *websocket.Conn, m *message) error {
	switch m.Type {
	case "welcome":
		return w.welcomed(ctx, conn, m)
	case "frame":
		w.saw(m)
	case "ack":
		w.settle(m.Ref, history.Acked, m.Offset)
	case "error":
		w.run.views.add("a witness got error " + m.Code)
		if m.Ref != 0 {
			w.settle(m.Ref, history.Refused, 0)
		}
	case "state":
		w.run.views.add("state " + m.Reason)
		w.replaced(m)
		if w.waits() {
			return errors.New("asks anew what became of its requests")
		}
	case "heartbeat":
		w.beat()
		return conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"heartbeat","at":%d,"offset":%d}`, m.At, w.offset))
	}
	return nil
}

func (w *witness) welcomed(ctx context.Context, conn *websocket.Conn, m *message) error {
	w.silence--
	w.record.Welcomed(history.Welcome{Replica: m.Replica, Member: m.You.Member, Epoch: m.Session.Epoch, Offset: m.Session.Offset,
		Acked: m.Acked, Resumed: m.Resumed})
	if m.Resumed {
		w.run.views.add("resumed")
	} else {
		m.Reason = "snapshot"
		w.run.views.add("state snapshot")
		w.replaced(m)
	}
	w.sending.Lock()
	defer w.sending.Unlock()
	for _, t := range w.rejoined(conn, m) {
		if err := conn.Write(ctx, websocket.MessageText, t.text); err != nil {
			return err
		}
	}
	return nil
}
