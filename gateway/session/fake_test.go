package session

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation/estimationtest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// fake is a connection without a socket. It checks, on its own, what a client
// may rely on: frames begin behind what came first, no event is missing, none
// comes twice.
type fake struct {
	t       testing.TB
	p       *Participant
	client  string
	started func()        // if not nil, called with each Start
	hold    chan struct{} // if not nil, the socket takes a piece of a replay when it is closed

	mu      sync.Mutex // guards the following
	first   *wire.Welcome
	state   *wire.StateMessage // the last one
	at      wire.Position
	seen    []wire.Event // all events, in order
	frames  [][]wire.Event
	size    int // bytes of all frames
	acks    map[uint64]uint64
	errors  []wire.Error
	ended   *wire.Error
	starts  int
	members map[string]wire.Member // as the events tell
	doc     map[string]any         // of a document, as the events tell
	mirror  *estimationtest.Mirror // of an estimation, as the events tell
	private []string               // private events, as "event data"
	deaf    bool                   // frames are dropped, as of a socket that is full or after More, until the next Start
	pieces  int                    // of replays
}

func newFake(t testing.TB) *fake {
	return &fake{t: t, acks: make(map[uint64]uint64), members: make(map[string]wire.Member)}
}

// Joined implements Conn.
func (f *fake) Joined(p *Participant) { f.p = p }

// Start implements Conn.
func (f *fake) Start(message []byte, at uint64) {
	if f.started != nil {
		f.started()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts++
	f.deaf = false
	if message == nil {
		if f.at.Offset != at {
			f.t.Errorf("frames start behind %d, but this client is at %d", at, f.at.Offset)
		}
		return
	}
	m, err := wire.DecodeServer(message)
	if err != nil {
		f.t.Errorf("%s: %v", message, err)
		return
	}
	switch m.Type {
	case wire.TypeWelcome:
		f.first = m.Welcome
		f.snapshotLocked(m.Welcome.Session, m.Welcome.Members, m.Welcome.State)
	case wire.TypeState:
		f.state = m.State
		f.snapshotLocked(m.State.Session, m.State.Members, m.State.State)
	default:
		f.t.Errorf("frames start with a %s", m.Type)
	}
	if f.at.Offset != at {
		f.t.Errorf("frames start behind %d, but the message says %d", at, f.at.Offset)
	}
}

func (f *fake) snapshotLocked(s wire.SessionInfo, members, state json.RawMessage) {
	f.at = wire.Position{Epoch: s.Epoch, Offset: s.Offset}
	if members == nil {
		return // resumed
	}
	clear(f.members)
	var all []wire.Member
	if err := json.Unmarshal(members, &all); err != nil {
		f.t.Errorf("%s: %v", members, err)
	}
	for _, m := range all {
		f.members[m.Member] = m
	}
	if s.Kind == "estimation" {
		var err error
		if f.mirror, err = estimationtest.New(f.first.You.Member, members, state); err != nil {
			f.t.Error(err)
		}
	}
	f.doc = nil
	if err := json.Unmarshal(state, &f.doc); err != nil {
		f.t.Errorf("%s: %v", state, err)
	}
}

// Lag implements Conn.
func (f *fake) Lag() (from uint64, lags bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at.Offset, f.deaf
}

// More implements Conn. The socket takes everything at once.
func (f *fake) More() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = true
	f.pieces++
	go func() {
		if f.hold != nil {
			<-f.hold
		}
		f.p.Behind()
	}()
}

// Deliver implements fanout.Subscriber.
func (f *fake) Deliver(frame *fanout.Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return
	}
	m, err := wire.DecodeServer(frame.Plain())
	if err != nil || m.Frame == nil {
		f.t.Errorf("%s: %v", frame.Plain(), err)
		return
	}
	if f.starts == 0 {
		f.t.Error("a frame came before the welcome")
	}
	f.frames = append(f.frames, m.Frame.Events)
	f.size += len(frame.Plain())
	for _, e := range m.Frame.Events {
		if e.Offset != 0 && e.Offset != f.at.Offset+1 {
			f.t.Errorf("event %d (%s) came behind %d", e.Offset, e.Event, f.at.Offset)
		}
		f.at.Offset = max(f.at.Offset, e.Offset)
		f.seen = append(f.seen, e)
		f.applyLocked(e)
	}
}

