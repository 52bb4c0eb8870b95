package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
	"github.com/plenum-gateway/plenum/pkg/wstest"
)

// fake is a gateway that does only what a test tells it to.
type fake struct {
	t       *testing.T
	srv     *wstest.Server
	peers   chan *peer
	refused atomic.Pointer[func(r *http.Request) int]
	deaf    bool // read nothing after the join
	session string
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, peers: make(chan *peer, 100), session: "s"}
	f.srv = wstest.NewServer(t, http.HandlerFunc(f.serve))
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if refuse := f.refused.Load(); refuse != nil {
		if status := (*refuse)(r); status != 0 {
			http.Error(w, "refused", status)
			return
		}
	}
	if got := r.URL.Query().Get("session"); r.URL.Path != "/api/websocket" || got != f.session {
		f.t.Errorf("the client asked for %s", r.URL)
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Protocol}})
	if err != nil {
		f.t.Errorf("accept: %v", err)
		return
	}
	p := &peer{Conn: wstest.Wrap(f.t, conn), t: f.t, host: r.Host, messages: make(chan wire.Message, 1000)}
	f.t.Cleanup(func() { conn.CloseNow() })
	f.peers <- p
	if f.deaf {
		p.readOne()
		return
	}
	defer close(p.messages)
	for p.readOne() {
	}
}

// refuse answers handshakes with the status that with gives; 0 is a handshake.
func (f *fake) refuse(with func(r *http.Request) int) { f.refused.Store(&with) }

// join waits for the next connection and its join.
func (f *fake) join() *peer {
	f.t.Helper()
	p := f.connected()
	p.join = p.next(wire.TypeJoin).Join
	return p
}

// connected waits for the next connection.
func (f *fake) connected() *peer {
	f.t.Helper()
	select {
	case p := <-f.peers:
		return p
	case <-time.After(time.Hour):
		f.t.Fatal("no connection came for an hour")
		return nil
	}
}

// noJoin fails the test if there is a connection that it did not expect.
func (f *fake) noJoin() {
	f.t.Helper()
	synctest.Wait()
	if len(f.peers) > 0 {
		f.t.Fatal("the client connected, and should not have")
	}
}

// peer is the gateway's side of one connection.
type peer struct {
	*wstest.Conn
	t        *testing.T
	host     string
	join     wire.Join
	messages chan wire.Message // closed when the connection has ended
	end      error             // why; after messages is closed
}

func (p *peer) readOne() bool {
	_, data, err := p.Read(context.Background())
	if err != nil {
		p.end = err
		return false
	}
	var m wire.Message
	if err := wire.Decode(data, &m); err != nil {
		p.t.Errorf("the client sent %s: %v", data, err)
	}
	p.messages <- m
	return true
}

// next waits for a message, which must be of the type.
func (p *peer) next(typ wire.Type) wire.Message {
	p.t.Helper()
	select {
	case m, ok := <-p.messages:
		if !ok {
			p.t.Fatalf("the connection ended with %v, want a %s", p.end, typ)
		}
		if m.Type != typ {
			p.t.Fatalf("the client sent a %s, want a %s", m.Type, typ)
		}
		return m
	case <-time.After(time.Hour):
		p.t.Fatalf("the client sent no %s for an hour", typ)
		return wire.Message{}
	}
}

// publishes waits for publishes or commands with just these refs, in order.
func (p *peer) publishes(refs ...uint64) {
	p.t.Helper()
	for _, want := range refs {
		m := <-p.messages
		if got := max(m.Publish.Ref, m.Command.Ref); got != want {
			p.t.Fatalf("the client sent a %s with ref %d, want %d", m.Type, got, want)
		}
	}
	p.quiet()
}

// quiet fails the test if the client has sent something that was not expected.
func (p *peer) quiet() {
	p.t.Helper()
	synctest.Wait()
	select {
	case m, ok := <-p.messages:
		if ok {
			p.t.Fatalf("the client sent a %s that nobody asked for: %+v", m.Type, m)
		}
	default:
	}
}

// closed waits until the client has closed, and returns the status; -1 if it
// just went away.
func (p *peer) closed() websocket.StatusCode {
	p.t.Helper()
	for range p.messages { // up to the end
	}
	return websocket.CloseStatus(p.end)
}

