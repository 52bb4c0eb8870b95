package app

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestReadyAsksTheGatewayOfThisMachine(t *testing.T) {
	var status atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("it asked for %s", r.URL.Path)
		}
		w.WriteHeader(int(status.Load()))
		w.Write([]byte("the store is away"))
	}))
	addr := server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{addr, ":" + port, "0.0.0.0:" + port, "[::]:" + port} {
		status.Store(http.StatusOK)
		if err := Ready(t.Context(), listen); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
		status.Store(http.StatusServiceUnavailable)
		if err := Ready(t.Context(), listen); err == nil || !strings.Contains(err.Error(), "the store is away") {
			t.Errorf("%s: %v; it is not ready, and says why", listen, err)
		}
	}
	server.Close()
	if err := Ready(t.Context(), addr); err == nil {
		t.Error("nobody listens, and it is ready")
	}
	if err := Ready(t.Context(), "nonsense"); err == nil || !strings.Contains(err.Error(), "PLENUM_LISTEN") {
		t.Errorf("nonsense: %v", err)
	}
}
