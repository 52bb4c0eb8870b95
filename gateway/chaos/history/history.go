package history

import (
	"sync"
	"time"
)

// tick is a moment: tenths of a millisecond since the history began.
type tick uint32

const tickLength = 100 * time.Microsecond

func (t tick) duration() time.Duration { return time.Duration(t) * tickLength }

// History is everything that is known of a run. Its methods may be called
// concurrently.
type History struct {
	clock func() time.Duration

	mu       sync.Mutex // guards the following
	sessions []*Session
}

// New returns an empty history. The clock says how long ago the run began; it
// never goes back. Nil is the real one, from now on.
func New(clock func() time.Duration) *History {
	if clock == nil {
		began := time.Now()
		clock = func() time.Duration { return time.Since(began) }
	}
	return &History{clock: clock}
}

// Now is how long the run has been going on.
func (h *History) Now() time.Duration { return h.clock() }

func (h *History) now() tick { return tick(h.clock() / tickLength) }

// Expected is what a session promises beyond what all sessions do.
type Expected struct {
	// Document is the document at offset 0; nil if the session's state is none.
	Document []byte
	// OneEpoch says that the store keeps everything, so that the past can never
	// be gone.
	OneEpoch bool
}

// Session returns the record of a session that is new to the history.
func (h *History) Session(id string, expected Expected) *Session {
	s := &Session{history: h, id: id, expected: expected, facts: newFacts()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions, s)
	return s
}

// Session is the record of one session. Its methods may be called concurrently.
type Session struct {
	history  *History
	id       string
	expected Expected

	mu      sync.Mutex // guards the following
	facts   facts
	epochs  []string // in the order in which they were first heard of
	snaps   []snapshot
	clients []*Client
	end     *position // everybody has come at least as far as this
}

// position is a place in a session's log.
type position struct {
	epoch  int // index in Session.epochs
	offset uint64
}

// Client returns the record of a running client that is new to the session. The
// name is for people; the id is the one that refs are scoped by.
func (s *Session) Client(name, id string) *Client {
	c := &Client{session: s, name: name, id: id, epoch: -1, byRef: make(map[uint64]int)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
	return c
}

// End says that every client that has not [Client.Gone] must have come at least
// as far as this, and that its requests must be settled.
func (s *Session) End(epoch string, offset uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = &position{s.epochLocked(epoch), offset}
}

// epochLocked returns the index of an epoch.
func (s *Session) epochLocked(epoch string) int {
	for i := len(s.epochs) - 1; i >= 0; i-- {
		if s.epochs[i] == epoch {
			return i
		}
	}
	s.epochs = append(s.epochs, epoch)
	return len(s.epochs) - 1
}

func (s *Session) epochOf(epoch string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochLocked(epoch)
}
