package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

var errCut = errors.New("the connection was cut")

// fault is what happens to one append.
type fault int

const (
	fine    fault = iota
	taken         // it is taken, and the answer is lost
	late          // the answer is lost, and it is taken a second later
	dropped       // it never arrives, which nobody can know
	refused       // it is known that it never arrived
)

// faults happen to the next appends, the last one to all that follow.
func (r *rig) faults(next ...fault) {
	r.log.bend(func(b *bends) {
		b.onAppend = func(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			now := next[0]
			if len(next) > 1 {
				next = next[1:]
			}
			switch now {
			case taken:
				_, _ = do()
			case late:
				time.AfterFunc(time.Second, func() { _, _ = do() })
			case refused:
				return fanout.Appended{}, fmt.Errorf("%w: %w", fanout.ErrUnavailable, errCut)
			case fine:
				return do()
			}
			return fanout.Appended{}, errCut
		}
	})
}

func TestRepeatsAreSettledAndTheRestAppended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		propose(p, &fanout.Proposal{Client: "c", Ref: 5, Change: change("c5")})
		open, _ := r.gate()
		first := ask(p, &fanout.Proposal{Change: change("first")})
		synctest.Wait()
		decided := 0
		answers := []<-chan fanout.Settlement{
			ask(p, &fanout.Proposal{Client: "c", Ref: 5, Change: change("c5 again")}),
			ask(p, &fanout.Proposal{Client: "c", Ref: 6, Decide: func(s fanout.State) (fanout.Change, error) { decided++; return count(9)(s) }}),
			ask(p, &fanout.Proposal{Client: "c", Ref: 4, Change: change("c4 late")}),
			ask(p, &fanout.Proposal{Client: "d", Ref: 1, Change: change("d1")}),
		}
		close(open)
		<-first
		for i, want := range []fanout.Settlement{{Repeated: true}, {}, {Err: fanout.ErrSkipped}, {}} {
			if s := <-answers[i]; s.Err != want.Err || s.Repeated != want.Repeated || s.Head.Epoch == "" {
				t.Errorf("proposal %d was settled with %+v; want %+v", i, s, want)
			}
		}
		after(time.Second)
		m.want(t, "c5", "first", "1", "d1")
		if v, err := r.store.Read(t.Context(), "s", &fanout.Query{}); err != nil || v.State["n"] != "1" || decided != 2 {
			t.Errorf("the state is %q, decided %d times, %v; want n=1 after 2", v.State, decided, err)
		}
	})
}

// A client that came back sends a ref again while its first try still waits.
func TestTheSameRefTwiceInAGroup(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []fault
		want   [2]error
	}{
		{"Fine", []fault{fine}, [2]error{}},
		{"Away", []fault{fine, dropped}, [2]error{fanout.ErrUnknown, fanout.ErrUnknown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, _ := r.join("s")
				open := make(chan struct{})
				propose(p, &fanout.Proposal{Change: change("made")})
				r.faults(c.faults...)
				bent := r.log.bent().onAppend
				r.log.bend(func(b *bends) {
					b.onAppend = func(ctx context.Context, a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
						<-open
						if slices.ContainsFunc(a.Items, func(i fanout.Item) bool { return i.Ref == 7 }) && len(a.Items) == 2 {
							return do() // which tells that there is a repeat
						}
						return bent(ctx, a, do)
					}
				})
				first := ask(p, &fanout.Proposal{Change: change("first")})
				after(50 * ms)
				one := ask(p, &fanout.Proposal{Client: "c", Ref: 7, Change: change("once")})
				other := ask(p, &fanout.Proposal{Client: "c", Ref: 7, Change: change("once")})
				close(open)
				<-first
				a, b := <-one, <-other
				if !errors.Is(a.Err, c.want[0]) || a.Repeated {
					t.Errorf("the first was settled with %+v; want %v", a, c.want[0])
				}
				if !errors.Is(b.Err, c.want[1]) || b.Repeated != (b.Err == nil) {
					t.Errorf("the second was settled with %+v; want %v", b, c.want[1])
				}
			})
		})
	}
}

func TestUnknownOutcomesAreFoundOut(t *testing.T) {
	for _, c := range []struct {
		name     string
		faults   []fault
		repeated bool
	}{
		{"Taken", []fault{taken, fine}, true},
		{"TakenAndAway", []fault{taken, refused, dropped, refused, fine}, true},
		{"Late", []fault{late, dropped, fine}, false},
		{"Dropped", []fault{dropped, dropped, fine}, false},
		{"Refused", []fault{refused, refused, fine}, false},
	} {
		for name, pr := range map[string]func() *fanout.Proposal{
			"Publish": func() *fanout.Proposal { return &fanout.Proposal{Change: change("1")} },
			"Command": func() *fanout.Proposal { return &fanout.Proposal{Decide: count(1)} },
		} {
			t.Run(c.name+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := start(t, fanout.Options{})
					p, m := r.join("s")
					propose(p, &fanout.Proposal{Decide: func(s fanout.State) (fanout.Change, error) {
						s.(*table).set("n", "0")
						return fanout.Change{}, nil
					}})
					r.faults(c.faults...)
					asked := pr()
					asked.Client, asked.Ref = "c", 1
					answer := ask(p, asked)
					if s := <-answer; s.Err != nil || s.Repeated != c.repeated {
						t.Errorf("settled with %+v; want repeated: %v", s, c.repeated)
					}
					after(time.Minute)
					m.want(t, "1")
					if len(answer) > 0 {
						t.Errorf("settled twice, also with %+v", <-answer)
					}
				})
			})
		}
	}
}

