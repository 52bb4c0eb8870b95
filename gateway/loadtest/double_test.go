package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// double stands in for a gateway, in virtual time: what it is told comes back to
// everybody after a delay that the test sets.
type double struct {
	t     *testing.T
	began time.Time
	delay func(at time.Duration) time.Duration // of an event that comes at a moment of the run; nil: none
	twist func(e *wire.Event)                  // changes an event, as a gateway must not; may be nil
	seen  func(r *http.Request, j *wire.Join)  // is told every join; may be nil
	hangs func(j *wire.Join) bool              // which joins are not answered; may be nil
	// expel says who is put out, when, and how; it may be nil.
	expel func(j *wire.Join) (after time.Duration, e *wire.Error)
	join  func(n int) *wire.Error // what the n-th join, from 0 on, is answered; nil: the welcome

	mu     sync.Mutex // guards the following
	joins  int
	events []wire.Event
	acked  map[string]uint64
	conns  map[*websocket.Conn]struct{}
	queue  chan request
}

type request struct {
	client string
	member string
	ref    uint64
	event  string
	data   []byte
	at     time.Duration
}

func newDouble(t *testing.T) *double {
	d := &double{t: t, began: time.Now(), acked: make(map[string]uint64), conns: make(map[*websocket.Conn]struct{}), queue: make(chan request, 10_000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range d.queue {
			d.take(r)
		}
	}()
	t.Cleanup(func() {
		close(d.queue)
		<-done
	})
	return d
}

// ServeHTTP is a handshake and all that follows.
func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/api/sessions" {
		w.WriteHeader(http.StatusCreated)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Protocol}})
	if err != nil {
		d.t.Errorf("accept: %v", err)
		return
	}
	defer conn.CloseNow()
	m, err := d.read(conn)
	if err != nil {
		return
	}
	client, member := m.Join.Client, "m-"+m.Join.Name
	if d.hangs != nil && d.hangs(&m.Join) {
		_, _ = d.read(conn) // until the other side gives up
		return
	}
	if !d.welcome(conn, r, &m.Join) {
		return
	}
	defer d.leave(conn)
	if d.expel != nil {
		if after, e := d.expel(&m.Join); e != nil {
			time.AfterFunc(after, func() {
				d.write(conn, e.Encode())
				conn.Close(websocket.StatusCode(e.Close), "")
			})
		}
	}
	for {
		if m, err = d.read(conn); err != nil {
			return
		}
		switch at := time.Since(d.began); m.Type {
		case wire.TypePublish:
			d.queue <- request{client, member, m.Publish.Ref, string(m.Publish.Event), m.Publish.Data, at}
		case wire.TypeCommand:
			d.queue <- request{client, member, m.Command.Ref, "document.patched", m.Command.Data, at}
		}
	}
}

func (d *double) read(conn *websocket.Conn) (m wire.Message, err error) {
	_, data, err := conn.Read(context.Background())
	if err == nil {
		err = wire.Decode(data, &m)
	}
	return m, err
}

// welcome answers a join. It reports whether the connection stays.
func (d *double) welcome(conn *websocket.Conn, r *http.Request, j *wire.Join) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen != nil {
		d.seen(r, j)
	}
	d.joins++
	if d.join != nil {
		if e := d.join(d.joins - 1); e != nil {
			d.write(conn, e.Encode())
			conn.Close(websocket.StatusCode(e.Close), "")
			return false
		}
	}
	head := uint64(len(d.events))
	w := wire.Welcome{Type: wire.TypeWelcome, Protocol: wire.Protocol, Replica: "double", You: wire.You{Member: "m-" + j.Name, Seat: j.Name, Client: j.Client},
		Session: wire.SessionInfo{ID: "s", Kind: "broadcast", Epoch: "e", Offset: head}, Acked: d.acked[j.Client],
		Members: json.RawMessage("[]"), State: json.RawMessage("{}"), Heartbeat: 25_000}
	if j.Since != nil {
		w.Resumed, w.Session.Offset, w.Members, w.State = true, j.Since.Offset, nil, nil
	}
	d.write(conn, encode(d.t, w))
	if w.Session.Offset < head {
		d.write(conn, encode(d.t, wire.Frame{Type: wire.TypeFrame, Events: d.events[w.Session.Offset:]}))
	}
	d.conns[conn] = struct{}{}
	return true
}

func (d *double) leave(conn *websocket.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, conn)
}

// take lets a request take effect, once.
func (d *double) take(r request) {
	if d.delay != nil {
		time.Sleep(d.delay(r.at) - (time.Since(d.began) - r.at))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.ref <= d.acked[r.client] {
		return
	}
	d.acked[r.client] = r.ref
	e := wire.Event{Offset: uint64(len(d.events)) + 1, At: 1, Event: r.event, From: r.member, Ref: fmt.Sprintf("%s:%d", r.client, r.ref), Data: slices.Clone(r.data)}
	if d.twist != nil {
		d.twist(&e)
	}
	d.events = append(d.events, e)
	frame := encode(d.t, wire.Frame{Type: wire.TypeFrame, Events: []wire.Event{e}})
	for conn := range d.conns {
		d.write(conn, frame)
	}
}

// write writes; a connection that is gone is noticed by its reader.
func (d *double) write(conn *websocket.Conn, data []byte) {
	_ = conn.Write(context.Background(), websocket.MessageText, data)
}

func encode(t *testing.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
