package chaos

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// message is any message from the gateway.
type message struct {
	Type    string `json:"type"`
	Replica string `json:"replica"`
	Session struct {
		Epoch  string `json:"epoch"`
		Offset uint64 `json:"offset"`
	} `json:"session"`
	You struct {
		Member string `json:"member"`
		Seat   string `json:"seat"`
	} `json:"you"`
	Acked   uint64          `json:"acked"`
	Resumed bool            `json:"resumed"`
	Members json.RawMessage `json:"members"`
	State   json.RawMessage `json:"state"`
	Events  []struct {
		Offset uint64          `json:"offset"`
		At     int64           `json:"at"`
		Event  string          `json:"event"`
		From   string          `json:"from"`
		Ref    string          `json:"ref"`
		Data   json.RawMessage `json:"data"`
	} `json:"events"`
	Ref    uint64 `json:"ref"`
	Offset uint64 `json:"offset"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	At     int64  `json:"at"`
	After  int64  `json:"after"`
}

func receive(ctx context.Context, conn *websocket.Conn) (*message, error) {
	typ, data, err := conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	if typ == websocket.MessageBinary {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("a binary message that is no gzip: %w", err)
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("a binary message that is no gzip: %w", err)
		}
	}
	m := new(message)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("a message that is no JSON: %w", err)
	}
	return m, nil
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("chaos: " + err.Error()) // maps of strings and numbers
	}
	return b
}

// publish makes requests at the rate of the run.
func (w *witness) publish(ctx context.Context) {
	for n := 1; sleep(ctx, time.Duration(min(4, w.rand.ExpFloat64())*float64(time.Second)/w.session.rate)); n++ {
		event, data := "note", text(w.rand, n, false)
		request := map[string]any{"type": "publish", "event": event, "data": json.RawMessage(data)}
		if w.session.kind == "document" && w.rand.IntN(2) == 0 {
			event, data = "document.patched", patch(w.rand, -1)
			request = map[string]any{"type": "command", "command": "patch", "data": json.RawMessage(data)}
		}
		w.request(ctx, event, data, request)
	}
}

// request keeps a request until it is settled, and sends it if there is a connection.
func (w *witness) request(ctx context.Context, event string, data []byte, request map[string]any) {
	w.sending.Lock()
	defer w.sending.Unlock()
	conn, text := w.keep(event, data, request)
	if conn == nil {
		return
	}
	writing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = conn.Write(writing, websocket.MessageText, text) // if it fails, the reader notices
}

func (w *witness) keep(event string, data []byte, request map[string]any) (*websocket.Conn, []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const most = 30
	if len(w.waiting) == most {
		return nil, nil
	}
	w.ref++
	request["ref"] = w.ref
	t := told{w.ref, marshal(request)}
	w.waiting = append(w.waiting, t)
	w.record.Sent(w.run.history.Now(), t.ref, event, data)
	return w.conn, t.text
}

// rejoined takes over a welcome, and returns what is to be sent now: some that
// took effect already, and all that the gateway does not know of.
func (w *witness) rejoined(conn *websocket.Conn, m *message) []told {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.seat, w.member = conn, m.You.Seat, m.You.Member
	w.doubt, w.beats = m.Acked, 0
	w.settleLocked(m.Acked, history.Acked, 0)
	if !m.Resumed {
		w.giveUpLocked(m.Acked)
	}
	send := slices.Clone(w.settled)
	for _, t := range w.waiting {
		if t.ref > m.Acked {
			send = append(send, t)
		}
	}
	return send
}

func (w *witness) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}

// settle takes the outcome of a request, if it waits for one.
func (w *witness) settle(ref uint64, outcome history.Outcome, offset uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settleLocked(ref, outcome, offset)
}

func (w *witness) settleLocked(ref uint64, outcome history.Outcome, offset uint64) {
	i := slices.IndexFunc(w.waiting, func(t told) bool { return t.ref == ref })
	if i < 0 {
		return
	}
	w.record.Settled(ref, outcome, offset)
	if outcome == history.Acked {
		w.settled = append(w.settled[max(0, len(w.settled)+1-again):], w.waiting[i])
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
}

// giveUpLocked ends the wait for requests whose answer was lost.
func (w *witness) giveUpLocked(upTo uint64) {
	for len(w.waiting) > 0 && w.waiting[0].ref <= upTo {
		w.settleLocked(w.waiting[0].ref, history.Unknown, 0)
	}
}

// beat counts the heartbeats. At the second one all replays are long over.
func (w *witness) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.beats++; w.beats == 2 {
		w.giveUpLocked(w.doubt)
	}
}

// saw records events, and takes those of its own requests for their answers.
func (w *witness) saw(m *message) {
	seen := make([]history.Event, 0, len(m.Events))
	for _, e := range m.Events {
		if e.Offset == 0 {
			w.run.views.moments.Add(1)
			continue
		}
		h := history.Event{Offset: e.Offset, At: e.At, Name: e.Event, From: e.From, Data: e.Data}
		h.Client, h.Ref = parseRef(e.Ref)
		seen = append(seen, h)
	}
	w.run.views.deliveries.Add(int64(len(seen)))
	w.record.Saw(seen...)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range seen {
		w.offset = e.Offset
		if e.Client == w.id && e.From == w.member {
			w.giveUpLocked(min(w.doubt, e.Ref-1)) // refs take effect in order
			w.settleLocked(e.Ref, history.Acked, e.Offset)
		}
	}
}

func (w *witness) replaced(m *message) {
	w.record.Replaced(history.Snapshot{Epoch: m.Session.Epoch, Offset: m.Session.Offset, Reason: m.Reason, Members: m.Members, State: m.State})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.epoch, w.offset = true, m.Session.Epoch, m.Session.Offset
}

// stands returns the position of the witness, and how many of its requests are
// not settled.
func (w *witness) stands() (at struct {
	Epoch  string
	Offset uint64
}, pending int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at.Epoch, at.Offset = w.epoch, w.offset
	return at, len(w.waiting)
}

func (w *witness) memberID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.member
}
