package connection

import (
	"fmt"
	"runtime"
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
