package fanout_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// rig is a hub on a faulty log, in a bubble of virtual time.
type rig struct {
	*testing.T
	store *memlog.Log // what another replica would append to
	log   *faulty
	codec *lines
	hub   *fanout.Hub
	stop  func() // ends the hub and waits for it

	mu     sync.Mutex
	owners map[*fanout.Pool]*owner // guarded by mu
}

// start makes a rig whose hub runs until the test ends.
func start(t *testing.T, o fanout.Options) *rig {
	t.Helper()
	return startOn(t, memlog.New(memlog.Options{History: 64}), o)
}

func startOn(t *testing.T, store *memlog.Log, o fanout.Options) *rig {
	t.Helper()
	return startOnLog(t, store, store, o)
}

// startOnLog is for a log that shares the store with others.
func startOnLog(t *testing.T, store *memlog.Log, log fanout.Log, o fanout.Options) *rig {
	t.Helper()
	r := &rig{T: t, store: store, log: &faulty{Log: log}, codec: new(lines), owners: make(map[*fanout.Pool]*owner)}
	r.hub = fanout.New(r.log, r.codec, r.newOwner, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.hub.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) newOwner(p *fanout.Pool) fanout.Owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &owner{pool: p, state: newTable()}
	o.onLost = o.recover
	r.owners[p] = o
	return o
}

// open opens the session's pool and gives it its first position.
func (r *rig) open(session string) (*fanout.Pool, *owner) {
	r.Helper()
	p, err := r.hub.Open(r.Context(), session)
	if err != nil {
		r.Fatal(err)
	}
	if seen := look(p, &fanout.Look{}); seen.Err != nil {
		r.Fatal(seen.Err)
	}
	return p, p.Owner().(*owner)
}

// join opens the pool of a session, makes it if need be, and attaches a member
// at its head.
func (r *rig) join(session string) (*fanout.Pool, *member) {
	r.Helper()
	if _, err := r.store.Append(r.Context(), session, &fanout.Append{Create: true}); err != nil {
		r.Fatal(err)
	}
	p, _ := r.open(session)
	return p, r.attach(p)
}

// attach attaches a member at the pool's head.
func (r *rig) attach(p *fanout.Pool) *member {
	r.Helper()
	m := &member{at: p.Head().Offset}
	var err error
	if m.link, err = p.Attach(m, p.Head().Position, nil, nil); err != nil {
		r.Fatal(err)
	}
	return m
}

// look asks and waits for the answer.
func look(p *fanout.Pool, l *fanout.Look) fanout.Seen {
	answer := make(chan fanout.Seen, 1)
	l.Seen = func(_ fanout.State, seen fanout.Seen) { answer <- seen }
	p.Look(l)
	return <-answer
}

// publish appends an event for each body, as another replica does.
func (r *rig) publish(session string, bodies ...string) fanout.Appended {
	r.Helper()
	res, err := r.store.Append(context.Background(), session, &fanout.Append{Create: true, Items: []fanout.Item{durable(bodies...)}})
	if err != nil || res.Outcome != fanout.Took {
		r.Fatalf("append: %+v, %v", res, err)
	}
	return res
}

// pass publishes an ephemeral event.
func (r *rig) pass(session, key, body string) {
	r.Helper()
	item := fanout.Item{Records: fanout.AppendEphemeral(nil, key, []byte(body))}
	if _, err := r.store.Append(r.Context(), session, &fanout.Append{Items: []fanout.Item{item}}); err != nil {
		r.Fatal(err)
	}
}

func durable(bodies ...string) fanout.Item {
	item := fanout.Item{Events: len(bodies)}
	for _, body := range bodies {
		item.Records = fanout.AppendEvent(item.Records, []byte(body))
	}
	return item
}

// batch is what an append of one event to an epoch publishes.
func batch(epoch string, offset uint64, body string) fanout.Batch {
	return fanout.Batch{Head: fanout.Head{Position: fanout.Position{Epoch: epoch, Offset: offset}}, First: offset, Records: durable(body).Records}
}

