package fanout_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, o := r.open("s")
		for _, pr := range []*fanout.Proposal{{Change: change("x")}, {Decide: count(9)}} {
			if s := propose(p, pr); !errors.Is(s.Err, fanout.ErrMissing) {
				t.Errorf("settled with %+v; want that there is no session", s)
			}
		}
		if s := propose(p, &fanout.Proposal{Decide: count(0)}); !errors.Is(s.Err, errLimit) {
			t.Errorf("a refusal was settled with %+v", s)
		}
		if s := propose(p, &fanout.Proposal{Create: true, Decide: count(9)}); s.Err != nil || s.Last != 1 {
			t.Fatalf("creating was settled with %+v", s)
		}
		if _, err := r.store.Append(t.Context(), "s", &fanout.Append{End: true}); err != nil {
			t.Fatal(err)
		}
		// The state that the desk has is of a session that is gone.
		if s := propose(p, &fanout.Proposal{Decide: count(1)}); !errors.Is(s.Err, fanout.ErrMissing) {
			t.Errorf("refused on what is gone, it was settled with %+v", s)
		}
		if s := propose(p, &fanout.Proposal{Create: true, Decide: count(1)}); s.Err != nil || s.Last != 1 || o.state.fields["n"] != "1" {
			t.Errorf("creating anew was settled with %+v, n=%s", s, o.state.fields["n"])
		}
		if _, err := r.store.Append(t.Context(), "s", &fanout.Append{End: true}); err != nil {
			t.Fatal(err)
		}
		// It would be refused on what is gone, but may make the session.
		if s := propose(p, &fanout.Proposal{Create: true, Decide: count(1)}); s.Err != nil || s.Last != 1 || o.state.fields["n"] != "1" {
			t.Errorf("creating what is gone was settled with %+v, n=%s", s, o.state.fields["n"])
		}
		if s := propose(p, &fanout.Proposal{End: true, Change: change("ended")}); s.Err != nil {
			t.Errorf("ending was settled with %+v", s)
		}
		if s := propose(p, &fanout.Proposal{Create: true, Decide: count(1)}); s.Err != nil || s.Last != 1 {
			t.Errorf("creating after the end was settled with %+v", s)
		}
	})
}

func TestRevive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, o := r.open("s")
		o.state.revive = func(t *table) bool {
			t.set("revived", "yes")
			return true
		}
		open, _ := r.gate()
		plain := ask(p, &fanout.Proposal{Change: change("plain")})
		synctest.Wait()
		decided := ask(p, &fanout.Proposal{Decide: count(9)})
		close(open)
		for i, answer := range []<-chan fanout.Settlement{plain, decided} {
			if s := <-answer; s.Err != nil || s.Last != uint64(i+1) {
				t.Errorf("proposal %d was settled with %+v", i, s)
			}
		}
		v, err := r.store.Read(t.Context(), "s", &fanout.Query{})
		if err != nil || v.State["revived"] != "yes" || v.State["n"] != "1" || v.Rev != 2 {
			t.Errorf("the session has %+v, %v", v, err)
		}
		if got := r.texts("s"); !slices.Equal(got, []string{"plain", "1"}) {
			t.Errorf("the log has %q", got)
		}
		r.store.Forget("s")
		// What may make a session does not come before what was known of it.
		if s := propose(p, &fanout.Proposal{Create: true, Change: change("again")}); s.Err != nil || s.Last != 1 || s.Head.Rev != 1 {
			t.Errorf("creating what can be revived was settled with %+v", s)
		}
	})
}

// An ended session does not come back by what a replica knows of it, whichever
// replica ended it.
func TestAnEndedSessionIsNotRevived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, elsewhere := range []bool{false, true} {
			r := start(t, fanout.Options{})
			p, _ := r.join("s")
			o := p.Owner().(*owner)
			o.state.revive = func(*table) bool { return true }
			if s := propose(p, &fanout.Proposal{Decide: count(9)}); s.Err != nil {
				t.Fatalf("settled with %+v", s)
			}
			if elsewhere {
				if _, err := r.store.Append(t.Context(), "s", &fanout.Append{End: true}); err != nil {
					t.Fatal(err)
				}
			} else if s := propose(p, &fanout.Proposal{End: true, Change: change("end")}); s.Err != nil {
				t.Fatalf("settled with %+v", s)
			}
			for _, pr := range []*fanout.Proposal{{Change: change("late")}, {Decide: count(9)}} {
				if s := propose(p, pr); !errors.Is(s.Err, fanout.ErrEnded) {
					t.Errorf("ended elsewhere %t: settled with %+v; want that it was ended", elsewhere, s)
				}
			}
			if seen := look(p, &fanout.Look{}); seen.Exists || seen.Ended == "" {
				t.Errorf("ended elsewhere %t: a look saw %+v", elsewhere, seen)
			}
			r.stop()
		}
	})
}

func TestStateThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, o := r.open("s")
		r.publish("s", "x")
		r.elsewhere("s", "a", "1")
		o.state.broken = true
		if seen := look(p, &fanout.Look{}); !errors.Is(seen.Err, errBroken) {
			t.Errorf("the look saw %+v", seen)
		}
		if s, took := settledAfter(ask(p, &fanout.Proposal{Decide: count(9)})); !errors.Is(s.Err, fanout.ErrUnavailable) || took > 5*time.Second {
			t.Errorf("settled with %+v after %v", s, took)
		}
		if s := propose(p, &fanout.Proposal{Change: change("y")}); s.Err != nil {
			t.Errorf("what needs no state was settled with %+v", s)
		}
		o.state.broken = false
		if s := propose(p, &fanout.Proposal{Decide: count(9)}); s.Err != nil || o.state.fields["n"] != "1" || o.state.fields["a"] != "1" {
			t.Errorf("afterwards settled with %+v, state %q", s, o.state.fields)
		}
	})
}