// settledAfter tells how long a settlement took.
func settledAfter(answer <-chan fanout.Settlement) (fanout.Settlement, time.Duration) {
	began := time.Now()
	s := <-answer
	return s, time.Since(began)
}

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		name        string
		always      fault
		pr          *fanout.Proposal
		want        error
		least, most time.Duration
	}{
		{"NeverTried", refused, &fanout.Proposal{Client: "c", Ref: 1, Change: change("x")}, fanout.ErrUnavailable, 2 * time.Second, 4 * time.Second},
		{"NeverTriedCommand", refused, &fanout.Proposal{Client: "c", Ref: 1, Decide: count(9)}, fanout.ErrUnavailable, 2 * time.Second, 4 * time.Second},
		{"NeverTriedNoRef", refused, &fanout.Proposal{Change: change("x")}, fanout.ErrUnavailable, 2 * time.Second, 4 * time.Second},
		{"Tried", dropped, &fanout.Proposal{Client: "c", Ref: 1, Change: change("x")}, fanout.ErrUnknown, 10 * time.Second, 12 * time.Second},
		{"TriedCommand", dropped, &fanout.Proposal{Decide: count(9)}, fanout.ErrUnknown, 10 * time.Second, 12 * time.Second},
		{"TriedNoRef", dropped, &fanout.Proposal{Change: change("x")}, fanout.ErrUnknown, 0, 0},
		{"Passing", dropped, &fanout.Proposal{Change: fanout.Change{Passing: fanout.AppendNote(nil, nil)}}, fanout.ErrUnknown, 0, 0},
		{"PassingNeverTried", refused, &fanout.Proposal{Change: fanout.Change{Passing: fanout.AppendNote(nil, nil)}}, fanout.ErrUnavailable, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, m := r.join("s")
				r.faults(c.always)
				answer := ask(p, c.pr)
				s, took := settledAfter(answer)
				if !errors.Is(s.Err, c.want) || took < c.least || took > c.most {
					t.Errorf("settled with %v after %v; want %v after %v to %v", s.Err, took, c.want, c.least, c.most)
				}
				r.faults(fine)
				if s, took = settledAfter(ask(p, &fanout.Proposal{Change: change("next")})); s.Err != nil || took > 2*time.Second {
					t.Errorf("the next was settled with %v after %v", s.Err, took)
				}
				after(time.Minute)
				m.want(t, "next")
				if len(answer) > 0 {
					t.Errorf("settled twice, also with %+v", <-answer)
				}
			})
		})
	}
}

func TestThoseBehindAreNotKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		r.faults(dropped)
		first := ask(p, &fanout.Proposal{Client: "c", Ref: 1, Change: change("x")})
		after(10 * ms)
		second := ask(p, &fanout.Proposal{Client: "c", Ref: 2, Change: change("x")})
		seen := make(chan fanout.Seen, 1)
		p.Look(&fanout.Look{Seen: func(_ fanout.State, s fanout.Seen) { seen <- s }})
		if s, took := settledAfter(second); !errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown) || took < 1900*ms || took > 5*time.Second {
			t.Errorf("the second was settled with %v after %v", s.Err, took)
		}
		if s := <-seen; !errors.Is(s.Err, fanout.ErrUnavailable) {
			t.Errorf("the look saw %+v", s)
		}
		if len(first) > 0 {
			t.Errorf("the first was settled early, with %+v", <-first)
		}
		if s, took := settledAfter(first); !errors.Is(s.Err, fanout.ErrUnknown) || took > 10*time.Second {
			t.Errorf("the first was settled with %v after %v more", s.Err, took)
		}
	})
}

// The first try arrives after the state was read again, and by the clock it would
// be refused now.
func TestFirstTryOvertakesTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		look(p, &fanout.Look{})
		var tries []func() (fanout.Appended, error)
		r.log.bend(func(b *bends) {
			b.onAppend = func(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
				if tries = append(tries, do); len(tries) == 1 {
					return fanout.Appended{}, errCut
				}
				_, _ = tries[0]()
				return do()
			}
		})
		late := time.Now()
		s := propose(p, &fanout.Proposal{Client: "c", Ref: 1, Decide: func(s fanout.State) (fanout.Change, error) {
			if time.Now().After(late) {
				return fanout.Change{}, errLimit
			}
			return count(1)(s)
		}})
		if s.Err != nil || !s.Repeated {
			t.Errorf("settled with %+v; want repeated", s)
		}
		after(time.Second)
		m.want(t, "1")
	})
}

func TestAppendsCarryWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		var known []string
		r.log.bend(func(b *bends) {
			b.onAppend = func(_ context.Context, a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
				known = append(known, strconv.FormatUint(a.Known.Offset, 10))
				return do()
			}
		})
		for range 3 {
			propose(p, &fanout.Proposal{Change: change("x", "y")})
		}
		if !slices.Equal(known, []string{"0", "2", "4"}) {
			t.Errorf("known were the offsets %v; want 0, 2, 4", known)
		}
	})
}
