package fanout

import (
	"context"
	"slices"
	"time"
)

const (
	sweepChunk = 64          // sessions whose heads are asked for in one call
	sweepPart  = 4           // a sweep is spread over such a part of the time between two
	settle     = time.Second // what is on its way to a pool has arrived by then
)

// sweep looks for a lost last batch: a hole that no later batch shows. Sessions
// that were heard of since the last sweep can wait for the next.
func (h *Hub) sweep(ctx context.Context) {
	ticker := time.NewTicker(h.options.Sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.check(ctx, h.quiet(), h.options.Sweep/sweepPart, settle)
		case <-ctx.Done():
			return
		}
	}
}

// quiet returns the sessions of which nothing was heard since the last call.
func (h *Hub) quiet() []string {
	var quiet []string
	for _, p := range h.Pools() {
		p.mu.Lock()
		if p.quiet && p.started {
			quiet = append(quiet, p.session)
			p.recent.clear() // an idle session keeps nothing; who resumes reads the log anyway
		}
		p.quiet = true
		p.mu.Unlock()
	}
	return quiet
}

// check compares the pools of sessions with the heads of their logs, which it reads
// over span, so that nobody waits behind it. What is newer in a log has the time
// patience to arrive by itself.
func (h *Hub) check(ctx context.Context, sessions []string, span, patience time.Duration) {
	before, heads := make([]Position, len(sessions)), make([]Head, 0, len(sessions))
	began := time.Now()
	for chunk := range slices.Chunk(sessions, sweepChunk) {
		due := span * time.Duration(len(heads)) / time.Duration(len(sessions))
		if wait := due - time.Since(began); wait > 0 && !sleep(ctx, wait) {
			return
		}
		for i, s := range chunk {
			if p := h.Pool(s); p != nil {
				before[len(heads)+i] = p.known()
			}
		}
		more, err := h.heads(ctx, chunk)
		if err != nil {
			return
		}
		heads = append(heads, more...)
	}
	if patience > 0 && !sleep(ctx, patience) {
		return
	}
	for i, s := range sessions {
		if p := h.Pool(s); p != nil {
			p.compare(ctx, before[i], heads[i])
		}
	}
}

// heads asks until it gets an answer or ctx ends.
func (h *Hub) heads(ctx context.Context, sessions []string) (heads []Head, err error) {
	for try := 0; ; try++ {
		h.Stats.SweepChecks.Add(int64(len(sessions)))
		if heads, err = h.log.Heads(ctx, sessions); err == nil || !pause(ctx, try, nil) {
			return heads, err
		}
	}
}

// compare holds the pool against the log's head, which was read after before.
func (p *Pool) compare(ctx context.Context, before Position, head Head) {
	if p.comparesBehind(before, head) {
		_ = p.tellBehind(ctx, before) // if it fails, the next sweep tells it
	}
}

// comparesBehind reports whether the log has lost its newest past without
// anybody telling it.
func (p *Pool) comparesBehind(before Position, head Head) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.started || p.lost || p.head.Epoch != before.Epoch:
		return false
	case head.Epoch != p.head.Epoch:
		p.loseLocked(LossReset)
		return false
	}
	p.heardLocked(head.Position)
	p.foundLocked(head.Rev)
	p.missLocked()
	return head.Offset < before.Offset
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