func (f *fake) applyLocked(e wire.Event) {
	var m struct{ Member, Name, Status, Role string }
	if f.mirror != nil {
		if err := f.mirror.Event(e.Event, e.Data); err != nil {
			f.t.Errorf("%s %s: %v", e.Event, e.Data, err)
		}
	}
	switch e.Event {
	case "document.patched": // flat patches without null
		if err := json.Unmarshal(e.Data, &f.doc); err != nil {
			f.t.Errorf("%s: %v", e.Data, err)
		}
	case eventJoined, eventChanged, eventLeft:
		if err := json.Unmarshal(e.Data, &m); err != nil {
			f.t.Errorf("%s: %v", e.Data, err)
		}
	}
	known := f.members[m.Member]
	switch e.Event {
	case eventJoined:
		if known.Member != "" {
			f.t.Errorf("%s joined and was there already", m.Member)
		}
		f.members[m.Member] = wire.Member{Member: m.Member, Name: m.Name, Status: m.Status, Role: m.Role}
	case eventChanged:
		if known.Member == "" {
			f.t.Errorf("%s changed and is not there", m.Member)
		}
		if m.Name == "" && m.Role == "" && m.Status == known.Status {
			f.t.Errorf("%s changed to %s and was that already", m.Member, m.Status)
		}
		if m.Role != "" {
			known.Role = m.Role
		}
		if m.Name != "" {
			known.Name = m.Name
		}
		if m.Status != "" {
			known.Status = m.Status
		}
		f.members[m.Member] = known
	case eventLeft:
		if known.Member == "" {
			f.t.Errorf("%s left and was not there", m.Member)
		}
		delete(f.members, m.Member)
	}
}

// Send implements Conn.
func (f *fake) Send(message []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := wire.DecodeServer(message)
	switch {
	case err != nil:
		f.t.Errorf("%s: %v", message, err)
	case m.Ack != nil:
		f.acks[m.Ack.Ref] = m.Ack.Offset
	case m.Error != nil:
		f.errors = append(f.errors, *m.Error)
	case m.Private != nil:
		f.private = append(f.private, m.Private.Event+" "+string(m.Private.Data))
		if f.mirror != nil {
			if err := f.mirror.Private(m.Private.Event, m.Private.Data); err != nil {
				f.t.Error(err)
			}
		}
	default:
		f.t.Errorf("unexpected %s", message)
	}
}

// End implements Conn. The connection is gone when the test says so.
func (f *fake) End(e *wire.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Close == 0 {
		f.t.Errorf("the connection is to be closed without a code: %v", e)
	}
	if f.ended == nil {
		f.ended = e
	}
}

// gone has the socket end, and returns when that has been told.
func (f *fake) gone() { f.p.Gone() }

func (f *fake) seat() string { return f.first.You.Seat }

func (f *fake) member() string { return f.first.You.Member }

func (f *fake) position() wire.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

// events returns what this connection saw, as "offset event data", ephemeral
// events without an offset; without the events about members.
func (f *fake) events() (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.seen {
		switch {
		case e.Event == eventJoined || e.Event == eventChanged || e.Event == eventLeft:
		case e.Offset == 0:
			texts = append(texts, fmt.Sprintf("%s %s", e.Event, e.Data))
		default:
			texts = append(texts, fmt.Sprintf("%d %s %s", e.Offset, e.Event, e.Data))
		}
	}
	return texts
}

// news returns what this connection was told about members since the last call,
// as "changed m_x status".
func (f *fake) news() (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.seen {
		var m struct{ Member, Name, Status, Reason string }
		switch e.Event {
		case eventJoined, eventChanged, eventLeft:
			json.Unmarshal(e.Data, &m)
			texts = append(texts, fmt.Sprintf("%s %s %s%s%s", e.Event, m.Member, m.Name, m.Status, m.Reason))
		}
	}
	f.seen = nil
	return texts
}

// status is what this connection knows of a member.
func (f *fake) status(member string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[member].Status
}

// refusals returns the errors that came since the last call, as "ref code".
func (f *fake) refusals() (texts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.errors {
		texts = append(texts, fmt.Sprintf("%d %s", e.Ref, e.Code))
	}
	f.errors = nil
	return texts
}

// closed fails the test unless the connection was ended with a code.
func (f *fake) closed(code wire.CloseCode) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil || f.ended.Close != code {
		f.t.Errorf("ended with %v; want %d", f.ended, code)
	}
}

// open fails the test if the connection was ended.
func (f *fake) open() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		f.t.Errorf("ended with %v", f.ended)
	}
}
