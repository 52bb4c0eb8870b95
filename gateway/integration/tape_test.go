package integration

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// tapes record what came over each connection of a client, beneath the client:
// what its library would forgive or repair is seen.
type tapes struct {
	mu  sync.Mutex
	all []*tape
}

// tape is a connection that enters all that is read from it into a ledger.
type tape struct {
	net.Conn
	mu      sync.Mutex
	began   bool   // the handshake's answer is over
	refused bool   // and it was none that begins a WebSocket
	pending []byte // the beginning of a frame
	ledger  ledger
}

// client returns an HTTP client whose connections are recorded.
func (ts *tapes) client() *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		ts.mu.Lock()
		defer ts.mu.Unlock()
		t := &tape{Conn: conn}
		ts.all = append(ts.all, t)
		return t, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}
}

// ledgers returns what each connection was told that got a welcome.
func (ts *tapes) ledgers() (out []*ledger) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.all {
		t.mu.Lock()
		if t.ledger.welcome != nil || t.ledger.fault != nil {
			l := t.ledger
			out = append(out, &l)
		}
		t.mu.Unlock()
	}
	return out
}

// Read implements net.Conn.
func (t *tape) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.refused {
		t.pending = append(t.pending, p[:n]...)
		t.enter()
	}
	return n, err
}

func (t *tape) enter() {
	if !t.began {
		end := bytes.Index(t.pending, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		t.began = true
		if !bytes.HasPrefix(t.pending, []byte("HTTP/1.1 101 ")) {
			t.refused = true
			return
		}
		t.pending = t.pending[end+4:]
	}
	for {
		p, n, err := cut(t.pending)
		if err != nil {
			t.ledger.breach("%v", err)
		}
		if n == 0 {
			return
		}
		if p.op < opClose {
			if m, err := p.read(); err != nil {
				t.ledger.breach("%v", err)
			} else {
				t.ledger.note(m)
			}
		}
		t.pending = t.pending[n:]
	}
}
