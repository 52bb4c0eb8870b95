package redislog_test

import (
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

	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

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
	port, err := redistest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	redistest.Start(t, redistest.DocumentedUser(t, security, "plenum", "hunter2"), fmt.Sprintf("tls-port %d", port), "tls-cert-file "+cert, "tls-key-file "+key,
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
