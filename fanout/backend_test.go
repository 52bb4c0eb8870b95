package fanout_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// A proposal for one position takes effect there or not at all, whatever it
// waits with, and leaves its neighbours alone.
func TestProposalsForAPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		epoch := p.Head().Epoch
		open, appended := r.gate()
		at := func(offset uint64) *fanout.Position { return &fanout.Position{Epoch: epoch, Offset: offset} }
		steps := []struct {
			pr   *fanout.Proposal
			want error
		}{
			{&fanout.Proposal{Change: change("1")}, nil},
			{&fanout.Proposal{Change: change("2")}, nil},
			{&fanout.Proposal{Decide: count(9), At: at(0)}, fanout.ErrMoved},
			{&fanout.Proposal{Decide: count(9), At: at(2)}, nil},
			{&fanout.Proposal{Decide: count(9), At: at(2)}, fanout.ErrMoved},
			{&fanout.Proposal{Change: change("4")}, nil},
			{&fanout.Proposal{Change: change("never"), At: &fanout.Position{Epoch: "other", Offset: 4}}, fanout.ErrMoved},
			{&fanout.Proposal{Decide: count(9)}, nil},
			{&fanout.Proposal{Decide: count(1), At: at(5)}, errLimit},
			{&fanout.Proposal{Change: change("end"), End: true, At: at(4)}, fanout.ErrMoved},
			{&fanout.Proposal{Change: change("end"), End: true, At: at(5)}, nil},
		}
		answers := make([]<-chan fanout.Settlement, len(steps))
		for i, s := range steps {
			answers[i] = ask(p, s.pr)
		}
		close(open)
		for i, s := range steps {
			if got := <-answers[i]; !errors.Is(got.Err, s.want) {
				t.Errorf("proposal %d was settled with %+v; want %v", i, got, s.want)
			}
		}
		after(time.Second) // appends that did not share a frame may have used up the burst
		m.want(t, "1", "2", "1", "4", "2", "end")
		for _, items := range *appended {
			if len(items) > 2 {
				t.Errorf("an append has the items %v", items)
			}
		}
	})
}

// Whoever repeats a ref is told what was kept with it, also when the answer to
// the first append was lost.
func TestMarksComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		marked := func(mark string) *fanout.Proposal {
			return &fanout.Proposal{Client: "key", Ref: 1, Mark: mark, Change: change("x")}
		}
		appends, open := 0, make(chan struct{})
		r.log.bend(func(b *bends) {
			b.onAppend = func(_ context.Context, _ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
				appends++
				if appends == 1 {
					<-open // so that the next two share an append
				}
				res, err := do()
				if appends == 2 {
					err = errCut
				}
				return res, err
			}
		})
		before := ask(p, &fanout.Proposal{Change: change("before")})
		synctest.Wait()
		first := ask(p, marked("a"))
		decided := ask(p, &fanout.Proposal{Decide: count(9), Client: "c", Ref: 1})
		synctest.Wait()
		close(open)
		if s := <-before; s.Err != nil {
			t.Errorf("the one before was settled with %+v", s)
		}
		if s := <-first; s.Err != nil || !s.Repeated || s.Mark != "a" || s.Last != 2 {
			t.Errorf("the first was settled with %+v", s)
		}
		if s := <-decided; s.Err != nil || !s.Repeated {
			t.Errorf("its neighbour was settled with %+v", s)
		}
		for _, mark := range []string{"a", "b"} {
			if s := propose(p, marked(mark)); s.Err != nil || !s.Repeated || s.Mark != "a" || s.Last != 2 {
				t.Errorf("a repeat was settled with %+v", s)
			}
		}
		if got := r.texts("s"); !slices.Equal(got, []string{"before", "x", "1"}) {
			t.Errorf("the log has %q", got)
		}
	})
}
