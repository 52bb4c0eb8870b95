package fanout_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/plenum-gateway/plenum/fanout"
)

// faulty is a log whose answers and deliveries a test can bend.
type faulty struct {
	fanout.Log
	to fanout.Receiver

	appends, reads, headCalls, subscriptions, unsubscriptions atomic.Int64

	mu    sync.Mutex
	bends bends // guarded by mu
}

// bends are what is called instead of a log's methods, where set; do is the
// method.
type bends struct {
	delivery    func(session string, b fanout.Batch) // forwards what shall arrive
	onAppend    func(ctx context.Context, a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error)
	onRead      func(ctx context.Context, q *fanout.Query, do func() (fanout.View, error)) (fanout.View, error)
	onHeads     func(ctx context.Context, do func() ([]fanout.Head, error)) ([]fanout.Head, error)
	onSubscribe func(ctx context.Context, session string) error
}

// bend changes what is bent.
func (f *faulty) bend(change func(b *bends)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.bends)
}

func (f *faulty) bent() bends {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bends
}

func (f *faulty) Listen(r fanout.Receiver) {
	f.to = r
	f.Log.Listen(f)
}

func (f *faulty) Deliver(session string, b fanout.Batch) {
	if hook := f.bent().delivery; hook != nil {
		hook(session, b)
		return
	}
	f.to.Deliver(session, b)
}

func (f *faulty) Resubscribed(sessions []string) { f.to.Resubscribed(sessions) }

func (f *faulty) Append(ctx context.Context, session string, a *fanout.Append) (fanout.Appended, error) {
	f.appends.Add(1)
	do := func() (fanout.Appended, error) { return f.Log.Append(ctx, session, a) }
	if hook := f.bent().onAppend; hook != nil {
		return hook(ctx, a, do)
	}
	return do()
}

func (f *faulty) Read(ctx context.Context, session string, q *fanout.Query) (fanout.View, error) {
	f.reads.Add(1)
	do := func() (fanout.View, error) { return f.Log.Read(ctx, session, q) }
	if hook := f.bent().onRead; hook != nil {
		return hook(ctx, q, do)
	}
	return do()
}

func (f *faulty) Heads(ctx context.Context, sessions []string) ([]fanout.Head, error) {
	f.headCalls.Add(1)
	do := func() ([]fanout.Head, error) { return f.Log.Heads(ctx, sessions) }
	if hook := f.bent().onHeads; hook != nil {
		return hook(ctx, do)
	}
	return do()
}

func (f *faulty) Subscribe(ctx context.Context, session string) error {
	f.subscriptions.Add(1)
	if hook := f.bent().onSubscribe; hook != nil {
		if err := hook(ctx, session); err != nil {
			return err
		}
	}
	return f.Log.Subscribe(ctx, session)
}

func (f *faulty) Unsubscribe(session string) {
	f.unsubscriptions.Add(1)
	f.Log.Unsubscribe(session)
}

// withhold keeps batches back, until the test delivers them itself.
func (f *faulty) withhold() (kept *held) {
	kept = &held{to: f.to}
	f.bend(func(b *bends) { b.delivery = kept.keep })
	return kept
}

// held are batches that were kept back.
type held struct {
	to      fanout.Receiver
	mu      sync.Mutex
	batches []fanout.Batch // guarded by mu
}

func (h *held) keep(_ string, b fanout.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.batches = append(h.batches, b)
}

// deliver hands over some of the batches, in the order of the indexes.
func (h *held) deliver(session string, indexes ...int) {
	for _, i := range indexes {
		h.mu.Lock()
		b := h.batches[i]
		h.mu.Unlock()
		h.to.Deliver(session, b)
	}
}

// table is a State: fields of text.
type table struct {
	head    fanout.Head
	fields  map[string]string
	changed map[string][]byte
	exists  bool
	loads   int
	saves   int
	revive  func(t *table) bool
	broken  bool // Load fails
}

func newTable() *table {
	return &table{fields: make(map[string]string)}
}

var errBroken = errors.New("the state cannot be read")

func (t *table) Load(head fanout.Head, fields map[string]string) error {
	if t.broken {
		return errBroken
	}
	t.loads++
	t.head, t.exists = head, fields != nil
	t.fields, t.changed = maps.Clone(fields), nil
	if t.fields == nil {
		t.fields = make(map[string]string)
	}
	return nil
}

func (t *table) Changes() map[string][]byte {
	changed := t.changed
	t.changed = nil
	return changed
}

func (t *table) Saved(head fanout.Head) {
	t.saves++
	t.head, t.exists = head, true
}

func (t *table) Revive() bool { return t.revive != nil && t.revive(t) }

// set changes a field for the append that is being decided.
func (t *table) set(field, value string) {
	t.fields[field] = value
	if t.changed == nil {
		t.changed = make(map[string][]byte)
	}
	t.changed[field] = []byte(value)
}
