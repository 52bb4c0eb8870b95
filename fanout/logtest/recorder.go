package logtest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// Recorder is a [fanout.Receiver] that keeps what it is told. Its methods may be
// called concurrently.
type Recorder struct {
	mu           sync.Mutex // guards the following
	batches      map[string][]fanout.Batch
	resubscribed [][]string
	changed      chan struct{} // closed at the next change
}

// NewRecorder returns an empty Recorder.
func NewRecorder() *Recorder {
	return &Recorder{batches: make(map[string][]fanout.Batch), changed: make(chan struct{})}
}

// Deliver implements fanout.Receiver.
func (r *Recorder) Deliver(session string, b fanout.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches[session] = append(r.batches[session], b)
	r.tellLocked()
}

// Resubscribed implements fanout.Receiver.
func (r *Recorder) Resubscribed(sessions []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resubscribed = append(r.resubscribed, slices.Clone(sessions))
	r.tellLocked()
}

func (r *Recorder) tellLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Batches returns what was delivered for a session.
func (r *Recorder) Batches(session string) []fanout.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.batches[session])
}

// Resubscriptions returns the arguments of the calls of Resubscribed.
func (r *Recorder) Resubscriptions() [][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.resubscribed)
}

// Await waits until ok returns true; it is called again after each change. The
// test fails after 20 s.
func (r *Recorder) Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !r.wait(patience, ok) {
		t.Fatalf("waited %v in vain for %s", patience, what)
	}
}

func (r *Recorder) wait(most time.Duration, ok func() bool) bool {
	late := time.NewTimer(most)
	defer late.Stop()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if ok() {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			return false
		}
	}
}

// Hears waits until n batches of a session were delivered, and reports whether
// they were, in time.
func (r *Recorder) Hears(session string, n int, most time.Duration) bool {
	return r.wait(most, func() bool { return len(r.Batches(session)) >= n })
}

// AwaitBatches waits until n batches of a session were delivered, and returns them.
func (r *Recorder) AwaitBatches(t testing.TB, session string, n int) []fanout.Batch {
	t.Helper()
	r.Await(t, "batches of "+session, func() bool { return len(r.Batches(session)) >= n })
	return r.Batches(session)
}

// Eventually asks every few milliseconds until ok returns true. The test fails
// after 20 s.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); !ok(); <-tick.C {
		if time.Since(begun) > patience {
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}
