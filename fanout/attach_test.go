package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

func TestAttachAtAnyPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{FrameBurst: 1})
		p, _ := r.join("s")
		for i := 1; i <= 5; i++ {
			r.publish("s", fmt.Sprint(i)) // the first leaves at once, the others wait
		}
		kept := r.log.withhold()
		r.publish("s", "6") // the log is ahead of the pool
		all := []string{"1", "2", "3", "4", "5", "6"}
		epoch := p.Head().Epoch
		var members []*member
		for from := range uint64(7) {
			for _, read := range []bool{true, false} {
				var events []fanout.Event
				if read {
					v, err := r.store.Read(t.Context(), "s", &fanout.Query{History: true, After: from})
					if err != nil {
						t.Fatal(err)
					}
					events = v.Events
				}
				m := &member{at: from}
				first := 0
				if _, err := p.Attach(m, fanout.Position{Epoch: epoch, Offset: from}, events, func() { first++; m.want(t) }); err != nil {
					t.Fatalf("from %d: %v", from, err)
				}
				if first != 1 {
					t.Errorf("first was called %d times", first)
				}
				if read {
					m.want(t, all[from:]...)
				}
				members = append(members, m)
			}
		}
		kept.deliver("s", 0)
		r.log.bend(func(b *bends) { b.delivery = nil })
		r.publish("s", "7")
		after(time.Second)
		for i, m := range members {
			m.want(t, append(all[i/2:len(all):len(all)], "7")...)
		}
	})
}

func TestAttachIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{Recent: 1000})
		r.publish("s", "0")
		p, err := r.hub.Open(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		attach := func(epoch string, offset uint64) error {
			_, err := p.Attach(new(member), fanout.Position{Epoch: epoch, Offset: offset}, nil, func() { t.Error("first was called") })
			return err
		}
		if err := attach("", 0); !errors.Is(err, fanout.ErrLost) {
			t.Errorf("before the first position: %v", err)
		}
		_, _ = r.open("s")
		m := r.attach(p)
		for i := range 100 {
			r.publish("s", fmt.Sprint(i))
			after(time.Second)
		}
		at := p.Head().Position
		if err := attach("another", at.Offset); !errors.Is(err, fanout.ErrEpoch) {
			t.Errorf("another epoch: %v", err)
		}
		if err := attach(at.Epoch, 1); !errors.Is(err, fanout.ErrBehind) {
			t.Errorf("an old position: %v", err)
		}
		if n := p.Subscribers(); n != 1 {
			t.Errorf("%d are attached; want 1", n)
		}
		old := &member{at: at.Offset - 5}
		if _, err := p.Attach(old, fanout.Position{Epoch: at.Epoch, Offset: at.Offset - 5}, nil, nil); err != nil {
			t.Errorf("a recent position: %v", err)
		}
		old.want(t, "95", "96", "97", "98", "99")
		refused := 0
		for from := range at.Offset + 1 {
			m := &member{at: from}
			switch _, err := p.Attach(m, fanout.Position{Epoch: at.Epoch, Offset: from}, nil, nil); {
			case errors.Is(err, fanout.ErrBehind):
				refused++
			case err != nil || uint64(len(m.got)) != at.Offset-from || m.wrong != "":
				t.Fatalf("from %d of %d: %d events, %s, %v", from, at.Offset, len(m.got), m.wrong, err)
			}
		}
		if refused < 80 || refused > 95 {
			t.Errorf("%d of %d positions were refused", refused, at.Offset+1)
		}
		if m.wrong != "" {
			t.Error(m.wrong)
		}
	})
}

// What passes after somebody was attached ahead of the pool is for that one too.
func TestPassingBehindAKnownPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{FrameBurst: 1})
		p, _ := r.join("s")
		r.publish("s", "1")
		r.pass("s", "", "before")
		head := r.publish("s", "2").Head
		m := &member{at: 2}
		if _, err := p.Attach(m, head.Position, nil, nil); err != nil {
			t.Fatal(err)
		}
		r.pass("s", "", "after")
		after(time.Second)
		m.want(t)
		if fmt.Sprint(m.passed) != "[after]" {
			t.Errorf("passed were %q", m.passed)
		}
	})
}

