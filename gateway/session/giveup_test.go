package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// roster is the members as the store has them, by id.
func (w *world) roster(session string) map[string]member {
	w.Helper()
	all := make(map[string]member)
	for field, value := range w.view(session).State {
		if id, ok := strings.CutPrefix(field, fieldMember); ok {
			var m member
			if err := json.Unmarshal([]byte(value), &m); err != nil {
				w.Fatal(err)
			}
			all[id] = m
		}
	}
	return all
}

// slow makes every call to the store take a random time, and some fail; of
// those that fail some were done all the same.
func slow(draw *rand.Rand, most time.Duration, failures float64) hooks {
	var mu sync.Mutex
	delay := func() (d time.Duration, fails, done bool) {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(draw.Int64N(int64(most))), draw.Float64() < failures, draw.IntN(2) == 0
	}
	return hooks{
		append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			d, fails, done := delay()
			time.Sleep(d)
			switch {
			case !fails:
				return do()
			case done:
				do()
			}
			return fanout.Appended{}, errors.New("the answer was lost")
		},
		read: func(do func() (fanout.View, error)) (fanout.View, error) {
			d, fails, _ := delay()
			time.Sleep(d)
			if fails {
				return fanout.View{}, errors.New("the answer was lost")
			}
			return do()
		},
	}
}

// Joiners who give up at any stage leave nothing behind, and take nothing away.
func TestJoinersWhoGiveUpLeaveNoGhost(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(w *world) { giveUp(w, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func giveUp(w *world, draw *rand.Rand) {
	replicas := []*replica{w.replica(), w.replica()}
	witness := replicas[0].named("s", "witness")
	var away []*fake // members without a connection
	for range 4 {
		f := replicas[1].named("s", "away")
		f.gone()
		away = append(away, f)
	}
	pass(time.Minute)
	for i, r := range replicas {
		r.faults.set(slow(rand.New(rand.NewPCG(draw.Uint64(), uint64(i))), 200*time.Millisecond, 0.2))
	}
	var joining sync.WaitGroup
	var mu sync.Mutex
	in := make(map[string]int) // connections by member
	for i := range 12 {
		j := wire.Join{Name: "new", Client: fmt.Sprint("client-", i)}
		if i%2 == 0 {
			j = wire.Join{Seat: away[i/2%4].seat(), Client: j.Client}
		}
		r, start, patience := replicas[i%2], time.Duration(draw.Int64N(int64(time.Second))), time.Duration(draw.Int64N(int64(time.Second)))
		joining.Go(func() {
			time.Sleep(start)
			ctx, cancel := context.WithTimeoutCause(context.Background(), patience, &wire.Error{Code: "gave_up", Close: wire.CloseStoreAway})
			defer cancel()
			f := newFake(w.T)
			if r.Join(ctx, "s", &j, f) == nil {
				mu.Lock()
				defer mu.Unlock()
				in[f.member()]++
			}
		})
	}
	joining.Wait()
	for _, r := range replicas {
		r.faults.heal()
	}
	pass(time.Minute)
	judgeGivenUp(w, witness, away, in)
}

// judgeGivenUp compares the roster, and what the witness was told, with the
// connections that joined in the end.
func judgeGivenUp(w *world, witness *fake, away []*fake, in map[string]int) {
	known := map[string]bool{witness.member(): true}
	for _, f := range away {
		known[f.member()] = true
	}
	for id, m := range w.roster("s") {
		want := in[id]
		if id == witness.member() {
			want = 1
		}
		if len(m.Conns) != want {
			w.Errorf("%s (%s) has %d connections in the roster; %d joined", id, m.Name, len(m.Conns), want)
		}
		if want == 0 && !known[id] {
			w.Errorf("%s gave up and has a seat", id)
		}
		if online := m.Status == wire.StatusOnline; online != (want > 0) {
			w.Errorf("%s is %s with %d connections", id, m.Status, want)
		}
		if got := witness.status(id); got != m.Status {
			w.Errorf("the witness thinks that %s is %s; the roster has %s", id, got, m.Status)
		}
	}
	if a, b := len(witness.members), len(w.roster("s")); a != b {
		w.Errorf("the witness knows %d members, the roster has %d", a, b)
	}
}

// The join was taken, and its answer lost: it is one seat and one event.
func TestJoinWhoseAnswerWasLost(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		bob := two.named("s", "Bob")
		settle()
		lost := 2
		one.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			res, err := do()
			if lost > 0 {
				lost--
				return fanout.Appended{}, errors.New("the answer was lost")
			}
			return res, err
		}})
		ada := one.named("s", "Ada")
		settle()
		if got := lines(bob.news()); got != "member.joined "+ada.member()+" Adaonline" {
			w.Errorf("told %q", got)
		}
		if got := len(ada.members); got != 2 {
			w.Errorf("the welcome has %d members: %s", got, ada.first.Members)
		}
		if got := len(w.roster("s")); got != 2 {
			w.Errorf("the roster has %d members", got)
		}
		if got := one.Stats.Joins.Load(); got != 1 {
			w.Errorf("%d joins", got)
		}
	})
}

// A session's creation was taken, and its answer lost.
func TestCreateWhoseAnswerWasLost(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		lost := true
		r.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			res, err := do()
			if lost {
				lost = false
				return fanout.Appended{}, errors.New("the answer was lost")
			}
			return res, err
		}})
		if _, err := r.Create(w.Context(), "s", "document", nil); err != nil {
			w.Errorf("create: %v", err)
		}
	})
}

// A client gives up a join that waits for the store, and connects anew somewhere
// else. When the store answers after all, the join that came first must not end
// the connection that came later: for its client that would be the end.
func TestAJoinThatWasGivenUpEndsNoNewerConnection(t *testing.T) {
	for name, lost := range map[string]bool{"for a seat that is here": false, "for a seat that was lost": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := two.named("s", "Ada"), two.named("s", "Bob")
				one.named("s", "keeps the pool").open()
				settle()
				if lost {
					ada.gone()
					pass(10 * time.Second)
				}
				answer := make(chan struct{})
				one.faults.set(hooks{read: func(do func() (fanout.View, error)) (fanout.View, error) {
					<-answer
					return do()
				}})
				givenUp, early := newFake(w.T), make(chan error, 1)
				at := ada.position()
				givenUp.members = maps.Clone(ada.members)
				j := wire.Join{Seat: ada.seat(), Client: ada.client, Since: &at}
				go func() { early <- one.Join(w.Context(), "s", &j, givenUp) }()
				pass(time.Second)
				newer := two.resume("s", ada)
				settle()
				close(answer)
				if err := <-early; err != nil {
					w.Fatal(err)
				}
				settle()
				newer.open()
				givenUp.closed(wire.CloseRebalanced)
				givenUp.gone()
				pass(time.Minute)
				newer.open()
				if got := bob.status(ada.member()); got != wire.StatusOnline || w.connections("s") != 3 {
					w.Errorf("Ada is %s; the roster has %d connections, want 3", got, w.connections("s"))
				}
				newer.publish(1, "e", "1")
				if got := bob.events(); len(got) != 1 {
					w.Errorf("the newer connection is not heard: %v", got)
				}
			})
		})
	}
}
