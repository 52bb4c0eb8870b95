package fanout

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// beat is the grid on which waiting frames and appends leave. Those that share
// a moment share the wake of a thread, and their appends one write to the log.
const beat = 20 * time.Millisecond

// turn is something that a pool has to do later.
type turn struct {
	at   time.Duration // since the wheel's start, on the grid
	pool *Pool
	what turnKind
}

type turnKind uint8

const (
	turnFrame turnKind = iota
	turnDesk
)

// wheel wakes one goroutine for all pools. Its methods may be called concurrently.
type wheel struct {
	start time.Time
	wake  chan struct{} // of capacity 1

	mu    sync.Mutex // guards the following
	turns turns
	ended bool
}

func newWheel() *wheel {
	return &wheel{start: time.Now(), wake: make(chan struct{}, 1)}
}

// since is a moment by the wheel's clock.
func (w *wheel) since(t time.Time) time.Duration { return t.Sub(w.start) }

// add has fire called with a turn at the first beat that is not before at. It
// reports false when the wheel has ended.
func (w *wheel) add(at time.Time, p *Pool, what turnKind) bool {
	t := turn{at: (w.since(at) + beat - 1).Truncate(beat), pool: p, what: what}
	first, ok := w.push(t)
	if first {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return ok
}

func (w *wheel) push(t turn) (first, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false, false
	}
	heap.Push(&w.turns, t)
	return w.turns[0] == t, true
}

// end returns what has not had its turn, and takes no more.
func (w *wheel) end() []turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.turns
	w.turns, w.ended = nil, true
	return left
}

// run calls fire with what is due until ctx ends. The slice is reused.
func (w *wheel) run(ctx context.Context, fire func(due []turn)) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due []turn
	for {
		var wait time.Duration
		due, wait = w.take(due[:0])
		if len(due) > 0 {
			fire(due)
			clear(due)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// take moves what is due into due, and returns how long until the next is.
func (w *wheel) take(due []turn) ([]turn, time.Duration) {
	now := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.turns) > 0 {
		if wait := w.turns[0].at - now; wait > 0 {
			return due, wait
		}
		due = append(due, heap.Pop(&w.turns).(turn))
	}
	return due, time.Hour
}

type turns []turn

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].at < t[j].at }
func (t turns) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(x any)        { *t = append(*t, x.(turn)) }
func (t *turns) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = turn{}
	*t = (*t)[:last]
	return x
}
