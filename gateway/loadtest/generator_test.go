package loadtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// machine is the clock and the processors of a test. A timer fires late by so
// much as is set, and then is at its time.
type machine struct {
	now   time.Duration
	late  time.Duration
	own   float64 // what this process uses of the two processors' time
	other float64 // what the rest does
}

func (m *machine) clock() clock {
	return clock{now: func() time.Duration { return m.now }, sleep: func(ctx context.Context, d time.Duration) bool {
		m.now += d + m.late
		return ctx.Err() == nil
	}}
}

func (m *machine) usage() (usage, error) {
	share := func(of float64) time.Duration { return time.Duration(of * 2 * float64(m.now)) }
	return usage{own: share(m.own), busy: share(m.own + m.other), all: 2 * m.now}, nil
}

// observe has the load generator watch itself on the machine for ten seconds,
// and send a message every 100 ms.
func observe(m *machine, exhausted int64) Generator {
	ctx, stop := context.WithCancel(context.Background())
	c := m.clock()
	c.sleep = func(ctx context.Context, d time.Duration) bool {
		if m.now += d + m.late; m.now > 10*time.Second {
			stop()
		}
		return ctx.Err() == nil
	}
	w := newWatch(c)
	w.usage, w.cores = m.usage, 2
	w.begin()
	w.sample(ctx)
	for range 100 {
		w.sent(m.late)
	}
	return w.end(exhausted)
}

func TestTheLoadGeneratorSaysWhenItIsTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		machine   machine
		exhausted int64
		limit     bool
		says      string
	}{
		"at ease":                 {machine{late: time.Millisecond, own: 0.3, other: 0.2}, 0, false, "kept up: 30 % of its 2 processors, timers 1.00 ms late, messages sent 1.00 ms late"},
		"out of processor time":   {machine{own: 0.85}, 0, true, "it used 85 % of its 2 processors"},
		"late":                    {machine{late: 30 * time.Millisecond, own: 0.3}, 0, true, "its timers fired up to 3"},
		"out of descriptors":      {machine{own: 0.1}, 3, true, "3 times this machine had no file descriptor or port left"},
		"beside a busy neighbour": {machine{own: 0.2, other: 0.78}, 0, false, "this machine was busy: 78 % of it by other programs"},
	} {
		g := observe(&c.machine, c.exhausted)
		if g.Limit != c.limit || !strings.Contains(g.verdict(), c.says) {
			t.Errorf("%s: limit %v, %q; want %v, and %q", name, g.Limit, g.verdict(), c.limit, c.says)
		}
		if loud := strings.Contains(g.verdict(), "THE LOAD GENERATOR WAS THE LIMIT"); loud != c.limit {
			t.Errorf("%s: %q", name, g.verdict())
		}
	}
}

func TestProcessorTimeThatCannotBeMeasuredIsTold(t *testing.T) {
	m := &machine{now: time.Second}
	w := newWatch(m.clock())
	w.usage = func() (usage, error) { return usage{}, errors.New("no such file") }
	w.begin()
	if g := w.end(0); g.Limit || !strings.Contains(g.verdict(), "could not be measured: no such file") {
		t.Errorf("%+v", g)
	}
}

// What the system says of this very process makes sense.
func TestUsage(t *testing.T) {
	before, err := used()
	if err != nil {
		t.Fatal(err)
	}
	for x, began := 1.0, time.Now(); time.Since(began) < 50*time.Millisecond; x *= 1.0001 {
	}
	after, err := used()
	if err != nil {
		t.Fatal(err)
	}
	if after.own < before.own || after.own <= 0 || after.all < before.all || after.busy > after.all {
		t.Errorf("used %+v, then %+v", before, after)
	}
}

// The schedule waits for nobody: whoever is late makes up for it at once, and
// the moments at which something is due stay.
func TestPaceIsAnOpenLoop(t *testing.T) {
	m := &machine{}
	var dues, late []time.Duration
	m.clock().pace(t.Context(), 5*time.Second, time.Second, 12*time.Second, func(due time.Duration) {
		dues, late = append(dues, due), append(late, m.now-due)
		if due == 6*time.Second {
			m.now += 3500 * time.Millisecond // the second message takes that long
		}
	})
	for i, due := range dues {
		want := []time.Duration{0, 0, 2500, 1500, 500, 0, 0}[i] * time.Millisecond
		if due != time.Duration(5+i)*time.Second || late[i] != want {
			t.Errorf("message %d was due at %v and sent %v late, not %v", i, due, late[i], want)
		}
	}
	if len(dues) != 7 {
		t.Errorf("%d messages in 7 s", len(dues))
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	new(machine).clock().pace(ctx, 0, time.Second, time.Hour, func(time.Duration) {
		if n++; n == 3 {
			stop()
		}
	})
	if n != 3 {
		t.Errorf("%d messages", n)
	}
}
