package httpapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A client that is still sending when it is refused reads the answer, and is not
// cut off while it sends the rest.
func TestRefusedWhileSending(t *testing.T) {
	p, _ := parts(t)
	server := httptest.NewServer(Routes(p))
	defer server.Close()
	const announced = 4 << 20
	for _, c := range []struct {
		name, header string
		sent, status int // bytes of the body before the answer
	}{
		{"too big", "Content-Type: application/json\r\nConnection: close", maxBody + 1000, 413},
		{"too big, kept", "Content-Type: application/json", maxBody + 1000, 413},
		{"another type, nothing sent", "Content-Type: text/plain\r\nConnection: close", 0, 415},
		{"waits to be told to send", "Content-Type: text/plain\r\nExpect: 100-continue", 0, 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(bodyWithin))
			fmt.Fprintf(conn, "POST /api/sessions HTTP/1.1\r\nHost: h\r\n%s\r\nContent-Length: %d\r\n\r\n", c.header, announced)
			conn.Write(bytes.Repeat([]byte("x"), c.sent))
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(res.Body); res.StatusCode != c.status || err != nil || !bytes.Contains(text, []byte(`"detail"`)) {
				t.Errorf("%d %s %v, want %d", res.StatusCode, text, err, c.status)
			}
			rest := bytes.Repeat([]byte("x"), 1<<10)
			for left := announced - c.sent; left > 0; left -= len(rest) {
				if _, err := conn.Write(rest[:min(left, len(rest))]); err != nil {
					t.Fatalf("%d bytes before the end: %v", left, err)
				}
			}
		})
	}
}
