package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// echo is a server that says back what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// linked returns a link to an echo and a connection through it.
func linked(t *testing.T) (*link, net.Conn) {
	t.Helper()
	l, err := newLink(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	wantEcho(t, conn, "first")
	return l, conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("read %q, %v; want %q", got, err, text)
	}
}

func wantEcho(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	send(t, conn, text)
	wantRead(t, conn, text)
}

// wantSilence fails the test if something comes.
func wantSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v; want silence", n, err)
	}
}

// wantEnd fails the test unless the connection has ended.
func wantEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read: %v; want the end", err)
	}
}

func TestAStalledLinkPassesEverythingLater(t *testing.T) {
	t.Parallel()
	l, conn := linked(t)
	l.flow.close()
	send(t, conn, "held ")
	send(t, conn, "back")
	wantSilence(t, conn)
	l.flow.open()
	wantRead(t, conn, "held back")
}

func TestACutLinkRefusesUntilItIsWhole(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		l, conn := linked(t)
		l.refuse(true)
		l.cutAll(reset)
		wantEnd(t, conn)
		refused, err := net.Dial("tcp", l.addr())
		if err == nil {
			wantEnd(t, refused)
			refused.Close()
		}
		l.refuse(false)
		again, err := net.Dial("tcp", l.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		wantEcho(t, again, "again")
	}
}

func TestAMutedConnectionIsHeldBackAlone(t *testing.T) {
	t.Parallel()
	l, conn := linked(t)
	other, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	wantEcho(t, other, "other")
	var addr string
	for _, p := range l.all() {
		if p.near.RemoteAddr().String() == conn.LocalAddr().String() {
			addr = p.far.LocalAddr().String()
		}
	}
	unmute, ok := l.mute(addr)
	if !ok {
		t.Fatalf("there is no connection from %s", addr)
	}
	send(t, conn, "late")
	wantSilence(t, conn)
	wantEcho(t, other, "in time")
	unmute()
	wantRead(t, conn, "late")
	if _, ok := l.mute("127.0.0.1:1"); ok {
		t.Error("a connection that is not there was muted")
	}
}

func TestALinkEndsWithTheTarget(t *testing.T) {
	t.Parallel()
	l, err := newLink("127.0.0.1:1") // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	wantEnd(t, conn)
}

// member's sockets through which an HTTP client would connect.
func dialed(t *testing.T) (*sockets, net.Conn) {
	t.Helper()
	s := new(sockets)
	conn, err := s.client().Transport.(*http.Transport).DialContext(t.Context(), "tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	wantEcho(t, conn, "first")
	return s, conn
}

func TestASleepingMemberWakesUp(t *testing.T) {
	t.Parallel()
	s, conn := dialed(t)
	s.sleep()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("dialing while asleep: %v", err)
	}
	echoed := make(chan error, 1)
	go func() {
		_, err := conn.Write([]byte("x"))
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		echoed <- err
	}()
	select {
	case err := <-echoed:
		t.Fatalf("something passed: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.wake()
	if err := <-echoed; err != nil {
		t.Error(err)
	}
}

func TestAHalfOpenConnectionSwallows(t *testing.T) {
	t.Parallel()
	s, conn := dialed(t)
	s.halfOpen()
	send(t, conn, "gone")
	read := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	select {
	case err := <-read:
		t.Fatalf("something came: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	conn.Close()
	if err := <-read; err == nil {
		t.Error("a closed connection was read from")
	}
}

func TestADroppedConnectionEnds(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		s, conn := dialed(t)
		s.drop(reset)
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a dropped connection was read from")
		}
		if left := len(s.all()); left != 0 {
			t.Errorf("%d connections are left", left)
		}
	}
}
