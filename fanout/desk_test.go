package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/plenum-gateway/plenum/fanout"
)

// change is a publish of events.
func change(bodies ...string) fanout.Change {
	item := durable(bodies...)
	return fanout.Change{Events: item.Events, Records: item.Records}
}

// settled is a Settler that passes on what it hears.
type settled struct {
	heard chan fanout.Settlement
}

func (s *settled) Settled(_ *fanout.Proposal, m fanout.Settlement) { s.heard <- m }

// ask proposes; what comes of it is in the channel, which takes two answers, for
// a test to see the second that must not be.
func ask(p *fanout.Pool, pr *fanout.Proposal) <-chan fanout.Settlement {
	s := &settled{heard: make(chan fanout.Settlement, 2)}
	pr.To = s
	p.Propose(pr)
	return s.heard
}

// propose proposes and waits for the settlement.
func propose(p *fanout.Pool, pr *fanout.Proposal) fanout.Settlement {
	return <-ask(p, pr)
}

// texts is what a session's log has.
func (r *rig) texts(session string) (bodies []string) {
	r.Helper()
	v, err := r.store.Read(context.Background(), session, &fanout.Query{History: true})
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range v.Events {
		bodies = append(bodies, string(e.Body))
	}
	return bodies
}

// gate lets appends through one by one.
func (r *rig) gate() (open chan struct{}, appended *[][]fanout.Item) {
	open, appended = make(chan struct{}), new([][]fanout.Item)
	r.log.bend(func(b *bends) {
		b.onAppend = func(_ context.Context, a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			<-open
			*appended = append(*appended, a.Items)
			return do()
		}
	})
	return open, appended
}

func TestProposalsGatherInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		open, appended := r.gate()
		var answers []<-chan fanout.Settlement
		var want []string
		for i := range 6 {
			want = append(want, fmt.Sprint(i))
			pr := &fanout.Proposal{Change: change(want[i])}
			if i%2 == 1 { // decided and plain ones keep their order
				pr.Change, pr.Decide = fanout.Change{}, func(fanout.State) (fanout.Change, error) { return change(want[i]), nil }
			}
			answers = append(answers, ask(p, pr))
			synctest.Wait()
		}
		close(open)
		for i, answer := range answers {
			if s := <-answer; s.Err != nil || s.Repeated || s.Last != uint64(i+1) || s.Head.Offset != uint64(1+5*min(i, 1)) {
				t.Errorf("proposal %d was settled with %+v", i, s)
			}
		}
		if len(*appended) != 2 || len((*appended)[0]) != 1 || len((*appended)[1]) != 5 {
			t.Errorf("appended were %d times, %v", len(*appended), *appended)
		}
		synctest.Wait()
		m.want(t, want...)
	})
}

func TestGroupsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name           string
		proposals      int
		body           string
		least, largest int
	}{
		{"ByNumber", 1000, "x", 4, 256},
		{"ByBytes", 40, string(make([]byte, 100<<10)), 6, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, _ := r.join("s")
				open, appended := r.gate()
				for range c.proposals {
					p.Propose(&fanout.Proposal{Change: change(c.body)})
				}
				synctest.Wait()
				close(open)
				after(1000 * ms)
				total := 0
				for _, items := range *appended {
					total += len(items)
					if len(items) > c.largest {
						t.Errorf("an append has %d items; want at most %d", len(items), c.largest)
					}
				}
				if total != c.proposals || len(*appended) < c.least || len(*appended) > 2*c.least {
					t.Errorf("%d appends have %d items; want about %d and %d", len(*appended), total, c.least, c.proposals)
				}
			})
		})
	}
}

// What comes behind the end of a session is not a part of it.
func TestNothingFollowsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		open, _ := r.gate()
		var answers []<-chan fanout.Settlement
		for _, pr := range []*fanout.Proposal{{Change: change("1")}, {Change: change("2")}, {Change: change("end"), End: true}, {Change: change("late")}} {
			answers = append(answers, ask(p, pr))
		}
		close(open)
		for i, want := range []error{nil, nil, nil, fanout.ErrMissing} {
			if s := <-answers[i]; !errors.Is(s.Err, want) {
				t.Errorf("proposal %d was settled with %+v; want %v", i, s, want)
			}
		}
		synctest.Wait()
		m.want(t, "1", "2", "end")
	})
}

func TestBusySessionsGatherForABeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		for range 1000 {
			p.Propose(&fanout.Proposal{Change: change("x")})
			after(ms)
		}
		after(1000 * ms)
		if events, _ := m.counts(); events != 1000 || m.wrong != "" {
			t.Fatalf("%d events came, %s", events, m.wrong)
		}
		if n := r.log.appends.Load(); n > 250 {
			t.Errorf("1000 events in a second took %d appends", n)
		}
	})
}

// count raises the field n, or refuses if it is at the limit.
func count(limit int) func(fanout.State) (fanout.Change, error) {
	return func(s fanout.State) (fanout.Change, error) {
		state := s.(*table)
		n, _ := strconv.Atoi(state.fields["n"])
		if n >= limit {
			return fanout.Change{}, errLimit
		}
		state.set("n", strconv.Itoa(n+1))
		return change(strconv.Itoa(n + 1)), nil
	}
}

