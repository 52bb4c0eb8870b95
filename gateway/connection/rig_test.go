package connection

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
	"github.com/plenum-gateway/plenum/pkg/wstest"
)

// rig is a server with all that stands behind it.
type rig struct {
	*testing.T
	*Server
	hub *fanout.Hub
	log *slowLog
	web *wstest.Server // in a bubble
	tcp net.Listener   // outside
}

func options() Options {
	return Options{MessageLimit: 65536, Backlog: 262144, Rate: 20, RateBurst: 40, Connections: 1000, Handshakes: 100_000, JoinTimeout: 10 * time.Second,
		Heartbeat: 25 * time.Second, Timeout: 35 * time.Second, Misses: 2}
}

// slowLog is an embedded log that takes its time when it is told to.
type slowLog struct {
	fanout.Log
	mu    sync.Mutex
	delay time.Duration
}

func (l *slowLog) slow(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

func (l *slowLog) Append(ctx context.Context, session string, a *fanout.Append) (fanout.Appended, error) {
	l.mu.Lock()
	d := l.delay
	l.mu.Unlock()
	if d > 0 {
		time.Sleep(d)
	}
	return l.Log.Append(ctx, session, a)
}

// bubble runs a test in virtual time, with connections in memory. Each of them
// waits in a goroutine, because a poller waits for the kernel.
func bubble(t *testing.T, edit func(o *Options), test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, edit, newServer)
		r.web = wstest.NewServer(t, r)
		test(r)
	})
}

// overTCP starts a server as the program has it, on a free port of loopback.
func overTCP(t *testing.T, edit func(o *Options)) *rig {
	t.Helper()
	return overSockets(t, edit, 0)
}

// overSockets does so, and has the kernel take only so many bytes for a
// connection, each way; 0 is its own choice.
func overSockets(t *testing.T, edit func(o *Options), buffer int) *rig {
	t.Helper()
	r := build(t, edit, func(s *session.Service, o Options, log *zap.Logger) *Server {
		server, err := New(s, o, log)
		if err != nil {
			t.Fatal(err)
		}
		return server
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.tcp = l
	web := &http.Server{Handler: r, ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
		if buffer > 0 {
			conn.(*net.TCPConn).SetWriteBuffer(buffer)
			conn.(*net.TCPConn).SetReadBuffer(buffer)
		}
		return ctx
	}}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	t.Cleanup(func() {
		web.Close()
		<-served
	})
	return r
}

func build(t *testing.T, edit func(o *Options), make func(*session.Service, Options, *zap.Logger) *Server) *rig {
	o := options()
	if edit != nil {
		edit(&o)
	}
	r := &rig{T: t, log: &slowLog{Log: memlog.New(memlog.Options{History: 2000})}}
	sessions := session.New(session.Options{Replica: "gw", Kinds: []kind.Kind{broadcast.Kind{}}, DefaultKind: "broadcast",
		CreateOnJoin: true, Capacity: 1000, Grace: 30 * time.Second, Welcome: wire.Welcome{Heartbeat: 25000, Frame: 100}})
	r.hub = fanout.New(r.log, Codec{}, sessions.Owner, fanout.Options{Piece: o.Backlog / 2})
	sessions.Attach(r.hub)
	r.Server = make(sessions, o, zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.hub.Run(ctx) })
	running.Go(func() { r.Server.Run(ctx) })
	t.Cleanup(func() {
		end, ended := context.WithTimeout(context.Background(), 30*time.Second)
		defer ended()
		r.CloseAll(end)
		sessions.Stop(end)
		cancel()
		running.Wait()
		r.balanced()
	})
	return r
}

// balanced fails the test unless every accepted connection has ended, once,
// with a reason.
func (r *rig) balanced() {
	sum := int64(0)
	for _, reason := range Reasons {
		sum += r.Stats.Ended(reason)
	}
	if accepted, open := r.Stats.Accepted.Load(), r.Stats.Open.Load(); accepted != sum || open != 0 {
		r.Errorf("%d accepted, %d ended with a reason, %d open", accepted, sum, open)
	}
	if waiting := r.Stats.Backlog.Load(); waiting != 0 {
		r.Errorf("%d bytes are told to wait, and there is no connection", waiting)
	}
	if n := len(r.conns); n != 0 {
		r.Errorf("%d connections are left in the server", n)
	}
	for i := range r.wheel.conns {
		if n := len(r.wheel.conns[i]); n != 0 {
			r.Errorf("%d connections are left on the wheel", n)
		}
	}
}

