package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// model is two replicas on one log, between which everything goes wrong.
type model struct {
	*testing.T
	store    *memlog.Log
	replicas []*rig

	mu      sync.Mutex // guards the following
	source  *rand.Rand
	members map[*member]*fanout.Pool
	answers map[string]fanout.Settlement // by the body of the event
	resets  int
}

const clients, requests = 8, 40

func TestModel(t *testing.T) {
	seeds := 120
	if testing.Short() {
		seeds = 15
	}
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed)
			var group sync.WaitGroup
			for i := range clients {
				group.Go(func() { m.client(i) })
				group.Go(func() { m.visitors(i) })
			}
			group.Go(m.disturb)
			group.Wait()
			m.heal()
			m.judge(seed)
		})
	}
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{T: t, store: memlog.New(memlog.Options{History: 5000}), source: rand.New(rand.NewPCG(seed, 3)),
		members: make(map[*member]*fanout.Pool), answers: make(map[string]fanout.Settlement)}
	shared := logtest.NewStore(m.store)
	if _, err := m.store.Append(t.Context(), "s", &fanout.Append{Create: true, Set: map[string][]byte{"n": []byte("0")}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := startOnLog(t, m.store, shared.View(), fanout.Options{})
		r.log.bend(func(b *bends) {
			b.delivery, b.onAppend, b.onRead, b.onHeads = m.delivery(r), m.onAppend, m.onRead, m.onHeads
		})
		m.replicas = append(m.replicas, r)
	}
	return m
}

// random is less than n.
func (m *model) random(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.source.IntN(n)
}

func (m *model) nap(most time.Duration) { time.Sleep(time.Duration(m.random(int(most)))) }

// delivery loses, doubles, delays and so reorders batches.
func (m *model) delivery(r *rig) func(string, fanout.Batch) {
	return func(session string, b fanout.Batch) {
		switch dice := m.random(20); {
		case dice < 2:
		case dice < 4:
			r.hub.Deliver(session, b)
			r.hub.Deliver(session, b)
		case dice < 8:
			time.AfterFunc(time.Duration(m.random(300))*ms, func() { r.hub.Deliver(session, b) })
		default:
			r.hub.Deliver(session, b)
		}
	}
}

