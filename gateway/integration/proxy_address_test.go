package integration

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// places is how many connections an address may have in these tests.
const places = 3

func limitedGateway(t *testing.T, more ...string) *gateway {
	t.Helper()
	return startGateway(t, append(more, fmt.Sprintf("PLENUM_ADDRESS_CONNECTIONS=%d", places))...)
}

// knock opens a connection from an address of this machine, sends a handshake,
// and returns the status that it is answered with.
func knock(t *testing.T, from, addr string, headers ...string) (status int, p *peer) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p = &peer{Conn: conn}
	head := ""
	if err = p.put(handshake(addr, "s", headers...)); err == nil {
		head, err = p.head()
	}
	if err == nil {
		_, err = fmt.Sscanf(head, "HTTP/1.1 %d ", &status)
	}
	if err != nil {
		t.Fatalf("a handshake from %s: %v", from, err)
	}
	return status, p
}

// fill takes all places of an address.
func fill(t *testing.T, from, addr string, headers ...string) (taken []*peer) {
	t.Helper()
	for i := range places {
		status, p := knock(t, from, addr, headers...)
		if status != http.StatusSwitchingProtocols {
			t.Fatalf("connection %d of %d from %s %q: %d", i+1, places, from, headers, status)
		}
		taken = append(taken, p)
	}
	return taken
}

func wantStatus(t *testing.T, want int, from, addr string, headers ...string) {
	t.Helper()
	if got, _ := knock(t, from, addr, headers...); got != want {
		t.Errorf("a handshake from %s with %q: %d; want %d", from, headers, got, want)
	}
}

// Behind nginx everybody has the places of their own address, and what somebody
// writes into a header of the kind that proxies use changes nothing.
func TestAddressesBehindNginxHaveTheirOwnPlaces(t *testing.T) {
	t.Parallel()
	const one, two, three = "127.0.0.11", "127.0.0.12", "127.0.0.13"
	proxy := startNginx(t, limitedGateway(t, "PLENUM_TRUSTED_PROXIES=127.0.0.1"))
	taken := fill(t, one, proxy.Addr)
	for _, forged := range [][]string{nil, {"X-Forwarded-For: 192.0.2.1"}, {"X-Forwarded-For: " + two}, {"X-Forwarded-For: 192.0.2.1, 127.0.0.1"},
		{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"}, {"X-Real-IP: 192.0.2.1"}, {"Forwarded: for=192.0.2.1"}} {
		wantStatus(t, http.StatusTooManyRequests, one, proxy.Addr, forged...)
	}
	// Nor can one take the places of somebody else.
	fill(t, two, proxy.Addr, "X-Forwarded-For: "+three)
	wantStatus(t, http.StatusTooManyRequests, two, proxy.Addr)
	fill(t, three, proxy.Addr)
	// A place that is left is free again.
	taken[0].Close()
	poll(t, "the place to be free", func() error {
		if status, _ := knock(t, one, proxy.Addr); status != http.StatusSwitchingProtocols {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
}

// Rates are by address, too: of handshakes, and of requests.
func TestAddressesBehindNginxHaveTheirOwnRates(t *testing.T) {
	t.Parallel()
	const one, two = "127.0.0.11", "127.0.0.12"
	g := startGateway(t, "PLENUM_TRUSTED_PROXIES=127.0.0.1", "PLENUM_ADDRESS_HANDSHAKES=0.1", "PLENUM_API_RATE=0.01", "PLENUM_API_BURST=1")
	proxy := startNginx(t, g)
	for _, from := range []string{one, two} { // ten seconds' worth at once is one
		wantStatus(t, http.StatusSwitchingProtocols, from, proxy.Addr)
		wantStatus(t, http.StatusTooManyRequests, from, proxy.Addr, "X-Forwarded-For: 192.0.2.1")
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext}}
		for i, want := range []int{http.StatusNotFound, http.StatusTooManyRequests} {
			r := request(t, "GET", proxy.URL()+"/api/sessions/nobody", "")
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
			if got, head := status(t, client, r); got != want || (head.Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
				t.Errorf("request %d from %s: %d, Retry-After %q; want %d", i+1, from, got, head.Get("Retry-After"), want)
			}
		}
	}
}

// Who does not name nginx has all members counted as one address; the runbook
// says so.
func TestWithoutTrustedProxiesAllAreOneAddress(t *testing.T) {
	t.Parallel()
	proxy := startNginx(t, limitedGateway(t))
	fill(t, "127.0.0.11", proxy.Addr)
	wantStatus(t, http.StatusTooManyRequests, "127.0.0.12", proxy.Addr)
}

// With a load balancer before nginx, and the two lines that the runbook gives
// for it, the client is whom the balancer names; nobody else is believed.
func TestABalancerBeforeNginxNamesTheClient(t *testing.T) {
	t.Parallel()
	const balancer, somebody = "127.0.0.21", "127.0.0.11"
	lines := documentedLines(t, "../../docs/operations.md", "set_real_ip_from ", "real_ip_header ")
	lines = strings.Replace(lines, "10.0.0.0/8", balancer, 1)
	g := limitedGateway(t, "PLENUM_TRUSTED_PROXIES=127.0.0.1")
	proxy := runNginx(t, nginxSetup{replicas: []string{g.Addr}, listen: "listen ADDR backlog=4096;\n" + lines})
	fill(t, balancer, proxy.Addr, "X-Forwarded-For: 192.0.2.1")
	wantStatus(t, http.StatusTooManyRequests, balancer, proxy.Addr, "X-Forwarded-For: 192.0.2.9, 192.0.2.1") // a balancer appends
	fill(t, balancer, proxy.Addr, "X-Forwarded-For: 192.0.2.2")
	fill(t, somebody, proxy.Addr, "X-Forwarded-For: 192.0.2.3")
	wantStatus(t, http.StatusTooManyRequests, somebody, proxy.Addr, "X-Forwarded-For: 192.0.2.4")
}

// documentedLines are the lines of a document that begin as given.
func documentedLines(t *testing.T, path string, begin ...string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(readFile(t, path)) {
		for _, b := range begin {
			if strings.HasPrefix(strings.TrimSpace(line), b) {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) != len(begin) {
		t.Fatalf("of %q %s has the lines %q", begin, path, lines)
	}
	return strings.Join(lines, "")
}