// welcome sends a welcome to session s at an offset of epoch e, changed by what.
func (p *peer) welcome(offset uint64, what ...func(*wire.Welcome)) {
	p.t.Helper()
	w := &wire.Welcome{Replica: "gw-1", Heartbeat: 25000, Frame: 100,
		Session: wire.SessionInfo{ID: "s", Kind: "broadcast", Epoch: "e", Offset: offset},
		You:     wire.You{Member: "m_1", Seat: "secret", Client: p.join.Client},
		Members: json.RawMessage(`[]`), State: json.RawMessage(`{"snapshot":true}`),
		Limits: wire.Limits{Message: 65536, Backlog: 262144}}
	for _, f := range what {
		f(w)
	}
	p.Send(w.Encode())
}

func resumed(w *wire.Welcome) { w.Resumed, w.Members, w.State = true, nil, nil }

func acked(ref uint64) func(*wire.Welcome) { return func(w *wire.Welcome) { w.Acked = ref } }

func epoch(e string) func(*wire.Welcome) { return func(w *wire.Welcome) { w.Session.Epoch = e } }

// frame sends the events of one frame; 0 is an ephemeral one.
func (p *peer) frame(offsets ...uint64) {
	p.t.Helper()
	events := make([]wire.Event, len(offsets))
	for i, o := range offsets {
		events[i] = wire.Event{Offset: o, At: 1, Event: "e", From: "m_2", Data: json.RawMessage(fmt.Sprint(o))}
	}
	p.Send(wire.Frame{Type: wire.TypeFrame, Events: events})
}

// echo sends the event of a request of the client's, in a frame of its own.
func (p *peer) echo(offset, ref uint64) {
	p.t.Helper()
	p.Send(wire.Frame{Type: wire.TypeFrame, Events: []wire.Event{{Offset: offset, At: 1, Event: "e", From: "m_1",
		Ref: fmt.Sprintf("%s:%d", p.join.Client, ref), Data: json.RawMessage("null")}}})
}

func (p *peer) ack(ref, offset uint64) { p.Send(wire.AppendAck(nil, ref, offset)) }

func (p *peer) refuse(e wire.Error) { p.Send(e.Encode()) }

func (p *peer) heartbeat(at int64) { p.Send(wire.AppendHeartbeat(nil, at)) }

// subject is a client under test with all that it told.
type subject struct {
	*client.Client
	t      *testing.T
	stop   context.CancelFunc
	result error
	ended  chan struct{}

	mu   sync.Mutex
	told []string // in the order of the callbacks
}

// start runs a client against f, with options changed by what, until the test ends.
func start(t *testing.T, f *fake, what ...func(*client.Options)) *subject {
	s := &subject{t: t, ended: make(chan struct{})}
	o := client.Options{
		URLs: []string{"ws://a.test"}, Session: "s", Name: "Ada", HTTPClient: f.srv.Client(),
		Rand:      func() float64 { return 0.5 },
		OnWelcome: func(w *wire.Welcome) { s.note("welcome %d", w.Session.Offset) },
		OnState:   func(st client.State) { s.note("%s %s/%d", st.Reason, st.Session.Epoch, st.Session.Offset) },
		OnEvents: func(events []wire.Event) {
			var offsets []string
			for _, e := range events {
				offsets = append(offsets, fmt.Sprint(e.Offset))
			}
			s.note("events %s", strings.Join(offsets, " "))
		},
		OnPrivate: func(p *wire.Private) { s.note("private %s %s", p.Event, p.Data) },
		OnSettled: func(o client.Settled) { s.note("settled %d at %d: %v", o.Ref, o.Offset, o.Err) },
		OnStatus:  func(st client.Status) { s.note("%s", st.Phase) },
		OnError:   func(err error) { s.note("error %v", err) },
	}
	for _, f := range what {
		f(&o)
	}
	s.Client = client.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	go func() {
		defer close(s.ended)
		s.result = s.Run(ctx)
	}()
	t.Cleanup(func() { s.end() })
	return s
}

// end ends the client and returns what Run returned.
func (s *subject) end() error {
	s.stop()
	return s.wait()
}

// wait waits for Run to return by itself.
func (s *subject) wait() error {
	select {
	case <-s.ended:
	case <-time.After(time.Hour):
		s.t.Error("Run has not returned for an hour")
		<-s.ended
	}
	return s.result
}

func (s *subject) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// heard waits until nothing moves and returns what was told since the last
// call and begins with one of the words, if there are any.
func (s *subject) heard(words ...string) []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told
	s.told = nil
	return slices.DeleteFunc(told, func(what string) bool {
		return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(what, w) })
	})
}

// hears fails the test unless heard gives just this.
func (s *subject) hears(words string, want ...string) {
	s.t.Helper()
	got := s.heard(strings.Fields(words)...)
	if !slices.Equal(got, want) {
		s.t.Fatalf("the client told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
