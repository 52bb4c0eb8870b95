package connection

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// writer is an outbox and what its owner hears.
type writer struct {
	outbox
	tasks   sync.WaitGroup
	backlog atomic.Int64
	catch   func(from uint64) // what to do when it has caught up; may be nil

	mu    sync.Mutex // guards the following
	broke []error
	lags  []uint64
}

func newWriter(conn net.Conn, limit int) *writer {
	w := new(writer)
	w.outbox.conn, w.limit, w.owner = conn, limit, w
	if c, ok := conn.(syscall.Conn); ok {
		w.raw, _ = c.SyscallConn()
	}
	return w
}

func (w *writer) run(f func()) { w.tasks.Go(f) }

func (w *writer) broken(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broke = append(w.broke, err)
}

func (w *writer) caughtUp(from uint64, _ bool) {
	w.mu.Lock()
	w.lags = append(w.lags, from)
	w.mu.Unlock()
	if w.catch != nil {
		w.run(func() { w.catch(from) })
	}
}

func (w *writer) queued(n int) { w.backlog.Add(int64(n)) }

// inBalance fails the test unless what was told of the queue adds up to what waits.
func (w *writer) inBalance(t testing.TB) {
	t.Helper()
	w.outbox.mu.Lock() // which it is told under
	defer w.outbox.mu.Unlock()
	if told := w.backlog.Load(); told != int64(w.bytes) {
		t.Errorf("%d bytes wait, but %d were told", w.bytes, told)
	}
}

func (w *writer) heard() (broke []error, lags []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broke, w.lags
}

// record is a message of a test: an offset if it is a frame, a number of its own
// if not, and bytes that can be checked.
func record(frame bool, n uint64, size int) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0}, n)
	if frame {
		b[0] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	for i := range size {
		b = append(b, byte(n)+byte(i))
	}
	return b
}

// readRecord reads one record and checks its bytes.
func readRecord(r *bufio.Reader) (frame bool, n uint64, err error) {
	head := make([]byte, 13)
	if _, err := io.ReadFull(r, head); err != nil {
		return false, 0, err
	}
	n = binary.BigEndian.Uint64(head[1:])
	body := make([]byte, binary.BigEndian.Uint32(head[9:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return false, 0, fmt.Errorf("within a record: %w", err)
	}
	for i, b := range body {
		if b != byte(n)+byte(i) {
			return false, 0, fmt.Errorf("byte %d of record %d is %d", i, n, b)
		}
	}
	return head[0] == 1, n, nil
}

// stream is a random run of an outbox: frames and other messages are sent,
// somebody reads at times, and what was dropped is sent again when the outbox
// has caught up. The reader must see every message, whole, in order, once.
//
// It returns how often it had to catch up.
func stream(t testing.TB, w *writer, far net.Conn, draw *rand.Rand, pause func(draw *rand.Rand)) int {
	const frames = 400
	var history [][]byte // guarded by mu: frame i has the offset i+1
	var mu sync.Mutex
	w.catch = func(uint64) { // as a session does: attach behind what went out, then what came since
		mu.Lock()
		defer mu.Unlock()
		from, lags := w.lag()
		if !lags {
			return // it was told twice, because something else was sent meanwhile
		}
		w.start(nil, from)
		for i := from; i < uint64(len(history)); i++ {
			w.send(history[i], true, i+1)
		}
	}
	var read sync.WaitGroup
	readers := rand.New(rand.NewPCG(draw.Uint64(), 1))
	read.Go(func() { readAll(t, far, readers, frames, frames/20, pause) })
	for n := uint64(1); n <= frames; n++ {
		b := record(true, n, draw.IntN(3000))
		mu.Lock()
		history = append(history, b)
		w.send(b, true, n)
		mu.Unlock()
		if n%20 == 0 {
			w.send(record(false, n/20, draw.IntN(200)), false, 0)
		}
		if got := w.waiting(); got > w.limit {
			t.Errorf("%d bytes wait; the limit is %d", got, w.limit)
		}
		if draw.IntN(30) == 0 {
			pause(draw)
		}
	}
	read.Wait()
	w.inBalance(t)
	w.close()
	w.tasks.Wait()
	w.inBalance(t)
	broke, lags := w.heard()
	if len(broke) > 0 {
		t.Errorf("broken: %v", broke)
	}
	return len(lags)
}

// readAll reads until it has all frames and other messages, with pauses.
func readAll(t testing.TB, far net.Conn, draw *rand.Rand, frames, messages uint64, pause func(*rand.Rand)) {
	r := bufio.NewReaderSize(far, 16)
	var at, others uint64
	for at < frames || others < messages {
		frame, n, err := readRecord(r)
		switch {
		case err != nil:
			t.Errorf("after frame %d: %v", at, err)
			return
		case frame && n != at+1:
			t.Errorf("frame %d came behind frame %d", n, at)
			return
		case !frame && n != others+1:
			t.Errorf("message %d came behind message %d", n, others)
			return
		case frame:
			at = n
		default:
			others = n
		}
		if draw.IntN(25) == 0 {
			pause(draw)
		}
	}
	if err := far.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutboxKeepsTheOrder(t *testing.T) {
	lags := 0
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			lags += stream(t, newWriter(near, 8000), far, rand.New(rand.NewPCG(seed, 0)), func(draw *rand.Rand) {
				time.Sleep(time.Duration(draw.IntN(int(time.Second))))
			})
		})
	}
	if lags == 0 {
		t.Error("nothing was ever dropped")
	}
}

