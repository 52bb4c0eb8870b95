package connection

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	stall      = time.Minute // a socket that takes nothing for so long is given up
	writeChunk = 16 << 10    // bytes that one write call of a full socket tries, at least
)

// outbox is what goes out of one connection, in order. Bytes are written at
// once, without blocking, by whoever brings them; only what the socket does not
// take waits here, and then a goroutine writes it.
//
// On 1,000 connections with 10 frames a second each, a goroutine per connection
// that is woken for each frame took 2.1 times the processor time of this.
type outbox struct {
	conn  net.Conn
	raw   syscall.RawConn // nil: conn can only be written to by blocking
	limit int             // bytes in queue
	owner outboxOwner

	mu     sync.Mutex // guards the following
	queue  []outgoing
	bytes  int    // in queue
	wrote  uint64 // the last offset that was written, or is being written
	behind bool   // frames after wrote are not taken: they were dropped, or held
	held   bool   // with behind: none was dropped
	busy   bool   // a goroutine is writing
	ended  bool   // the close frame was handed in
	failed error
	now    nowWrite
}

// outgoing is one or more whole WebSocket frames, or the rest of one.
type outgoing struct {
	b     []byte
	frame bool   // a frame of events: may be dropped
	last  uint64 // its last offset
	end   bool   // the close frame: nothing follows it
}

// outboxOwner hears what happens to an outbox. The methods must not block.
type outboxOwner interface {
	// broken tells that nothing can be written any more.
	broken(err error)
	// caughtUp tells that frames were dropped, or held, and the socket takes more
	// again: from is the last offset that went out. No frame goes out before start.
	caughtUp(from uint64, dropped bool)
	// queued tells that so many bytes more, or less, wait for the socket.
	queued(n int)
	// run runs f on a goroutine that somebody waits for.
	run(f func())
}

var (
	errStalled = errors.New("the socket takes nothing")
	errFull    = errors.New("too much waits for the connection")
)

// send writes b, or queues it. b must be whole WebSocket frames and must not
// change any more.
func (o *outbox) send(b []byte, frame bool, last uint64) {
	o.pass(outgoing{b: b, frame: frame, last: last})
}

// end sends b, which is the close frame. What comes after it is let go (RFC 6455,
// section 5.5.1): a browser that gets a message behind it takes the connection
// for broken, and the page hears 1006 instead of the code.
func (o *outbox) end(b []byte) { o.pass(outgoing{b: b, end: true}) }

func (o *outbox) pass(out outgoing) {
	if err := o.put(out); err != nil {
		o.owner.broken(err)
	}
}

// start sends b, if it is not nil; frames of events follow it from the one
// after the offset at. Frames that still wait are superseded.
func (o *outbox) start(b []byte, at uint64) {
	o.mu.Lock()
	o.dropLocked()
	o.behind, o.held, o.wrote = false, false, at
	o.mu.Unlock()
	if b != nil {
		o.send(b, false, 0)
	}
}

// hold lets no more frames in until start, and has caughtUp called when what
// waits has been written.
func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = o.held || !o.behind
	o.behind = true
	if !o.busy && o.failed == nil {
		o.busy = true
		o.owner.run(o.drain)
	}
}

// lag reports whether frames were dropped, or held, and the socket takes more
// again: from is the last offset that went out.
func (o *outbox) lag() (from uint64, lags bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wrote, o.behind && !o.busy && o.failed == nil
}

// put returns an error when the outbox has just failed.
func (o *outbox) put(out outgoing) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || o.failed != nil {
		return nil
	}
	o.ended = out.end
	switch {
	case out.frame && o.behind:
		return nil
	case !o.busy:
		return o.writeLocked(out)
	case len(o.queue) > 0 && o.bytes+len(out.b) > o.limit:
		if !out.frame {
			o.dropLocked()
			if o.bytes+len(out.b) > o.limit {
				o.failed = errFull
				return o.failed
			}
			break
		}
		o.dropLocked()
		return nil
	}
	o.queueLocked(out)
	return nil
}

