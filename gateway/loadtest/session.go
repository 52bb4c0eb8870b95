package loadtest

import (
	"sync"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// session is one session of a run. Its methods may be called concurrently.
type session struct {
	id     string
	record *history.Session // nil without Options.Verify
	table  *table           // of the kind estimation

	mu   sync.Mutex
	head wire.Position // guarded by mu; as far as answers told
}

// begins notes the epoch of a snapshot: a new one if the log lost its past.
func (s *session) begins(epoch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head.Epoch != epoch {
		s.head = wire.Position{Epoch: epoch}
	}
}

// reached notes where the log stood when a message was answered.
func (s *session) reached(epoch string, offset uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head.Epoch == epoch {
		s.head.Offset = max(s.head.Offset, offset)
	}
}

// reachedBy reports whether somebody has come as far as answers told.
func (s *session) reachedBy(at wire.Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return at.Epoch == s.head.Epoch && at.Offset >= s.head.Offset
}