func (m *model) onAppend(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (res fanout.Appended, err error) {
	switch m.random(12) {
	case 0:
		_, _ = do()
		return res, errCut
	case 1:
		return res, errCut
	case 2:
		return res, fanout.ErrUnavailable
	case 3:
		m.nap(50 * ms)
	}
	return do()
}

func (m *model) onRead(_ context.Context, _ *fanout.Query, do func() (fanout.View, error)) (v fanout.View, err error) {
	switch m.random(8) {
	case 0:
		return v, errCut
	case 1:
		v, err = do()
		m.nap(200 * ms) // it is old when it arrives
		return v, err
	}
	return do()
}

func (m *model) onHeads(_ context.Context, do func() ([]fanout.Head, error)) ([]fanout.Head, error) {
	if m.random(3) == 0 {
		return nil, errCut
	}
	return do()
}

// client publishes and sends commands, over the one or the other replica, and
// sends again what was not answered.
func (m *model) client(i int) {
	for ref := 1; ref <= requests; ref++ {
		body := fmt.Sprintf("%d:%d", i, ref)
		for tries := 0; ; tries++ {
			r := m.replicas[m.random(2)]
			p, err := r.hub.Open(m.Context(), "s")
			if err != nil {
				m.Error(err)
				return
			}
			pr := &fanout.Proposal{Client: fmt.Sprint("client ", i), Ref: uint64(ref), Change: change(body)}
			if ref%4 == 0 {
				pr.Change, pr.Decide = fanout.Change{}, increment(body)
			}
			s := propose(p, pr)
			p.Close()
			if errors.Is(s.Err, fanout.ErrUnknown) && tries < 50 {
				continue
			}
			m.mu.Lock()
			m.answers[body] = s
			m.mu.Unlock()
			break
		}
		m.nap(100 * ms)
	}
}

// increment raises n with an event.
func increment(body string) func(fanout.State) (fanout.Change, error) {
	return func(s fanout.State) (fanout.Change, error) {
		state := s.(*table)
		n, err := strconv.Atoi(state.fields["n"])
		if err != nil {
			return fanout.Change{}, err
		}
		state.set("n", strconv.Itoa(n+1))
		return change(body), nil
	}
}

// visitors come, some stay, some leave.
func (m *model) visitors(i int) {
	for range 12 {
		m.nap(400 * ms)
		p, err := m.replicas[(i+m.random(2))%2].hub.Open(m.Context(), "s")
		if err != nil {
			m.Error(err)
			return
		}
		v := m.enter(p)
		if v != nil && m.random(3) > 0 {
			m.nap(500 * ms)
			p.Detach(v.link)
			m.mu.Lock()
			delete(m.members, v)
			m.mu.Unlock()
			p.Close()
		}
	}
}

// enter attaches a member as of what a look saw, or behind an older position.
func (m *model) enter(p *fanout.Pool) *member {
	for {
		l := &fanout.Look{}
		if before := p.Head().Offset; before > 0 && m.random(2) == 0 {
			l.History, l.After = true, uint64(m.random(int(before)))
		}
		answer := make(chan *member, 1)
		l.Seen = func(_ fanout.State, seen fanout.Seen) { answer <- m.attach(p, l, seen) }
		p.Look(l)
		if v := <-answer; v != nil {
			return v
		}
		m.nap(20 * ms)
	}
}

func (m *model) attach(p *fanout.Pool, l *fanout.Look, seen fanout.Seen) *member {
	if seen.Err != nil {
		return nil
	}
	from, events := seen.Head.Position, []fanout.Event(nil)
	if l.History && seen.Complete {
		from.Offset, events = l.After, seen.Events
	}
	v := &member{at: from.Offset, from: from.Offset}
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	if v.link, err = p.Attach(v, from, events, nil); err != nil {
		return nil
	}
	m.members[v] = p
	return v
}

// disturb breaks subscriptions, and in every third run has the log lose its past.
func (m *model) disturb() {
	loses := m.random(3) == 0
	for range 15 {
		m.nap(500 * ms)
		m.replicas[m.random(2)].hub.Resubscribed([]string{"s"})
		if loses && m.random(5) == 0 {
			heads, err := m.store.Heads(m.Context(), []string{"s"})
			if err != nil {
				m.Error(err)
				return
			}
			known := heads[0].Position
			known.Offset += 3
			if _, err = m.store.Append(m.Context(), "s", &fanout.Append{Known: known}); err != nil {
				m.Error(err)
			}
			m.mu.Lock()
			m.resets++
			m.mu.Unlock()
		}
	}
}

// heal ends the faults, and waits for what the sweep finds.
func (m *model) heal() {
	for _, r := range m.replicas {
		r.log.bend(func(b *bends) { *b = bends{} })
	}
	after(within)
}

// judge holds everybody against the log.
func (m *model) judge(seed uint64) {
	v, err := m.store.Read(context.Background(), "s", &fanout.Query{History: true})
	if err != nil || !v.Complete {
		m.Fatalf("seed %d: read: complete %v, %v", seed, v.Complete, err)
	}
	count, commands := make(map[string]int), 0
	texts := make([]string, 0, len(v.Events))
	for _, e := range v.Events {
		texts = append(texts, string(e.Body))
		count[string(e.Body)]++
	}
	for body, s := range m.answers {
		_, ref, _ := cutRef(body)
		if ref%4 == 0 {
			commands += count[body]
		}
		if n := count[body]; n > 1 || s.Err == nil && n != 1 || s.Err != nil && !errors.Is(s.Err, fanout.ErrUnknown) && n != 0 {
			m.Fatalf("seed %d: %s was settled with %+v, and is in the log %d times", seed, body, s, n)
		}
	}
	if len(m.answers) != clients*requests || v.State["n"] != strconv.Itoa(commands) {
		m.Fatalf("seed %d: %d answers, %d commands, n=%s", seed, len(m.answers), commands, v.State["n"])
	}
	for member, p := range m.members {
		got := member.got
		if i := slices.Index(got, "snapshot"); m.resets == 0 && i >= 0 {
			m.Fatalf("seed %d: a member was told to take a snapshot", seed)
		}
		for i := slices.Index(got, "snapshot"); i >= 0; i = slices.Index(got, "snapshot") {
			got = got[i+1:]
		}
		if member.wrong != "" || !slices.Equal(got, texts[len(texts)-min(len(got), len(texts)):]) || member.at != v.Offset {
			m.Fatalf("seed %d: a member from %d is at %d of %d, %s\ngot  %q\nwant %q", seed, member.from, member.at, v.Offset, member.wrong, got, texts)
		}
		if len(member.told) == 0 && len(got) != len(texts)-int(member.from) {
			m.Fatalf("seed %d: a member from %d of %d got %d events", seed, member.from, len(texts), len(got))
		}
		if p.Head() != v.Head {
			m.Fatalf("seed %d: a pool is at %+v; the log at %+v", seed, p.Head(), v.Head)
		}
	}
}

// cutRef splits the body of a client's event.
func cutRef(body string) (client, ref int, err error) {
	_, err = fmt.Sscanf(body, "%d:%d", &client, &ref)
	return client, ref, err
}