func TestDetach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, first := r.join("s")
		members := []*member{first}
		for range 9 {
			members = append(members, r.attach(p))
		}
		for n, i := range []int{9, 0, 4, 4, 8, 1} {
			r.publish("s", fmt.Sprint(n))
			p.Detach(members[i].link)
			after(time.Second)
		}
		if n := p.Subscribers(); n != 5 {
			t.Errorf("%d are attached; want 5", n)
		}
		r.publish("s", "last")
		for i, count := range []int{2, 6, 7, 7, 3, 7, 7, 7, 5, 1} {
			if events, _ := members[i].counts(); events != count || members[i].wrong != "" {
				t.Errorf("member %d got %d events, %s; want %d", i, events, members[i].wrong, count)
			}
		}
	})
}

// racer is one run of joins at random moments and positions while events flow.
type racer struct {
	*rig
	pool   *fanout.Pool
	random func(n int) int // safe for concurrent use

	mu     sync.Mutex
	joined map[*member]uint64 // and from where; guarded by mu
}

func TestAttachWhileEventsFlow(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 20
	}
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) { race(t, seed) })
	}
}

// race has 25 members join at random, and events come late and in bursts.
func race(t *testing.T, seed uint64) {
	var mu sync.Mutex
	source := rand.New(rand.NewPCG(seed, 2))
	r := &racer{rig: startOn(t, memlog.New(memlog.Options{History: 400}), fanout.Options{FrameBurst: 1 + int(seed%4), Recent: 3000}),
		joined: make(map[*member]uint64), random: func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			return source.IntN(n)
		}}
	r.publish("s", "1")
	r.pool, _ = r.open("s")
	lag := time.Duration(seed%3) * 40 * ms // what the log has, and the pool has not
	r.log.bend(func(b *bends) {
		b.delivery = func(session string, b fanout.Batch) {
			if r.random(20) > 0 { // some are lost
				time.AfterFunc(lag, func() { r.hub.Deliver(session, b) })
			}
		}
	})
	var group sync.WaitGroup
	group.Go(func() {
		for n := 2; n <= 300; n++ {
			r.publish("s", fmt.Sprint(n))
			if r.random(3) == 0 {
				time.Sleep(time.Duration(r.random(30)) * ms)
			}
		}
	})
	for range 25 {
		group.Go(func() {
			time.Sleep(time.Duration(r.random(1200)) * ms)
			r.enter()
		})
	}
	group.Wait()
	r.log.bend(func(b *bends) { b.delivery = nil })
	r.hub.Resubscribed([]string{"s"})
	after(2 * time.Second)
	for m, from := range r.joined {
		var want []string
		for n := from + 1; n <= 300; n++ {
			want = append(want, fmt.Sprint(n))
		}
		m.want(t, want...)
	}
}

// enter attaches a member: behind a random position with the events since, or
// at the head as of a read.
func (r *racer) enter() {
	for {
		q := &fanout.Query{History: true}
		head := r.pool.Head().Offset
		q.After = uint64(r.random(int(head) + 1))
		v, err := r.store.Read(context.Background(), "s", q)
		if err != nil || !v.Complete {
			r.Errorf("read: %+v, %v", v, err)
			return
		}
		from, events := q.After, v.Events
		if r.random(2) == 0 {
			from, events = v.Offset, nil
		}
		if r.random(2) == 0 {
			time.Sleep(time.Duration(r.random(100)) * ms)
		}
		m := &member{at: from}
		m.link, err = r.pool.Attach(m, fanout.Position{Epoch: v.Epoch, Offset: from}, events, nil)
		if errors.Is(err, fanout.ErrBehind) {
			continue
		}
		if err != nil {
			r.Errorf("attach: %v", err)
			return
		}
		if r.random(4) == 0 { // leaves and comes back where it was
			time.Sleep(time.Duration(r.random(200)) * ms)
			r.pool.Detach(m.link)
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.joined[m] = from
		return
	}
}
