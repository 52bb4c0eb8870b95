package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	mathbig "math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
)

// authority is a certificate for 127.0.0.1 that signs itself.
type authority struct {
	pool   *x509.CertPool
	serial *mathbig.Int
}

// newAuthority writes certificate and key where tls.conf, with its directory
// exchanged, looks for them.
func newAuthority(t testing.TB, dir string, serial int64) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: mathbig.NewInt(serial), Subject: pkix.Name{CommonName: "plenum.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "fullchain.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	a := &authority{pool: x509.NewCertPool(), serial: cert.SerialNumber}
	a.pool.AddCert(cert)
	return a
}

// tlsNginx runs nginx with deploy/nginx/tls.conf.
func tlsNginx(t testing.TB, replicas ...string) (proxy *nginx, a *authority, dir, plain string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "tls")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a = newAuthority(t, dir, 1)
	plain = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	listen := strings.NewReplacer("listen 443 ", "listen ADDR ", "listen 80 ", "listen "+plain+" ", "/etc/plenum/tls", dir).
		Replace(readFile(t, "../../deploy/nginx/tls.conf"))
	return runNginx(t, nginxSetup{replicas: replicas, listen: listen}), a, dir, plain
}

// Members over TLS, also while nginx takes up a new certificate.
func TestMembersMeetOverTLS(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	proxy, a, dir, _ := tlsNginx(t, addresses(both)...)
	trust := func(o *client.Options) {
		o.HTTPClient.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.pool}
	}
	var members []*member
	for i := range 8 {
		members = append(members, join(t, "tls", fmt.Sprintf("member %d", i), []string{"https://" + proxy.Addr}, trust))
	}
	for _, m := range members {
		m.welcomed(t, 1)
	}
	allTalk(t, members, 10, 20*time.Millisecond)

	a = newAuthority(t, dir, 2)
	proxy.reload(t)
	if got := handshakeTLS(t, proxy.Addr, &tls.Config{RootCAs: a.pool}); got.err != nil || got.PeerCertificates[0].SerialNumber.Cmp(a.serial) != 0 {
		t.Errorf("after a reload with a new certificate: %v", got.err)
	}
	allTalk(t, members, 10, 20*time.Millisecond)
	allCaughtUp(t, members)
	judge(t, members)
	allSettledWell(t, members)
	neverLost(t, members)

	// A page of this address is of the gateway's own origin.
	conn, err := tls.Dial("tcp", proxy.Addr, &tls.Config{RootCAs: a.pool})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Conn: conn}
	t.Cleanup(func() { p.Close() })
	if err := p.put(handshake(proxy.Addr, "tls", "Origin: https://"+proxy.Addr)); err != nil {
		t.Fatal(err)
	}
	if err := p.accepted(); err != nil {
		t.Fatal(err)
	}
	if err := p.send(newcomer("a page").encode()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.await("welcome"); err != nil {
		t.Error(err)
	}
}

// shaken is what became of a TLS handshake.
type shaken struct {
	tls.ConnectionState
	err error
}

// handshakeTLS connects and asks for something, so that a session to resume has
// come, too.
func handshakeTLS(t testing.TB, addr string, config *tls.Config) (s shaken) {
	t.Helper()
	config = config.Clone()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, config)
	if err != nil {
		return shaken{err: err}
	}
	defer conn.Close()
	conn.SetDeadline(deadline())
	if _, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nConnection: close\r\n\r\n")); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	return shaken{conn.ConnectionState(), err}
}

// Old protocols and ciphers are refused; sessions are resumed by any worker; the
// replica is told of the scheme; whoever comes without TLS is sent there.
func TestNginxSpeaksModernTLS(t *testing.T) {
	t.Parallel()
	replica := startStandIn(t)
	proxy, a, _, plain := tlsNginx(t, replica.addr())
	for _, c := range []struct {
		name   string
		config *tls.Config
		works  bool
	}{
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.2 without AEAD", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
	} {
		c.config.RootCAs = a.pool
		if got := handshakeTLS(t, proxy.Addr, c.config); (got.err == nil) != c.works {
			t.Errorf("%s: %v", c.name, got.err)
		}
	}
	again := &tls.Config{RootCAs: a.pool, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	handshakeTLS(t, proxy.Addr, again)
	for range 4 { // whichever worker takes it
		if got := handshakeTLS(t, proxy.Addr, again); got.err != nil || !got.DidResume {
			t.Errorf("no session was resumed: %v", got.err)
		}
	}
	requests, _ := replica.got()
	if len(requests) == 0 || requests[0].Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("the replica is not told of TLS: %v", requests)
	}
	c := kept(t)
	code, head := status(t, c, request(t, "GET", "http://"+plain+"/some/page?x=1", ""))
	if code != http.StatusPermanentRedirect || head.Get("Location") != "https://127.0.0.1/some/page?x=1" || head.Get("Strict-Transport-Security") != "" {
		t.Errorf("without TLS: %d, %v", code, head)
	}
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.pool}
	if code, head = status(t, c, request(t, "GET", "https://"+proxy.Addr+"/", "")); code != http.StatusOK || head.Get("Strict-Transport-Security") == "" {
		t.Errorf("with TLS: %d, %v", code, head)
	}
}
