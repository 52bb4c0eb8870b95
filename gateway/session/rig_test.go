package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/memlog"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/gateway/kind/document"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// world is a store with replicas on it, in a bubble of virtual time.
type world struct {
	*testing.T
	log   *memlog.Log
	store *logtest.Store
}

// history is what the store keeps of a session: little, so that tests can leave
// it behind. A piece of a replay is so many bytes that only large events need more.
const (
	history = 64
	piece   = 4096
)

// bubble runs test in virtual time.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := memlog.New(memlog.Options{History: history})
		test(&world{T: t, log: log, store: logtest.NewStore(log)})
	})
}

// replica is one Service with a hub of its own.
type replica struct {
	*Service
	w      *world
	hub    *fanout.Hub
	faults *faults
	cut    context.CancelFunc // ends the hub and the lease's watch, as a crash does
}

// replica starts one; it ends with the test, in order, or earlier with cut.
func (w *world) replica(edits ...func(o *Options)) *replica {
	o := Options{Replica: "gw", Kinds: []kind.Kind{broadcast.Kind{}, document.Kind{}, estimation.Kind{}}, DefaultKind: "broadcast",
		CreateOnJoin: true, Capacity: 50, Grace: 30 * time.Second,
		Welcome: wire.Welcome{Heartbeat: 25000, Frame: 100, Limits: wire.Limits{Message: 65536, Backlog: 262144}}}
	for _, edit := range edits {
		edit(&o)
	}
	r := &replica{Service: New(o), w: w, faults: &faults{Log: w.store.View()}}
	r.hub = fanout.New(r.faults, codec{}, r.Owner, fanout.Options{Piece: piece})
	r.Attach(r.hub)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.hub.Run(ctx)
	}()
	r.cut = func() { cancel(); <-ended }
	w.Cleanup(func() {
		r.faults.heal()
		r.Stop(context.Background())
		r.cut()
	})
	return r
}

// codec makes plain frames.
type codec struct{}

func (codec) Encode(events []fanout.Event) []byte {
	return wire.AppendFrame(nil, len(events), func(i int) (uint64, []byte) { return events[i].Offset, events[i].Body })
}

func (codec) Compress([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }

// try joins and returns the refusal, if it is one. Nobody reads the socket of a
// fake, so a test tells that it is gone.
func (r *replica) try(session string, j wire.Join) (*fake, *wire.Error) {
	r.w.Helper()
	f := newFake(r.w.T)
	return f, r.attempt(session, j, f)
}

// attempt joins with a connection.
func (r *replica) attempt(session string, j wire.Join, f *fake) *wire.Error {
	r.w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if j.Client == "" {
		j.Client = "c-" + randomID(8)
	}
	err := r.Join(ctx, session, &j, f)
	f.client = j.Client
	var e *wire.Error
	if err != nil && !errors.As(err, &e) {
		r.w.Fatalf("Join: %v; every refusal must be a *wire.Error", err)
	}
	return e
}

// join joins and fails the test if it is refused.
func (r *replica) join(session string, j wire.Join) *fake {
	r.w.Helper()
	f, e := r.try(session, j)
	if e != nil {
		r.w.Fatalf("join of %+v refused: %v", j, e)
	}
	return f
}

// named joins as a new member.
func (r *replica) named(session, name string) *fake {
	r.w.Helper()
	return r.join(session, wire.Join{Name: name})
}

// again joins with the seat of f, as another running client.
func (r *replica) again(session string, f *fake) *fake {
	r.w.Helper()
	return r.join(session, wire.Join{Seat: f.seat()})
}

// resume joins as the same client, from where f stands.
func (r *replica) resume(session string, f *fake) *fake {
	r.w.Helper()
	at, back := f.position(), newFake(r.w.T)
	back.members, back.doc, back.mirror = maps.Clone(f.members), maps.Clone(f.doc), f.mirror
	if e := r.attempt(session, wire.Join{Seat: f.seat(), Client: f.client, Since: &at}, back); e != nil {
		r.w.Fatalf("the resume of %s from %v was refused: %v", f.client, at, e)
	}
	return back
}

// refused fails the test unless a join is refused with a code.
func (r *replica) refused(session string, j wire.Join, code wire.Code, with wire.CloseCode) {
	r.w.Helper()
	_, e := r.try(session, j)
	if e == nil || e.Code != code || e.Close != with {
		r.w.Errorf("join of %+v: %v; want %s and %d", j, e, code, with)
	}
}

// publish publishes and waits until all has settled.
func (f *fake) publish(ref uint64, event, data string) {
	f.p.Publish(&wire.Publish{Ref: ref, Event: []byte(event), Data: []byte(data)})
	f.settle()
}

func (f *fake) command(ref uint64, command, data string) {
	f.p.Command(&wire.Command{Ref: ref, Command: []byte(command), Data: []byte(data)})
	f.settle()
}

// settle waits until everything that can happen now has, frames that wait for
// their turn included.
func (f *fake) settle() { settle() }

func settle() {
	synctest.Wait()
	time.Sleep(150 * time.Millisecond)
	synctest.Wait()
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// faults is a log that fails as it is told.
type faults struct {
	fanout.Log
	calls atomic.Int64 // of Append, Read and Subscribe: round trips of a log in Redis

	mu    sync.Mutex // guards hooks
	hooks hooks
}

// hooks see what passes; nil ones let it pass.
type hooks struct {
	append func(a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error)
	read   func(do func() (fanout.View, error)) (fanout.View, error)
	batch  func(b fanout.Batch) bool // false: it gets lost on the way
}

// set replaces the hooks; none is a log that works.
func (l *faults) set(h hooks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hooks = h
}

// holdAppends has appends wait, before they are made, until the channel is closed.
func (l *faults) holdAppends() (release chan struct{}) {
	release = make(chan struct{})
	l.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
		<-release
		return do()
	}})
	return release
}

