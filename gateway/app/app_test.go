package app

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/gateway/fleet"
)

// start starts a replica with the embedded log and returns when it answers.
func start(t *testing.T, environ ...string) (a *App, stop, hurry func(), ended <-chan error) {
	t.Helper()
	s, _, err := Load(append(environ, "PLENUM_LISTEN=127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if a, err = New(t.Context(), s, "test", zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	stopping, stop := context.WithCancel(context.Background())
	now, hurry := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(stopping, now) }()
	t.Cleanup(func() { stop(); hurry() })
	resp, err := http.Get("http://" + a.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	return a, stop, hurry, done
}

// joined is a member that reads whatever comes.
func joined(t *testing.T, a *App) (ended <-chan websocket.StatusCode) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+a.Addr().String()+"/api/websocket?session=s", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"join","client":"c","name":"n"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan websocket.StatusCode, 1)
	go func() {
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				done <- websocket.CloseStatus(err)
				return
			}
		}
	}()
	return done
}

// A replica that is told to stop leaves nothing running, and its members know
// that they are to go elsewhere.
func TestRunEndsWhatItStarted(t *testing.T) {
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	a, stop, hurry, ended := start(t)
	member := joined(t, a)
	stop()
	hurry()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if code := <-member; code != 4000 {
		t.Errorf("the member was closed with %d; want 4000", code)
	}
	http.DefaultClient.CloseIdleConnections()
	late := time.After(10 * time.Second)
	for runtime.NumGoroutine() > before {
		select {
		case <-late:
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left of %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		default:
			runtime.Gosched()
		}
	}
	if _, err := net.Dial("tcp", a.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestPortThatIsTaken(t *testing.T) {
	a, stop, hurry, ended := start(t)
	s, _, err := Load([]string{"PLENUM_LISTEN=" + a.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), s, "test", zap.NewNop()); err == nil ||
		!strings.Contains(err.Error(), "PLENUM_LISTEN") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
	stop()
	hurry()
	<-ended
}

// An operator's drain empties a replica that goes on running; told so it serves
// again, and stopping ends it all the same.
func TestOrdersOfAnOperator(t *testing.T) {
	a, stop, hurry, ended := start(t, "PLENUM_DRAIN_TIMEOUT=1s")
	ready := func() int {
		resp, err := http.Get("http://" + a.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	member := joined(t, a)
	a.obey(fleet.OrderDrain)
	a.obey(fleet.OrderDrain) // again changes nothing
	if code := <-member; code != 4000 {
		t.Errorf("the member was closed with %d; want 4000", code)
	}
	if got := ready(); got != http.StatusServiceUnavailable {
		t.Errorf("at rest /readyz answers %d", got)
	}
	a.obey(fleet.OrderServe)
	if got := ready(); got != http.StatusOK {
		t.Errorf("serving again /readyz answers %d", got)
	}
	again := joined(t, a)
	a.obey(fleet.OrderDrain)
	stop()
	hurry()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-again
	a.obey(fleet.OrderServe)
	if !a.health.Draining() {
		t.Error("it serves again although it has stopped")
	}
}
