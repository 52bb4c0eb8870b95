package connection

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// slots are the phases of the wheel: in each, a part of the connections gets
// its heartbeat.
const slots = 64

// wheel turns once in a heartbeat interval, for all connections. Its methods
// may be called concurrently.
type wheel struct {
	every time.Duration
	beat  func(conns []*Conn)

	mu    sync.Mutex // guards the following, and slot and index of each Conn
	conns [slots][]*Conn
	spare []*Conn
}

func newWheel(interval time.Duration, beat func([]*Conn)) *wheel {
	return &wheel{every: interval / slots, beat: beat}
}

// add puts a connection at a random phase.
func (w *wheel) add(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.ended.Load() {
		return
	}
	c.slot = rand.IntN(slots)
	c.index = len(w.conns[c.slot])
	w.conns[c.slot] = append(w.conns[c.slot], c)
}

// remove takes a connection out, if it is in.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.slot < 0 {
		return
	}
	in := w.conns[c.slot]
	last := len(in) - 1
	in[c.index], in[last].index = in[last], c.index
	in[last] = nil
	w.conns[c.slot] = in[:last]
	c.slot = -1
}

func (w *wheel) run(ctx context.Context) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for i := 0; ; i = (i + 1) % slots {
		select {
		case <-ticker.C:
			w.turn(i)
		case <-ctx.Done():
			return
		}
	}
}

func (w *wheel) turn(i int) {
	w.mu.Lock()
	w.spare = append(w.spare[:0], w.conns[i]...)
	w.mu.Unlock()
	if len(w.spare) > 0 {
		w.beat(w.spare)
		clear(w.spare)
	}
}