func (l *faults) get() hooks {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hooks
}

func (l *faults) heal() { l.set(hooks{}) }

// away is a store that cannot be reached.
func (l *faults) away() {
	l.set(hooks{
		append: func(*fanout.Append, func() (fanout.Appended, error)) (fanout.Appended, error) {
			return fanout.Appended{}, fanout.ErrUnavailable
		},
		read: func(func() (fanout.View, error)) (fanout.View, error) { return fanout.View{}, fanout.ErrUnavailable },
	})
}

func (l *faults) Subscribe(ctx context.Context, session string) error {
	l.calls.Add(1)
	return l.Log.Subscribe(ctx, session)
}

func (l *faults) Append(ctx context.Context, session string, a *fanout.Append) (fanout.Appended, error) {
	l.calls.Add(1)
	do := func() (fanout.Appended, error) { return l.Log.Append(ctx, session, a) }
	if hook := l.get().append; hook != nil {
		return hook(a, do)
	}
	return do()
}

func (l *faults) Read(ctx context.Context, session string, q *fanout.Query) (fanout.View, error) {
	l.calls.Add(1)
	do := func() (fanout.View, error) { return l.Log.Read(ctx, session, q) }
	if hook := l.get().read; hook != nil {
		return hook(do)
	}
	return do()
}

func (l *faults) Listen(r fanout.Receiver) { l.Log.Listen(&lossy{r, l}) }

// lossy loses batches on the way.
type lossy struct {
	fanout.Receiver
	faults *faults
}

func (l *lossy) Deliver(session string, b fanout.Batch) {
	if hook := l.faults.get().batch; hook == nil || hook(b) {
		l.Receiver.Deliver(session, b)
	}
}

// raw decodes JSON into what encoding/json makes of it.
func raw(t testing.TB, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

// lines joins texts for a comparison.
func lines(texts []string) string { return strings.Join(texts, "\n") }

// view is what the store has of a session.
func (w *world) view(session string) fanout.View {
	w.Helper()
	v, err := w.log.Read(context.Background(), session, &fanout.Query{History: true})
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// connections is how many connections the roster has of all members.
func (w *world) connections(session string) int {
	w.Helper()
	n := 0
	for field, value := range w.view(session).State {
		if strings.HasPrefix(field, fieldMember) {
			var m member
			if err := json.Unmarshal([]byte(value), &m); err != nil {
				w.Fatal(err)
			}
			n += len(m.Conns)
		}
	}
	return n
}
