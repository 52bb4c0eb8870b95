package fanout

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Options of a hub. The zero value of each means its default.
type Options struct {
	FrameInterval time.Duration // between frames of a busy session; 100 ms
	FrameBurst    int           // frames that may leave at once before that; 4
	CompressOver  int           // bytes; frames up to that stay plain; 1024
	Linger        time.Duration // a pool outlives its last user by this; 5 s
	Sweep         time.Duration // between checks of the heads of quiet sessions; 6 s
	GiveUp        time.Duration // an append whose outcome is unknown is tried again for this long; 10 s
	Wait          time.Duration // a request that was not tried yet waits this long for the log; 2 s
	Recent        int           // bytes of events that a pool keeps for replays; 65536
	Piece         int           // bytes of events, about, that one look brings; 262144
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.FrameInterval, 100*time.Millisecond)
	set(&o.Linger, 5*time.Second)
	set(&o.Sweep, 6*time.Second)
	set(&o.GiveUp, 10*time.Second)
	set(&o.Wait, 2*time.Second)
	if o.FrameBurst <= 0 {
		o.FrameBurst = 4
	}
	if o.CompressOver <= 0 {
		o.CompressOver = 1024
	}
	if o.Recent <= 0 {
		o.Recent = 64 << 10
	}
	if o.Piece <= 0 {
		o.Piece = 256 << 10
	}
	return o
}

// Owner is what the program keeps beside a pool.
type Owner interface {
	// State returns the state that the pool's desk shall keep; called once. It
	// must not be nil; a program without a state returns one that does nothing.
	State() State
	// Note takes a note that came with the session's batches. It must not block.
	Note(note []byte)
	// Lost tells that subscribers cannot be brought up to date by events: the
	// epoch changed, or a hole is older than the history. The owner reads the
	// state (see [Pool.Look]) and ends with [Pool.Restart]. It is called again,
	// after a while, if it returns an error.
	Lost(ctx context.Context, why Loss) error
}

// Loss says why subscribers need a snapshot.
type Loss int

// The losses.
const (
	LossReset  Loss = iota // the log lost its past: another epoch
	LossBeyond             // what is missing is older than the history
)

// ErrStopped tells that the hub has ended.
var ErrStopped = errors.New("the hub has stopped")

// Hub has the pools of all sessions with local subscribers. Its methods may be
// called concurrently.
type Hub struct {
	Stats Stats

	log     Log
	codec   Codec
	owner   func(*Pool) Owner
	options Options
	wheel   *wheel

	ctx    context.Context // ends the hub's own goroutines
	cancel context.CancelFunc
	tasks  sync.WaitGroup // adding is guarded by mu and stopped

	mu      sync.Mutex // guards the following, and Pool.users
	pools   map[string]*Pool
	stopped bool
}

// New returns a hub on log, and makes itself the log's Receiver: a log has one
// hub. owner makes what the program keeps beside a new pool; it must not call
// the pool. The hub works while [Hub.Run] runs. New panics if log, codec or owner
// is nil.
func New(log Log, codec Codec, owner func(*Pool) Owner, options Options) *Hub {
	if log == nil || codec == nil || owner == nil {
		panic("fanout: New needs a log, a codec and a function that makes owners; none may be nil")
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hub{log: log, codec: codec, owner: owner, options: options.withDefaults(),
		wheel: newWheel(), ctx: ctx, cancel: cancel, pools: make(map[string]*Pool)}
	log.Listen(h)
	return h
}

// Run sends the frames that had to wait and sweeps the quiet sessions, until
// ctx ends. It returns when every goroutine of the hub has.
func (h *Hub) Run(ctx context.Context) {
	defer h.stop()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { h.wheel.run(ctx, h.fire) })
	parts.Go(func() { h.sweep(ctx) })
}

func (h *Hub) stop() {
	h.close()
	h.cancel()
	for _, t := range h.wheel.end() {
		if t.what == turnDesk {
			t.pool.desk.refuse(ErrStopped)
		}
	}
	h.tasks.Wait()
}

// close lets nothing start any more.
func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, p := range h.pools {
		if p.linger != nil {
			p.linger.Stop()
		}
	}
}

// task runs f on a goroutine that Run waits for. It reports false when the hub
// has stopped.
func (h *Hub) task(f func(ctx context.Context)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taskLocked(f)
}

func (h *Hub) taskLocked(f func(ctx context.Context)) bool {
	if h.stopped {
		return false
	}
	h.tasks.Go(func() { f(h.ctx) })
	return true
}

// Read reads a session from the log as it stands, without a pool and without a
// subscription.
func (h *Hub) Read(ctx context.Context, session string, q *Query) (View, error) {
	h.Stats.Reads.Add(1)
	return h.log.Read(ctx, session, q)
}

// Open returns the session's pool once its subscription stands, and counts the
// caller as a user of it until [Pool.Close]. The subscription belongs to the
// pool, not to ctx: ctx only bounds the caller's wait.
func (h *Hub) Open(ctx context.Context, session string) (*Pool, error) {
	p, err := h.use(session)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.ready:
		if p.failed == nil {
			return p, nil
		}
		err = p.failed
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.Close()
	return nil, err
}

func (h *Hub) use(session string) (*Pool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil, ErrStopped
	}
	p := h.pools[session]
	if p == nil {
		p = newPool(h, session)
		h.pools[session] = p
		h.taskLocked(p.subscribe)
	}
	p.users++
	if p.linger != nil {
		p.linger.Stop()
		p.linger = nil
	}
	return p, nil
}

// Pool returns the session's pool if there is one on this hub. The caller does
// not become a user of it.
func (h *Hub) Pool(session string) *Pool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pools[session]
}

// has reports whether a pool is the session's, and not one that has ended.
func (h *Hub) has(p *Pool) bool { return h.Pool(p.session) == p }

// Pools returns all pools, in no order.
func (h *Hub) Pools() []*Pool {
	h.mu.Lock()
	defer h.mu.Unlock()
	pools := make([]*Pool, 0, len(h.pools))
	for _, p := range h.pools {
		pools = append(pools, p)
	}
	return pools
}

// Deliver implements Receiver for the log.
func (h *Hub) Deliver(session string, b Batch) {
	h.Stats.Batches.Add(1)
	if p := h.Pool(session); p != nil {
		p.hear(b)
	}
}

// Resubscribed implements Receiver for the log.
func (h *Hub) Resubscribed(sessions []string) {
	h.Stats.Resubscriptions.Add(1)
	h.task(func(ctx context.Context) { h.check(ctx, sessions, 0, 0) })
}

// fire does what the wheel had to wait for.
func (h *Hub) fire(due []turn) {
	for _, t := range due {
		switch t.what {
		case turnFrame:
			t.pool.frameDue()
		case turnDesk:
			h.start(t.pool.desk)
		}
	}
}