// tcpPair returns the ends of a TCP connection with small buffers.
func tcpPair(t testing.TB, buffer int) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near, far = accepted.(*net.TCPConn), dialed.(*net.TCPConn)
	near.SetWriteBuffer(buffer)
	far.SetReadBuffer(buffer)
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Over a real socket writes are partial, and the first are made without a goroutine.
func TestOutboxKeepsTheOrderOverTCP(t *testing.T) {
	lags := 0
	for seed := range uint64(10) {
		near, far := tcpPair(t, 32<<10)
		lags += stream(t, newWriter(near, 8000), far, rand.New(rand.NewPCG(seed, 0)), func(draw *rand.Rand) {
			waitFor := time.NewTimer(time.Duration(draw.IntN(int(5 * time.Millisecond))))
			<-waitFor.C
		})
	}
	if lags == 0 {
		t.Error("nothing was ever dropped")
	}
}

func TestOutboxDropsFramesAndKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		w := newWriter(near, 1000)
		for n := uint64(1); n <= 100; n++ {
			w.send(record(true, n, 87), true, n) // 100 bytes each
			if n%10 == 0 {
				w.send(record(false, n/10, 0), false, 0)
			}
			if got := w.waiting(); got > 1000 {
				t.Fatalf("%d bytes wait", got)
			}
			w.inBalance(t)
		}
		synctest.Wait()
		if _, lags := w.heard(); len(lags) != 0 {
			t.Errorf("caught up to %v, and nobody reads", lags)
		}
		r := bufio.NewReader(far)
		var last, others uint64
		for others < 10 {
			frame, n, err := readRecord(r)
			if err != nil {
				t.Fatal(err)
			}
			if frame {
				last = n
			} else {
				others++
			}
		}
		synctest.Wait()
		if _, lags := w.heard(); len(lags) != 1 || lags[0] != last {
			t.Errorf("caught up behind %v; the last frame that went out was %d", lags, last)
		}
		w.send(record(true, 101, 0), true, 101) // too early: nobody has said where to go on
		w.start(record(false, 11, 0), 200)
		synctest.Wait()
		if frame, n, err := readRecord(r); frame || n != 11 || err != nil {
			t.Errorf("frame %v, %d, %v", frame, n, err)
		}
		far.Close()
		w.close()
		w.tasks.Wait()
	})
}

// What is no frame cannot be dropped: too much of it ends the connection.
func TestOutboxOfTooManyMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		w := newWriter(near, 1000)
		for n := range uint64(100) {
			w.send(record(false, n, 87), false, 0)
		}
		broke, _ := w.heard()
		if len(broke) != 1 || !errors.Is(broke[0], errFull) {
			t.Errorf("broken: %v; want once, because it is full", broke)
		}
		if got := w.waiting(); got > 1000 {
			t.Errorf("%d bytes wait", got)
		}
		far.Close()
		w.tasks.Wait()
	})
}

func TestOutboxOfASocketThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		w := newWriter(near, 1000)
		began := time.Now()
		w.send(record(true, 1, 87), true, 1)
		w.tasks.Wait()
		broke, _ := w.heard()
		if len(broke) != 1 || !errors.Is(broke[0], errStalled) || time.Since(began) != time.Minute {
			t.Errorf("broken: %v after %v", broke, time.Since(began))
		}
		w.send(record(true, 2, 87), true, 2)
		if got := w.waiting(); got != 0 {
			t.Errorf("%d bytes wait for a socket that is given up", got)
		}
		w.inBalance(t)
		far.Close()
	})
}

// A socket that takes a little within every stall gets all of a long message;
// one that then takes nothing for so long does not.
func TestOutboxOfASocketThatTakesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		w := newWriter(near, 1<<20)
		w.send(record(false, 1, 100_000), false, 0)
		var got []byte
		for some := make([]byte, 10_000); len(got) < 13+100_000; {
			time.Sleep(stall - time.Second)
			n, err := far.Read(some)
			if err != nil {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
			got = append(got, some[:n]...)
		}
		if want := record(false, 1, 100_000); !bytes.Equal(got, want) {
			t.Error("what came is not what was sent")
		}
		if broke, _ := w.heard(); len(broke) > 0 {
			t.Errorf("broken: %v", broke)
		}
		w.send(record(false, 2, 100_000), false, 0)
		if _, err := far.Read(make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*stall + time.Second)
		synctest.Wait()
		if broke, _ := w.heard(); len(broke) != 1 || !errors.Is(broke[0], errStalled) {
			t.Errorf("heard %v; want once that the socket takes nothing", broke)
		}
		w.close()
		w.tasks.Wait()
	})
}

func TestOutboxOfABrokenSocket(t *testing.T) {
	near, far := tcpPair(t, 32<<10)
	w := newWriter(near, 1000)
	far.SetLinger(0)
	far.Close()
	for n := uint64(1); ; n++ {
		w.send(record(true, n, 500), true, n)
		w.tasks.Wait()
		if broke, _ := w.heard(); len(broke) == 1 {
			break
		}
	}
	w.send(record(true, 1, 1), true, 1)
	if broke, _ := w.heard(); len(broke) != 1 {
		t.Errorf("told %d times", len(broke))
	}
}

// A frame is written by whoever brings it, without an allocation.
func TestOutboxWritesWithoutAllocation(t *testing.T) {
	near, far := tcpPair(t, 1<<20)
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(io.Discard, far) })
	w := newWriter(near, 1<<20)
	b := record(true, 1, 300)
	if allocs := testing.AllocsPerRun(200, func() { w.send(b, true, 1) }); allocs != 0 {
		t.Errorf("%.1f allocations", allocs)
	}
	near.Close()
	reading.Wait()
	w.tasks.Wait()
}