// ended fails the test unless so many connections have ended with a reason.
func (r *rig) ended(reason Reason, want int64) {
	r.Helper()
	if got := r.Stats.Ended(reason); got != want {
		all := make(map[Reason]int64)
		for _, reason := range Reasons {
			if n := r.Stats.Ended(reason); n > 0 {
				all[reason] = n
			}
		}
		r.Errorf("%d connections ended with %s; want %d; all: %v", got, reason, want, all)
	}
}

// peer is a client that reads all the time and remembers.
type peer struct {
	*websocket.Conn
	t    testing.TB
	done chan struct{} // closed at the end

	mu   sync.Mutex // guards the following
	got  []heard
	code websocket.StatusCode
	text string
}

// heard is one message, when it came, and how.
type heard struct {
	wire.ServerMessage
	at     time.Time
	packed bool
	size   int
}

// dial opens a WebSocket in a bubble; a query such as "s" is a session's id.
func (r *rig) dial(id string, o *websocket.DialOptions) *peer {
	r.Helper()
	return r.listen(r.web.Dial(r.T, "/api/websocket?session="+id, o).Conn)
}

// dialTCP does so over TCP.
func (r *rig) dialTCP(id string) *peer {
	r.Helper()
	conn, _, err := websocket.Dial(r.Context(), "ws://"+r.tcp.Addr().String()+"/?session="+id, nil)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.CloseNow() })
	return r.listen(conn)
}

func (r *rig) listen(conn *websocket.Conn) *peer {
	conn.SetReadLimit(-1)
	p := &peer{Conn: conn, t: r.T, done: make(chan struct{})}
	go p.read()
	return p
}

func (p *peer) read() {
	defer close(p.done)
	for {
		typ, data, err := p.Conn.Read(context.Background())
		if err != nil {
			p.end(err)
			return
		}
		p.hear(typ, data)
	}
}

func (p *peer) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var closed websocket.CloseError
	p.code, p.text = -1, err.Error()
	if errors.As(err, &closed) {
		p.code, p.text = closed.Code, closed.Reason
	}
}

func (p *peer) hear(typ websocket.MessageType, data []byte) {
	h := heard{at: time.Now(), packed: typ == websocket.MessageBinary, size: len(data)}
	var err error
	if h.packed {
		data, err = unpack(data)
	}
	if err == nil {
		h.ServerMessage, err = wire.DecodeServer(data)
	}
	if err != nil {
		p.t.Errorf("received %q: %v", data, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, h)
}

func unpack(data []byte) ([]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// say sends a text message.
func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatalf("sending %.100s: %v", text, err)
	}
}

// all returns the messages of a type.
func (p *peer) all(typ wire.Type) (of []heard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.got {
		if h.Type == typ {
			of = append(of, h)
		}
	}
	return of
}

// codes returns the codes of the errors.
func (p *peer) codes() (codes []wire.Code) {
	for _, h := range p.all(wire.TypeError) {
		codes = append(codes, h.Error.Code)
	}
	return codes
}

// events returns the events with a name, in order.
func (p *peer) events(name string) (events []wire.Event) {
	for _, h := range p.all(wire.TypeFrame) {
		for _, e := range h.Frame.Events {
			if e.Event == name {
				events = append(events, e)
			}
		}
	}
	return events
}

// closed waits for the end, and fails the test unless it came with a code.
func (p *peer) closed(code wire.CloseCode) (reason string) {
	p.t.Helper()
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.code != websocket.StatusCode(code) {
		p.t.Errorf("closed with %d %q; want %d", p.code, p.text, code)
	}
	return p.text
}

// isOpen fails the test if the connection has ended.
func (p *peer) isOpen() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Errorf("closed with %d %q", p.code, p.text)
	default:
	}
}

// join joins as a new member and waits for the welcome.
func (p *peer) join(more string) {
	p.t.Helper()
	p.say(`{"type":"join","client":"c","name":"n"` + more + `}`)
	await(p.t, "a welcome", func() bool { return len(p.all(wire.TypeWelcome)) == 1 })
}

// await waits for something that other goroutines bring about.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("no %s came", what)
		}
	}
}

// waiting is how many bytes wait.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}
