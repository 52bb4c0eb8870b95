package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wire"
	"github.com/plenum-gateway/plenum/pkg/wstest"
)

// model is a small gateway that keeps the protocol's promises, and breaks
// connections whenever it likes. Its state is the log of event ids.
type model struct {
	t   *testing.T
	srv *wstest.Server

	mu     sync.Mutex
	random *rand.Rand
	calm   bool // no more faults
	epoch  int
	log    []string            // the id of the event at offset i+1
	events []json.RawMessage   // the same, as in frames
	taken  map[string][]uint64 // the refs of each client that took effect
	conns  []*modelConn
	counts map[string]int // of what happened
}

type modelConn struct {
	ws     *websocket.Conn
	join   wire.Join
	member string
	acked  uint64 // of its welcome
	last   uint64 // ref
	queue  chan []byte
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 1)), taken: map[string][]uint64{}, counts: map[string]int{}}
	m.srv = wstest.NewServer(t, http.HandlerFunc(m.serve))
	return m
}

// acked returns the highest ref that took effect when there were late fewer.
func (m *model) acked(client string, late int) uint64 {
	refs := m.taken[client]
	if len(refs) <= late {
		return 0
	}
	return refs[len(refs)-1-late]
}

func (m *model) chance(percent int) bool { return m.random.IntN(100) < percent }

func (m *model) epochNow() string { return fmt.Sprint("e", m.epoch) }

func (m *model) serve(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	refuse := !m.calm && m.chance(10)
	m.mu.Unlock()
	if refuse {
		http.Error(w, "overloaded", http.StatusServiceUnavailable)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		m.t.Errorf("accept: %v", err)
		return
	}
	defer ws.CloseNow()
	conn := &modelConn{ws: ws, queue: make(chan []byte, 10000)}
	var writer sync.WaitGroup
	writer.Go(func() {
		for data := range conn.queue {
			if ws.Write(context.Background(), websocket.MessageText, data) != nil {
				ws.CloseNow()
			}
		}
	})
	for {
		_, data, err := ws.Read(context.Background())
		if err != nil {
			break
		}
		m.take(conn, data)
	}
	m.mu.Lock()
	m.conns = slices.DeleteFunc(m.conns, func(c *modelConn) bool { return c == conn })
	close(conn.queue)
	m.mu.Unlock()
	writer.Wait()
}

