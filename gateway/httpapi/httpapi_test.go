package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Pointer[error]
		h := &Health{Store: func(context.Context) error {
			if err := away.Load(); err != nil {
				return *err
			}
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		go h.Watch(ctx, zap.NewNop())
		for _, step := range []struct {
			change func()
			ready  int
		}{
			{func() {}, http.StatusOK},
			{func() { err := errors.New("gone"); away.Store(&err) }, http.StatusServiceUnavailable},
			{func() { away.Store(nil) }, http.StatusOK},
			{h.Drain, http.StatusServiceUnavailable},
		} {
			synctest.Wait()
			step.change()
			<-time.After(checkEvery + checkWithin)
			if got := ask(t, h.ready); got != step.ready {
				t.Errorf("/readyz answers %d, want %d", got, step.ready)
			}
			if got := ask(t, h.live); got != http.StatusOK {
				t.Errorf("/healthz answers %d", got)
			}
		}
		cancel()
	})
}

func ask(t *testing.T, handler http.HandlerFunc) int {
	t.Helper()
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/", nil))
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Errorf("the answer is no JSON: %s", w.Body)
	}
	return w.Code
}
