package fanout_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// What does not hold what it says is refused, and harms nobody: neither the
// request beside it, nor the state, nor the members.
func TestUnfitRecordsAreRefused(t *testing.T) {
	event, passing := fanout.AppendEvent(nil, []byte("x")), fanout.AppendEphemeral(nil, "", []byte("x"))
	for name, c := range map[string]fanout.Change{
		"more events than records":   {Events: 3, Records: event},
		"fewer events than records":  {Events: 1, Records: fanout.AppendEvent(event, nil)},
		"records that nobody counts": {Records: event},
		"events without records":     {Events: 1},
		"not records":                {Events: 1, Records: []byte("garbage")},
		"passing among the durable":  {Events: 1, Records: fanout.AppendNote(event[:len(event):len(event)], nil)},
		"durable among the passing":  {Passing: event},
		"not records in passing":     {Events: 1, Records: event, Passing: passing[:len(passing)-1]},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, fanout.Options{})
				p, m := r.join("s")
				before := ask(p, &fanout.Proposal{Change: change("before")})
				refused := ask(p, &fanout.Proposal{Client: "c", Ref: 1, Change: c})
				decided := ask(p, &fanout.Proposal{Decide: func(s fanout.State) (fanout.Change, error) {
					s.(*table).set("k", "spoilt")
					return c, nil
				}})
				after := ask(p, &fanout.Proposal{Client: "c", Ref: 2, Change: change("after")})
				for _, heard := range []<-chan fanout.Settlement{refused, decided} {
					if s := <-heard; !errors.Is(s.Err, fanout.ErrRecords) {
						t.Errorf("settled with %v; want ErrRecords", s.Err)
					}
				}
				for _, heard := range []<-chan fanout.Settlement{before, after} {
					if s := <-heard; s.Err != nil {
						t.Error(s.Err)
					}
				}
				synctest.Wait()
				m.want(t, "before", "after")
				v, err := r.store.Read(t.Context(), "s", &fanout.Query{})
				if err != nil || v.Offset != 2 || v.State["k"] != "" {
					t.Errorf("the log is at %d with %q, %v; want 2 and no state", v.Offset, v.State, err)
				}
			})
		})
	}
}

// What a program forgot is told at once, where it forgot it.
func TestWhatIsMissingIsTold(t *testing.T) {
	log, owner := memlog.New(memlog.Options{}), func(*fanout.Pool) fanout.Owner { return nothing{} }
	for name, call := range map[string]func(){
		"log":   func() { fanout.New(nil, new(lines), owner, fanout.Options{}) },
		"codec": func() { fanout.New(log, nil, owner, fanout.Options{}) },
		"owner": func() { fanout.New(log, new(lines), nil, fanout.Options{}) },
		"state": func() { _, _ = fanout.New(log, new(lines), owner, fanout.Options{}).Open(t.Context(), "s") },
		"seen":  func() { new(fanout.Pool).Look(&fanout.Look{}) },
		"to":    func() { _, _ = new(fanout.Pool).Attach(nil, fanout.Position{}, nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, ok := recover().(string); !ok || said == "" {
					t.Errorf("no word of what is missing: %v", said)
				}
			}()
			call()
		})
	}
}

// nothing is an owner without a state.
type nothing struct{ fanout.Owner }

func (nothing) State() fanout.State { return nil }
