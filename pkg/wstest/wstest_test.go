package wstest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/plenum-gateway/plenum/pkg/wstest"
)

// echo accepts WebSockets and sends back what it gets, until the client closes.
func echo(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer conn.CloseNow()
		for {
			typ, data, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			if err := conn.Write(context.Background(), typ, data); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Query().Get("q")) })
	return mux
}

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewServer(t, echo(t))
		conn := srv.Dial(t, "/ws?session=s", &websocket.DialOptions{Subprotocols: []string{"echo"}})
		if got := conn.Subprotocol(); got != "echo" {
			t.Errorf("subprotocol %q", got)
		}
		conn.Send(`{"a": 1}`)
		if got := conn.ReceiveText(); got != `{"a": 1}` {
			t.Error(got)
		}
		conn.Send(map[string]any{"type": "hello"})
		if got := conn.Receive(); got["type"] != "hello" {
			t.Error(got)
		}
		conn.Send([]byte(`{"N":7}`))
		var m struct{ N int }
		if conn.ReceiveInto(&m); m.N != 7 {
			t.Error(m)
		}
	})
}

// The same works without a bubble.
func TestEchoInRealTime(t *testing.T) {
	srv := wstest.NewServer(t, echo(t))
	var wait sync.WaitGroup
	for range 20 {
		conn := srv.Dial(t, "/ws", nil)
		wait.Go(func() {
			if err := conn.Write(t.Context(), websocket.MessageText, []byte("x")); err != nil {
				t.Error(err)
			}
			if _, data, err := conn.Read(t.Context()); err != nil || string(data) != "x" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	wait.Wait()
	if got := srv.Connections(); got != 20 {
		t.Errorf("%d connections", got)
	}
}

func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			defer conn.CloseNow()
			conn.CloseRead(context.Background())
			for range 3 {
				time.Sleep(time.Hour)
				if conn.Write(context.Background(), websocket.MessageText, []byte(`{}`)) != nil {
					return
				}
			}
			conn.Close(4000, "drained")
		}))
		began := time.Now()
		conn := srv.Dial(t, "/", nil)
		for range 3 {
			conn.Receive()
		}
		if code, reason := conn.ReceiveClose(); code != 4000 || reason != "drained" {
			t.Errorf("closed with %d %q", code, reason)
		}
		if took := time.Since(began); took != 3*time.Hour {
			t.Errorf("took %v", took)
		}
	})
}

// A cut is seen by both sides, without a close frame; the server lives on.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewServer(t, echo(t))
		conn := srv.Dial(t, "/ws", nil)
		if got := srv.Connections(); got != 1 {
			t.Errorf("%d connections", got)
		}
		srv.Cut()
		if code, _ := conn.ReceiveClose(); code != -1 {
			t.Errorf("closed with %d", code)
		}
		synctest.Wait()
		if got := srv.Connections(); got != 0 {
			t.Errorf("%d connections after the cut", got)
		}
		again := srv.Dial(t, "/ws", nil)
		again.Send("back")
		if got := again.ReceiveText(); got != "back" {
			t.Error(got)
		}
	})
}

func TestPlainHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewServer(t, echo(t))
		for range 2 {
			resp, err := srv.Client().Get("http://any.host/plain?q=hello")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(body) != "hello" {
				t.Errorf("%q, %v", body, err)
			}
		}
		if got := srv.Connections(); got != 1 {
			t.Errorf("%d connections, want one that is kept alive", got)
		}
		if _, resp, err := srv.TryDial(t.Context(), "/nowhere", nil); err == nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("dialing a page that is not there: %v", err)
		}
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := wstest.Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := l.DialContext(ctx, "tcp", "x:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialing without anybody who accepts: %v", err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, "hi")
			conn.Close()
		}()
		conn, err := l.DialContext(t.Context(), "tcp", "x:1")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); string(got) != "hi" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if l.Addr().Network() != "pipe" || l.Connections() != 0 {
			t.Errorf("%v, %d connections", l.Addr(), l.Connections())
		}
		dialing := make(chan error)
		go func() {
			_, err := l.DialContext(t.Context(), "tcp", "x:1")
			dialing <- err
		}()
		synctest.Wait()
		l.Close()
		l.Close()
		if err := <-dialing; !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialing while it closes: %v", err)
		}
		if _, err := l.DialContext(t.Context(), "tcp", "x:1"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialing after Close: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepting after Close: %v", err)
		}
	})
}
