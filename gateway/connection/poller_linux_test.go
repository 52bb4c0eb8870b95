package connection

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
)

func TestIdleConnectionsCostNoGoroutine(t *testing.T) {
	r := overTCP(t, fast)
	first := r.member("s")
	first.write(publishes(1, 1, "x"))
	first.events("e", 1)
	before := runtime.NumGoroutine()
	var all []*raw
	for i := range 200 {
		all = append(all, r.member(fmt.Sprint("s", i)))
	}
	idle(t, before+5)
	for _, c := range all { // each of them still reads
		c.write(publishes(1, 1, "x"))
		c.events("e", 1)
	}
	idle(t, before+5)
	for _, c := range all {
		c.Close()
	}
	await(t, "end", func() bool { return r.Stats.Open.Load() == 1 })
	idle(t, before+5)
	p := r.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.conns); n != 1 {
		t.Errorf("the poller has %d connections; want 1", n)
	}
}

// An event was fetched, and before it is handed out its descriptor is closed and
// given to another connection: that one is not read by two goroutines.
func TestAnEventOfAnotherConnectionIsPassedOver(t *testing.T) {
	r := overTCP(t, fast)
	c := r.member("s")
	c.write(publishes(1, 1, "x"))
	c.events("e", 1)
	before := runtime.NumGoroutine()
	p := r.poller
	p.mu.Lock()
	var stale []syscall.EpollEvent
	for fd, w := range p.conns {
		for range 20 {
			stale = append(stale, syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: fd, Pad: w.turn - 1})
		}
	}
	p.mu.Unlock()
	if len(stale) != 20 {
		t.Fatalf("the poller has %d connections; want 1", len(stale)/20)
	}
	p.handOut(stale)
	idle(t, before+5)
	c.write(publishes(2, 1, "x"))
	c.events("e", 1)
}
