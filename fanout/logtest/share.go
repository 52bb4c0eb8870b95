package logtest

import (
	"context"
	"sync"

	"github.com/plenum-gateway/plenum/fanout"
)

// Store makes several logs of one, for a log that lives in one process: each
// has a Receiver and subscriptions of its own, as replicas have them. Its
// methods may be called concurrently.
type Store struct {
	log fanout.Log

	mu    sync.Mutex // guards the following, and views' fields
	views []*view
}

// NewStore shares log; nobody else may name its Receiver.
func NewStore(log fanout.Log) *Store {
	s := &Store{log: log}
	log.Listen(s)
	return s
}

// View returns another log on the store.
func (s *Store) View() fanout.Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &view{store: s, Log: s.log, subscribed: make(map[string]bool)}
	s.views = append(s.views, v)
	return v
}

// Deliver implements fanout.Receiver.
func (s *Store) Deliver(session string, b fanout.Batch) {
	for _, r := range s.receivers(session) {
		r.Deliver(session, b)
	}
}

// Resubscribed implements fanout.Receiver.
func (s *Store) Resubscribed(sessions []string) {
	for _, session := range sessions {
		for _, r := range s.receivers(session) {
			r.Resubscribed([]string{session})
		}
	}
}

func (s *Store) receivers(session string) (to []fanout.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.views {
		if v.subscribed[session] {
			to = append(to, v.receiver)
		}
	}
	return to
}

// view is one log on a store.
type view struct {
	fanout.Log
	store *Store

	receiver   fanout.Receiver
	subscribed map[string]bool
}

// Listen implements fanout.Log.
func (v *view) Listen(r fanout.Receiver) {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	v.receiver = r
}

// Subscribe implements fanout.Log.
func (v *view) Subscribe(ctx context.Context, session string) error {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	v.subscribed[session] = true
	return v.Log.Subscribe(ctx, session)
}

// Unsubscribe implements fanout.Log.
func (v *view) Unsubscribe(session string) {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	delete(v.subscribed, session)
	for _, o := range v.store.views {
		if o.subscribed[session] {
			return
		}
	}
	v.Log.Unsubscribe(session)
}