var errLimit = errors.New("n is at its limit")

// elsewhere sets fields as another replica does.
func (r *rig) elsewhere(session, field, value string) {
	r.Helper()
	res, err := r.store.Append(context.Background(), session, &fanout.Append{Set: map[string][]byte{field: []byte(value)}})
	if err != nil || res.Outcome != fanout.Took {
		r.Fatalf("append: %+v, %v", res, err)
	}
}

func TestDecidedAgainAfterAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		for i, c := range []struct {
			elsewhere, limit string
			want             error
			text             string
		}{
			{"", "9", nil, "1"},
			{"5", "9", nil, "6"},
			{"9", "9", errLimit, ""},    // the state here would allow it; the true one does not
			{"3", "9", nil, "4"},        // and the other way round
			{"", "4", errLimit, ""},     // refused on the true state
			{"", "9", nil, "5"},         // a refusal leaves no trace
			{"8", "8", errLimit, ""},    // refused after a conflict
			{"-1000", "0", nil, "-999"}, // refused here, allowed there
		} {
			if c.elsewhere != "" {
				r.elsewhere("s", "n", c.elsewhere)
			}
			limit, _ := strconv.Atoi(c.limit)
			before := r.texts("s")
			s := propose(p, &fanout.Proposal{Decide: count(limit)})
			if !errors.Is(s.Err, c.want) || s.Repeated {
				t.Fatalf("proposal %d was settled with %+v; want %v", i, s, c.want)
			}
			want := before
			if c.text != "" {
				want = append(want, c.text)
			}
			if got := r.texts("s"); !slices.Equal(got, want) {
				t.Fatalf("after proposal %d the log has %q; want %q", i, got, want)
			}
		}
		if n := r.hub.Stats.AppendConflicts.Load(); n != 5 {
			t.Errorf("%d conflicts were counted; want 5", n)
		}
		v, err := r.store.Read(t.Context(), "s", &fanout.Query{})
		if err != nil || v.State["n"] != "-999" {
			t.Errorf("the state is %q, %v", v.State, err)
		}
	})
}

func TestRefusedOnesLeaveTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		open, _ := r.gate()
		first := ask(p, &fanout.Proposal{Change: change("first")})
		synctest.Wait()
		var answers []<-chan fanout.Settlement
		for range 5 {
			answers = append(answers, ask(p, &fanout.Proposal{Decide: count(2), Client: "c", Ref: uint64(len(answers) + 1)}))
		}
		answers = append(answers, ask(p, &fanout.Proposal{Change: change("plain")}))
		close(open)
		<-first
		for i, want := range []error{nil, nil, errLimit, errLimit, errLimit, nil} {
			s := <-answers[i]
			if !errors.Is(s.Err, want) || want == nil && s.Last != []uint64{2, 3, 0, 0, 0, 4}[i] {
				t.Errorf("proposal %d was settled with %+v; want %v", i, s, want)
			}
		}
		if got := r.texts("s"); !slices.Equal(got, []string{"first", "1", "2", "plain"}) {
			t.Errorf("the log has %q", got)
		}
		// A refused ref has not taken effect, and may come again.
		if s := propose(p, &fanout.Proposal{Change: change("again"), Client: "c", Ref: 3}); s.Err != nil || s.Repeated {
			t.Errorf("a refused ref again: %+v", s)
		}
	})
}

func TestPassingGoesWithItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, m := r.join("s")
		both := change("durable")
		both.Passing = fanout.AppendNote(fanout.AppendEphemeral(nil, "", []byte("passing")), []byte("note"))
		if s := propose(p, &fanout.Proposal{Change: both, Client: "c", Ref: 1}); s.Err != nil || s.Last != 1 {
			t.Errorf("settled with %+v", s)
		}
		only := fanout.Change{Passing: fanout.AppendNote(nil, []byte("note 2"))}
		if s := propose(p, &fanout.Proposal{Change: only, Client: "c", Ref: 2}); s.Err != nil || s.Last != 1 {
			t.Errorf("settled with %+v", s)
		}
		if s := propose(p, &fanout.Proposal{Change: only, Client: "c", Ref: 2}); !s.Repeated {
			t.Errorf("a repeated one was settled with %+v", s)
		}
		m.want(t, "durable")
		if notes := p.Owner().(*owner).notes; !slices.Equal(notes, []string{"note", "note 2"}) || !slices.Equal(m.passed, []string{"passing"}) {
			t.Errorf("notes %q, passed %q", notes, m.passed)
		}
	})
}

func TestProposingFromASettlement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, fanout.Options{})
		p, _ := r.join("s")
		done := make(chan struct{})
		chain := &chained{left: 20, pool: p, done: done}
		chain.Settled(nil, fanout.Settlement{})
		<-done
		if n := len(r.texts("s")); n != 20 {
			t.Errorf("the log has %d events; want 20", n)
		}
	})
}

// chained proposes again when it hears.
type chained struct {
	left int
	pool *fanout.Pool
	done chan struct{}
}

func (c *chained) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if c.left--; c.left < 0 {
		close(c.done)
		return
	}
	c.pool.Propose(&fanout.Proposal{Change: change("x"), To: c})
}