// lines is a codec: an event is a line of its offset and its body.
type lines struct {
	encoded, compressed atomic.Int64
	compress            func(frame []byte) ([]byte, error)
}

func (l *lines) Encode(events []fanout.Event) []byte {
	l.encoded.Add(1)
	var b bytes.Buffer
	for _, e := range events {
		fmt.Fprintf(&b, "%d %s\n", e.Offset, e.Body)
	}
	return b.Bytes()
}

func (l *lines) Compress(frame []byte) ([]byte, error) {
	l.compressed.Add(1)
	return l.compress(frame)
}

// member is a subscriber that holds the order against what it is promised.
type member struct {
	link *fanout.Link
	from uint64 // where it was attached

	mu     sync.Mutex // guards the following
	at     uint64     // the last durable offset
	got    []string   // bodies of durable events
	passed []string   // bodies of ephemeral events
	frames []seenFrame
	told   []fanout.Head // by restarts
	wrong  string        // the first contradiction
}

// seenFrame is one delivery.
type seenFrame struct {
	at    time.Time
	lines []string
}

// Deliver implements fanout.Subscriber.
func (m *member) Deliver(f *fanout.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := seenFrame{at: time.Now()}
	last := uint64(0)
	for line := range strings.Lines(string(f.Plain())) {
		line = strings.TrimSuffix(line, "\n")
		seen.lines = append(seen.lines, line)
		number, body, _ := strings.Cut(line, " ")
		offset, err := strconv.ParseUint(number, 10, 64)
		switch {
		case err != nil:
			m.contradict("line %q", line)
		case offset == 0:
			m.passed = append(m.passed, body)
		case offset != m.at+1:
			m.contradict("offset %d after %d", offset, m.at)
		default:
			m.at, last = offset, offset
			m.got = append(m.got, body)
		}
	}
	if f.Events != len(seen.lines) || f.Last != last {
		m.contradict("the frame of %q says %d events up to %d", seen.lines, f.Events, f.Last)
	}
	m.frames = append(m.frames, seen)
}

func (m *member) contradict(format string, args ...any) {
	if m.wrong == "" {
		m.wrong = fmt.Sprintf(format, args...)
	}
}

// restart gives the member a snapshot.
func (m *member) restart(at fanout.Head) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, at)
	m.at, m.got = at.Offset, append(m.got, "snapshot")
}

// want fails the test unless the member got these durable events, in order.
func (m *member) want(t *testing.T, bodies ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrong != "" {
		t.Fatalf("the member got %s; all: %q", m.wrong, m.got)
	}
	if strings.Join(m.got, "|") != strings.Join(bodies, "|") {
		t.Fatalf("the member got %q; want %q", m.got, bodies)
	}
}

// counts returns how many durable events and how many frames came.
func (m *member) counts() (events, frames int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.got), len(m.frames)
}

// owner keeps a table beside a pool.
type owner struct {
	pool  *fanout.Pool
	state *table

	onLost func(ctx context.Context, why fanout.Loss) error

	mu    sync.Mutex // guards the following
	notes []string
	lost  []fanout.Loss
}

func (o *owner) State() fanout.State { return o.state }

func (o *owner) Note(note []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, string(note))
}

func (o *owner) Lost(ctx context.Context, why fanout.Loss) error {
	o.mu.Lock()
	o.lost = append(o.lost, why)
	o.mu.Unlock()
	return o.onLost(ctx, why)
}

// losses is how often Lost was called, for whatever reason.
func (o *owner) losses() []fanout.Loss {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]fanout.Loss(nil), o.lost...)
}

// recover gives everybody a snapshot.
func (o *owner) recover(context.Context, fanout.Loss) error {
	answer := make(chan error, 1)
	o.pool.Look(&fanout.Look{Seen: func(_ fanout.State, seen fanout.Seen) {
		switch {
		case seen.Err != nil:
			answer <- seen.Err
		case !seen.Exists:
			answer <- fanout.ErrMissing
		default:
			o.pool.Restart(seen.Head, func(to fanout.Subscriber) { to.(*member).restart(seen.Head) })
			answer <- nil
		}
	}})
	return <-answer
}

// after lets time pass, and what was due then be done.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
