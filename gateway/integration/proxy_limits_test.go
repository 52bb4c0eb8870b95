package integration

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func deadline() time.Time { return time.Now().Add(patience) }

// A head that is too large is answered and goes no further than it must, and a
// handshake with one as large as browsers send them (cookies) is taken.
func TestOversizedHeadersEndAtNginx(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	proxy := startNginx(t, g)
	line := func(size int) string { return "X-Large: " + strings.Repeat("x", size-len("X-Large: \r\n")) }
	for _, c := range []struct {
		name, want string
		headers    []string
		session    string
	}{
		{"cookies of 7 KiB", "101", []string{"Cookie: " + strings.Repeat("c", 7<<10)}, "large"},
		{"two lines of 7 KiB", "101", []string{line(7 << 10), line(7 << 10)}, "large"},
		{"a line of 9 KiB", "400", []string{line(9 << 10)}, "large"},
		{"a line of 1 MiB", "400", []string{line(1 << 20)}, "large"},
		{"32 KiB in lines of 1", "400", manyLines(32), "large"},
		{"a URL of 20 KiB", "414", nil, strings.Repeat("s", 20<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := openPeer(t, proxy.Addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.put(handshake(proxy.Addr, c.session, c.headers...)) // it may be answered, and closed, before all is sent
			head, err := p.head()
			if err != nil || !strings.HasPrefix(head, "HTTP/1.1 "+c.want+" ") {
				t.Errorf("answered with %.60q, %v; it should be %s", head, err, c.want)
			}
		})
	}
	// What is within nginx's limits, a replica alone takes as well.
	if _, err := dialWith(t, g.Addr, line(7<<10), line(7<<10)); err != nil {
		t.Error(err)
	}
}

func manyLines(kib int) (lines []string) {
	for i := range kib {
		lines = append(lines, fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", 1000)))
	}
	return lines
}

func dialWith(t testing.TB, addr string, headers ...string) (*peer, error) {
	p, err := openPeer(t, addr)
	if err == nil {
		err = p.put(handshake(addr, "large", headers...))
	}
	if err == nil {
		err = p.accepted()
	}
	return p, err
}

// Handshakes that dribble in cost no replica anything and nobody else a moment,
// and nginx ends them.
func TestSlowHandshakesEndAtNginx(t *testing.T) {
	t.Parallel()
	const slow = 200
	g := startGateway(t)
	// Whole seconds, so that nobody who is quick is cut on a busy machine.
	proxy := runNginx(t, nginxSetup{replicas: []string{g.Addr}, changes: map[string]string{"client_header_timeout 10s;": "client_header_timeout 3s;"}})
	members := everyone(t, 6, "quick", []string{proxy.URL()})
	before := g.descriptors(t)
	ends := make([]error, slow)
	var dribbling sync.WaitGroup
	for i := range slow {
		p, err := openPeer(t, proxy.Addr)
		if err != nil {
			t.Fatal(err)
		}
		dribbling.Go(func() { ends[i] = p.dribble(handshake(proxy.Addr, "slow")) })
	}
	allTalk(t, members, 20, 50*time.Millisecond)
	if now := g.descriptors(t); now > before {
		t.Errorf("the replica has %d descriptors; before the slow handshakes it had %d", now, before)
	}
	late := join(t, "quick", "comes meanwhile", []string{proxy.URL()})
	late.welcomed(t, 1)
	dribbling.Wait()
	if err := errors.Join(ends...); err != nil {
		t.Error(err)
	}
	allCaughtUp(t, members)
	judge(t, members)
	allSettledWell(t, members)
	neverLost(t, members)
}

// dribble sends a byte now and then until the other side has enough of it, and
// returns an error if that lasts too long or is answered.
func (p *peer) dribble(bytes []byte) error {
	late := deadline()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	ended := make(chan error, 1)
	go func() {
		var b [256]byte
		p.SetReadDeadline(late)
		n, err := p.Read(b[:])
		switch {
		case n > 0:
			err = fmt.Errorf("a slow handshake was answered with %q", b[:n])
		case !errors.Is(err, os.ErrDeadlineExceeded):
			err = nil // cut off
		}
		ended <- err
	}()
	for i := 0; ; i = min(i+1, len(bytes)-4) { // the end of the head never comes
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			p.SetWriteDeadline(late)
			_, _ = p.Write(bytes[i : i+1]) // the reader says how it ends
		}
	}
}