// take handles a message of a client.
func (m *model) take(conn *modelConn, data []byte) {
	var msg wire.Message
	if err := wire.Decode(data, &msg); err != nil {
		m.t.Errorf("the client sent %s: %v", data, err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch msg.Type {
	case wire.TypeJoin:
		m.joined(conn, msg.Join)
	case wire.TypePublish:
		m.published(conn, &msg.Publish)
	case wire.TypeHeartbeat:
		m.counts["heartbeats"]++
	}
}

func (m *model) joined(conn *modelConn, join wire.Join) {
	if !m.calm && m.chance(10) {
		go conn.ws.CloseNow() // the welcome is lost
		return
	}
	for _, other := range m.conns {
		if other.join.Client == join.Client {
			go other.ws.Close(4506, "replaced")
		}
	}
	late := 0
	if m.chance(20) {
		late = 2 // appends of the last connection were still under way
	}
	conn.join, conn.member, conn.acked = join, "m_"+join.Name, m.acked(join.Client, late)
	head := uint64(len(m.log))
	welcome := wire.Welcome{Session: wire.SessionInfo{ID: "s", Epoch: m.epochNow(), Offset: head}, Acked: conn.acked,
		You: wire.You{Member: conn.member, Seat: "seat", Client: join.Client}, Heartbeat: 25000}
	if s := join.Since; s != nil && s.Epoch == m.epochNow() && s.Offset <= head && !m.chance(10) {
		welcome.Resumed, welcome.Session.Offset = true, s.Offset
		m.counts["resumed"]++
	} else {
		welcome.State = m.state()
		m.counts["snapshots"]++
	}
	conn.queue <- welcome.Encode()
	m.conns = append(m.conns, conn)
	m.frame(conn, welcome.Session.Offset)
}

func (m *model) state() json.RawMessage {
	state, err := json.Marshal(m.log)
	if err != nil {
		m.t.Error(err)
	}
	return state
}

// frame sends a connection the events after an offset.
func (m *model) frame(conn *modelConn, after uint64) {
	if after == uint64(len(m.log)) {
		return
	}
	data, err := json.Marshal(map[string]any{"type": "frame", "events": m.events[after:]})
	if err != nil {
		m.t.Error(err)
	}
	conn.queue <- data
}

func (m *model) published(conn *modelConn, p *wire.Publish) {
	if !slices.Contains(m.conns, conn) {
		return // replaced, or on its way out
	}
	if p.Ref <= conn.last || p.Ref <= conn.acked {
		m.t.Errorf("ref %d came after %d; %d was acknowledged", p.Ref, conn.last, conn.acked)
	}
	conn.last = p.Ref
	fault := m.random.IntN(100)
	repeated := p.Ref <= m.acked(conn.join.Client, 0)
	switch {
	case m.calm || repeated:
	case fault < 5:
		m.counts["cut before"]++
		m.drop(conn)
		return
	case fault < 15:
		m.counts["refused"]++
		conn.queue <- (&wire.Error{Code: wire.CodeForbidden, Message: "no", Ref: p.Ref}).Encode()
		return
	case fault < 20:
		m.counts["slowed down"]++
		conn.queue <- (&wire.Error{Code: wire.CodeSlowDown, Message: "no", Ref: p.Ref, Retry: true, After: 20 * time.Millisecond}).Encode()
		return
	case fault < 25:
		m.counts["cut after"]++
		m.drop(conn)
	}
	if repeated {
		m.counts["repeated"]++
		conn.queue <- wire.AppendAck(nil, p.Ref, uint64(len(m.log)))
		return
	}
	m.taken[conn.join.Client] = append(m.taken[conn.join.Client], p.Ref)
	var id string
	if err := json.Unmarshal(p.Data, &id); err != nil {
		m.t.Errorf("data %s: %v", p.Data, err)
	}
	m.log = append(m.log, id)
	m.events = append(m.events, json.RawMessage(fmt.Sprintf(`{"offset":%d,"at":1,"event":"e","from":%q,"ref":"%s:%d","data":%q}`,
		len(m.log), conn.member, conn.join.Client, p.Ref, id)))
	for _, c := range m.conns {
		m.frame(c, uint64(len(m.log)-1))
	}
}

// drop cuts a connection, together with what waits in it.
func (m *model) drop(conn *modelConn) {
	m.conns = slices.DeleteFunc(m.conns, func(c *modelConn) bool { return c == conn })
	go conn.ws.CloseNow()
}

// fault breaks something.
func (m *model) fault() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.conns) == 0 {
		return
	}
	conn := m.conns[m.random.IntN(len(m.conns))]
	switch m.random.IntN(6) {
	case 0:
		m.counts["cuts"]++
		m.drop(conn)
	case 1:
		m.counts["closes"]++
		m.conns = slices.DeleteFunc(m.conns, func(c *modelConn) bool { return c == conn })
		go conn.ws.Close(4000, "drained")
	case 2, 3:
		m.counts["drains"]++
		conn.queue <- fmt.Appendf(nil, `{"type":"drain","after":%d}`, m.random.IntN(50))
	case 4:
		m.counts["states"]++
		conn.queue <- (&wire.StateMessage{Session: wire.SessionInfo{ID: "s", Epoch: m.epochNow(), Offset: uint64(len(m.log))},
			Members: json.RawMessage(`[]`), State: m.state(), Reason: wire.ReasonLagged}).Encode()
	case 5:
		conn.queue <- wire.AppendHeartbeat(nil, 1)
	}
}

// twice sends a connection everything again, as a careless gateway might.
func (m *model) twice() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		m.frame(c, 0)
	}
}
