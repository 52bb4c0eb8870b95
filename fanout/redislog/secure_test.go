package redislog_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// documentedUser is the line of docs/security.md that makes the Redis user with
// the least rights, with a password in it.
func documentedUser(t *testing.T, password string) string {
	t.Helper()
	file, err := os.Open("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "user plenum ") {
			return strings.Replace(line, ">PASSWORD", ">"+password, 1)
		}
	}
	t.Fatal("docs/security.md has no line that begins with: user plenum")
	return ""
}

// The Redis user that docs/security.md gives may do all that the gateway asks
// of Redis, and nothing else.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, documentedUser(t, "hunter2"))
	url := strings.Replace(s.URL(), "redis://", "redis://plenum:hunter2@", 1)
	logtest.Run(t, func(t *testing.T) logtest.Harness {
		// All cases share the server; the prefix is one that the user may use.
		prefix := fmt.Sprintf("plenum:%d", time.Now().UnixNano())
		return logtest.Harness{Open: func(o logtest.Options) fanout.Log {
			return open(t, redislog.Options{URL: url, Prefix: prefix, History: o.History, TTL: o.TTL})
		}}
	})
	t.Run("beside the contract", func(t *testing.T) {
		log := open(t, redislog.Options{URL: url})
		if err := log.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if _, _, err := log.Renew(t.Context(), "a", time.Minute); err != nil {
			t.Error(err)
		}
		if _, _, err := log.Renew(t.Context(), "a", 0); err != nil {
			t.Error(err)
		}
		client := log.Client()
		for _, forbidden := range [][]string{{"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "SET", "maxmemory", "1"}, {"ACL", "LIST"}, {"SHUTDOWN"},
			{"APPEND", "plenum:x", "y"}, {"HSET", "others", "a", "b"}, {"PUBLISH", "others", "x"}, {"MONITOR"}, {"CLIENT", "KILL", "TYPE", "normal"}, {"REPLICAOF", "NO", "ONE"}} {
			err := client.Do(t.Context(), client.B().Arbitrary(forbidden[0]).Args(forbidden[1:]...).Build()).Error()
			if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
				t.Errorf("%v: %v; want NOPERM", forbidden, err)
			}
		}
	})
}

// authority signs a certificate for 127.0.0.1 and writes both to files.
func authority(t *testing.T) (ca, cert, key string, roots *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	make := func(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parentKey == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made, key
	}
	root, rootKey := make(&x509.Certificate{Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	leaf, leafKey := make(&x509.Certificate{Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, root, rootKey)
	der, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(root)
	return write("ca.pem", "CERTIFICATE", root.Raw), write("redis.pem", "CERTIFICATE", leaf.Raw), write("redis.key", "EC PRIVATE KEY", der), roots
}

// Over TLS, as the user with the least rights, with a password that is not in
// the URL; and not with a certificate that nobody vouches for.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, cert, key, roots := authority(t)
	port := freePort(t)
	redistest.Start(t, documentedUser(t, "hunter2"), fmt.Sprintf("tls-port %d", port), "tls-cert-file "+cert, "tls-key-file "+key,
		"tls-ca-cert-file "+ca, "tls-auth-clients no")
	url := fmt.Sprintf("rediss://plenum@127.0.0.1:%d", port)
	log := open(t, redislog.Options{URL: url, Password: "hunter2", Roots: roots})
	heard := logtest.NewRecorder()
	log.Listen(heard)
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), "s", full(1)); err != nil {
		t.Fatal(err)
	}
	if got := heard.AwaitBatches(t, "s", 1); !bytes.Contains(got[0].Records, []byte("event")) {
		t.Errorf("heard %q", got[0].Records)
	}
	for name, o := range map[string]redislog.Options{
		"an unknown authority": {URL: url, Password: "hunter2"},
		"a wrong password":     {URL: url, Password: "hunter3", Roots: roots},
		"without TLS":          {URL: strings.Replace(url, "rediss", "redis", 1), Password: "hunter2"},
	} {
		o.Timeout = time.Second
		if l, err := redislog.Open(t.Context(), o); err == nil {
			l.Close()
			t.Errorf("%s: it was opened", name)
		} else if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