func (o *outbox) queueLocked(out outgoing) {
	o.queue = append(o.queue, out)
	o.countLocked(len(out.b))
}

// countLocked notes that so many bytes more wait.
func (o *outbox) countLocked(n int) {
	o.bytes += n
	o.owner.queued(n)
}

// dropLocked lets go of all frames of events that wait.
func (o *outbox) dropLocked() {
	kept, dropped := o.queue[:0], 0
	for _, out := range o.queue {
		if out.frame {
			dropped += len(out.b)
		} else {
			kept = append(kept, out)
		}
	}
	o.countLocked(-dropped)
	clear(o.queue[len(kept):])
	o.queue, o.behind, o.held = kept, true, false
}

// writeLocked writes what the socket takes right now, and has a goroutine write
// the rest.
func (o *outbox) writeLocked(out outgoing) error {
	if out.frame && out.last != 0 {
		o.wrote = out.last
	}
	n := 0
	if o.raw != nil {
		if n, o.failed = o.now.write(o.raw, out.b); o.failed != nil || n == len(out.b) {
			return o.failed
		}
	}
	o.queueLocked(outgoing{b: out.b[n:]})
	o.busy = true
	o.owner.run(o.drain)
	return nil
}

// drain writes the queue until it is empty.
func (o *outbox) drain() {
	for {
		batch, end := o.take()
		if len(batch) == 0 {
			if end.behind {
				o.owner.caughtUp(end.from, end.dropped)
			}
			return
		}
		if err := o.write(batch); err != nil {
			o.fail(err)
			return
		}
	}
}

// write writes a batch. It takes its time as long as the socket takes something:
// a snapshot, or a long frame, may be more than a slow one takes in one stall.
func (o *outbox) write(batch net.Buffers) error {
	for {
		o.conn.SetWriteDeadline(time.Now().Add(stall))
		n, err := batch.WriteTo(o.conn) // leaves in batch what is still to be written
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// standing is where an outbox stands that has nothing to write.
type standing struct {
	from            uint64 // the last offset that went out
	behind, dropped bool
}

// take returns the next chunk of the queue. With none, the goroutine is to end.
func (o *outbox) take() (batch net.Buffers, end standing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed != nil {
		return nil, end
	}
	size, n := 0, 0
	for n < len(o.queue) && size < writeChunk {
		out := o.queue[n]
		batch = append(batch, out.b)
		size += len(out.b)
		if out.frame && out.last != 0 {
			o.wrote = out.last
		}
		n++
	}
	rest := copy(o.queue, o.queue[n:])
	clear(o.queue[rest:])
	o.queue = o.queue[:rest]
	o.countLocked(-size)
	if n == 0 {
		o.conn.SetWriteDeadline(time.Time{})
		o.queue, o.busy = nil, false
		end = standing{o.wrote, o.behind, o.behind && !o.held}
	}
	return batch, end
}

func (o *outbox) fail(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStalled
	}
	o.mu.Lock()
	first := o.failed == nil
	o.failed = err
	o.queue = nil
	o.countLocked(-o.bytes)
	o.mu.Unlock()
	if first {
		o.owner.broken(err)
	}
}

// close lets everything go.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = net.ErrClosed
	}
	o.queue = nil
	o.countLocked(-o.bytes)
}

// nowWrite writes without blocking and without allocating: the function that
// RawConn.Write wants is made once.
type nowWrite struct {
	f   func(fd uintptr) bool
	b   []byte
	n   int
	err error
}

func (w *nowWrite) write(raw syscall.RawConn, b []byte) (int, error) {
	if w.f == nil {
		w.f = w.try
	}
	w.b, w.n, w.err = b, 0, nil
	err := raw.Write(w.f)
	w.b = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// try is called with the socket's descriptor, which is in non-blocking mode.
func (w *nowWrite) try(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := syscall.Write(int(fd), w.b[w.n:])
		switch {
		case n > 0:
			w.n += n
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		default:
			w.err = err
			return true
		}
	}
	return true
}
