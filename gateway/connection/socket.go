package connection

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"syscall"
)

const (
	readBuffer  = 4096 // lent to a connection while it reads
	frameBuffer = 16   // of the library's reader, which reads frame headers through it; bufio's least
	opClose     = 8    // of a frame (RFC 6455, section 5.2)
	writeBuffer = 160  // of the library's writer: a whole control frame (RFC 6455, section 5.5) fits
)

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// socket is the net.Conn that the WebSocket library works on. Reading borrows a
// buffer; writing goes to the outbox. The library writes whole control frames
// only, each with one call, because its buffer holds one.
//
// One goroutine at a time reads: the library sees to that, but [socket.rest] is
// called outside it. From [socket.ending] on the library may read for its close
// handshake at any moment, so nothing is given back any more.
type socket struct {
	net.Conn
	out    outbox
	lent   *[readBuffer]byte
	unread []byte // of lent, or what the client sent right behind its handshake
	frames *bufio.Reader

	mu   sync.Mutex
	ends bool // guarded by mu, which rest holds while it gives back
}

func newSocket(conn net.Conn, limit int, owner outboxOwner) *socket {
	s := &socket{Conn: conn}
	s.out.conn, s.out.limit, s.out.owner = conn, limit, owner
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			s.out.raw = raw
		}
	}
	return s
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(s.unread) == 0 {
		if len(p) >= readBuffer {
			return s.Conn.Read(p)
		}
		if s.lent == nil {
			s.lent = readBuffers.Get().(*[readBuffer]byte)
		}
		n, err := s.Conn.Read(s.lent[:])
		if n <= 0 {
			return 0, err
		}
		s.unread = s.lent[:n]
	}
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	return n, nil
}

// rest gives the borrowed buffer back, unless there is something left to read;
// it reports whether there is not.
func (s *socket) rest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends || len(s.unread) > 0 || s.frames.Buffered() > 0 {
		return false
	}
	s.unread = nil
	if s.lent != nil {
		readBuffers.Put(s.lent)
		s.lent = nil
	}
	return true
}

// ending tells that the connection is about to be closed.
func (s *socket) ending() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = true
}

// Write implements net.Conn for the library's control frames. It never blocks.
func (s *socket) Write(p []byte) (int, error) {
	frame := append([]byte(nil), p...)
	if p[0]&0x0f == opClose {
		s.out.end(frame)
	} else {
		s.out.send(frame, false, 0)
	}
	return len(p), nil
}

// Close implements net.Conn.
func (s *socket) Close() error {
	s.out.close()
	return s.Conn.Close()
}

// hijacker hands the library a socket with small buffers instead of the HTTP
// server's of 4 KiB each. The bytes that the client sent right behind its
// handshake are in the server's reader: they are kept (without this 0.4 % of
// joins were lost to clients that do not wait for the answer).
type hijacker struct {
	http.ResponseWriter
	wrap func(net.Conn) *socket
	got  *socket
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s := h.wrap(conn)
	if n := rw.Reader.Buffered(); n > 0 {
		early, err := rw.Reader.Peek(n)
		if err != nil {
			return nil, nil, err
		}
		s.unread = append([]byte(nil), early...)
	}
	h.got = s
	s.frames = bufio.NewReaderSize(s, frameBuffer)
	return s, bufio.NewReadWriter(s.frames, bufio.NewWriterSize(s, writeBuffer)), nil
}
