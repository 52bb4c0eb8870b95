package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// member publishes, and notes what it is told.
type member struct {
	*client.Client
	name string

	mu   sync.Mutex
	seen []string // the log as this member knows it
	errs []error
}

func (m *member) options(model *model, random *rand.Rand) client.Options {
	var mu sync.Mutex
	return client.Options{
		URLs: []string{"ws://a.test", "ws://b.test"}, Session: "s", Name: m.name, HTTPClient: model.srv.Client(),
		Retry: random.IntN(2) == 0,
		Rand: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random.Float64()
		},
		OnState: func(s client.State) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.seen = nil
			if err := json.Unmarshal(s.State, &m.seen); err != nil {
				m.errs = append(m.errs, err)
			}
		},
		OnEvents: func(events []wire.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, e := range events {
				var id string
				if err := json.Unmarshal(e.Data, &id); err != nil {
					m.errs = append(m.errs, err)
				}
				if m.seen = append(m.seen, id); uint64(len(m.seen)) != e.Offset {
					m.errs = append(m.errs, fmt.Errorf("event %d came as number %d", e.Offset, len(m.seen)))
				}
			}
		},
		OnError: func(err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.errs = append(m.errs, err)
		},
	}
}

// outcome is what PublishWait said of an event.
type outcome struct {
	id     string
	offset uint64
	err    error
}

// Over whatever breaks, every member sees the same log, each event once and in
// order; what was acknowledged is in it once, what was refused is not, and what
// is in doubt at most once.
func TestPromises(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { promises(t, seed, counts) })
		})
	}
	for _, what := range []string{"resumed", "snapshots", "cuts", "closes", "drains", "states", "cut before", "cut after",
		"refused", "slowed down", "repeated", "heartbeats", "acknowledged", "in doubt"} {
		if counts[what] == 0 {
			t.Errorf("the test is too tame: %q never happened", what)
		}
	}
	t.Log(counts)
}

func promises(t *testing.T, seed uint64, counts map[string]int) {
	const members, publishes = 4, 60
	m := newModel(t, seed)
	ctx, cancel := context.WithCancel(t.Context())
	var running, publishing sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	var all []*member
	outcomes := make(chan outcome, members*publishes)
	for i := range members {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		p := &member{name: fmt.Sprint("p", i)}
		p.Client = client.New(p.options(m, random))
		all = append(all, p)
		running.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Errorf("%s: Run returned %v", p.name, err)
			}
		})
		pauses := rand.New(rand.NewPCG(seed, uint64(100+i)))
		for n := range publishes {
			pause := time.Duration(n)*10*time.Millisecond + time.Duration(pauses.IntN(30))*time.Millisecond
			publishing.Go(func() {
				time.Sleep(pause)
				id := fmt.Sprint(p.name, " ", n)
				offset, err := p.PublishWait(ctx, "e", id)
				outcomes <- outcome{id, offset, err}
			})
		}
	}
	for range 60 {
		time.Sleep(15 * time.Millisecond)
		m.fault()
	}
	m.mu.Lock()
	m.calm = true
	m.mu.Unlock()
	publishing.Wait()
	m.twice()
	time.Sleep(20 * time.Second)
	synctest.Wait()

	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range all {
		p.check(t, m.log)
	}
	close(outcomes)
	for o := range outcomes {
		counts[o.check(t, m.log)]++
	}
	for what, n := range m.counts {
		counts[what] += n
	}
}

func (m *member) check(t *testing.T, log []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, err := range m.errs {
		t.Errorf("%s: %v", m.name, err)
	}
	if !slices.Equal(m.seen, log) {
		t.Errorf("%s saw %d events, not the %d of the log:\n%q\n%q", m.name, len(m.seen), len(log), m.seen, log)
	}
	if n := m.Pending(); n != 0 {
		t.Errorf("%s has %d requests that are not settled", m.name, n)
	}
}

// check compares what was said with the log, and returns what it was.
func (o outcome) check(t *testing.T, log []string) string {
	times := 0
	for i, id := range log {
		if id != o.id {
			continue
		}
		times++
		if o.offset != 0 && o.err == nil && uint64(i+1) > o.offset {
			t.Errorf("%s was acknowledged at %d, and is at %d", o.id, o.offset, i+1)
		}
	}
	_, refused := errors.AsType[*wire.Error](o.err)
	switch {
	case o.err == nil && times == 1:
		return "acknowledged"
	case refused && times == 0:
		return "refused for good"
	case errors.Is(o.err, client.ErrOutcomeLost) && times <= 1:
		return "in doubt"
	}
	t.Errorf("%s is in the log %d times, and PublishWait said %d, %v", o.id, times, o.offset, o.err)
	return "wrong"
}
