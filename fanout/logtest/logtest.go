// Package logtest holds the contract of [fanout.Log]: one suite that every log
// passes, and what tests of logs share.
//
// Each case has the rule that it checks, in one sentence, and prints it when it
// fails. A case gets a store of its own and works on it with two logs, as two
// replicas of a program do.
package logtest

import (
	"slices"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// Harness is one empty store.
type Harness struct {
	// Open returns another log on the store, such as another replica of the
	// program has. The log works, and no Receiver was named yet. All logs of a
	// case are opened with the same options. Open ends what it began when the
	// test ends, and fails the test if it cannot do its work.
	Open func(o Options) fanout.Log
}

// Options of a log, as far as cases depend on them.
type Options struct {
	History int           // events kept, at least; a log may keep a few hundred small ones more
	TTL     time.Duration // a session that nobody uses is forgotten after it
}

// patience bounds every wait of the suite.
const patience = 20 * time.Second

// session is the id that cases use; other ones begin with it.
const session = "a-Session_1"

// defaults let nothing expire and nothing be trimmed while a case runs.
var defaults = Options{History: 1000, TTL: time.Hour}

// Run runs the suite. Each case calls open for a store of its own; the cases
// run in parallel.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Log("the rule: " + c.rule)
				}
			})
			c.run(&kit{T: t, harness: open(t)})
		})
	}
}

// testCase is one rule of the contract.
type testCase struct {
	name, rule string
	run        func(k *kit)
}

var cases = slices.Concat(appendCases, stateCases, readCases, liveCases, backendCases)

// kit is what a case works with.
type kit struct {
	*testing.T
	harness Harness
}

// replica is one log and what it has published.
type replica struct {
	fanout.Log
	*Recorder
	k *kit
}

// open opens a log that records what it hears.
func (k *kit) open(o Options) *replica {
	k.Helper()
	r := &replica{Log: k.harness.Open(o), Recorder: NewRecorder(), k: k}
	r.Listen(r.Recorder)
	return r
}

// replicas opens two logs on the store.
func (k *kit) replicas() (one, other *replica) {
	k.Helper()
	return k.open(defaults), k.open(defaults)
}

// append appends and fails the test if the outcome is not the wanted one.
func (r *replica) append(id string, want fanout.Outcome, a *fanout.Append) fanout.Appended {
	r.k.Helper()
	res, err := r.Append(r.k.Context(), id, a)
	if err != nil {
		r.k.Fatalf("append: %v", err)
	}
	if res.Outcome != want {
		r.k.Fatalf("append: %v; want %v", res.Outcome, want)
	}
	return res
}

// create makes the session with one event and returns its head.
func (r *replica) create(id string) fanout.Head {
	r.k.Helper()
	return r.append(id, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("", 0, "created")}}).Head
}

func (r *replica) read(id string, q *fanout.Query) fanout.View {
	r.k.Helper()
	v, err := r.Read(r.k.Context(), id, q)
	if err != nil {
		r.k.Fatalf("read: %v", err)
	}
	return v
}

func (r *replica) subscribe(ids ...string) {
	r.k.Helper()
	for _, id := range ids {
		if err := r.Subscribe(r.k.Context(), id); err != nil {
			r.k.Fatalf("subscribe: %v", err)
		}
	}
}

// head is what the log says about a session.
func (r *replica) head(id string) fanout.Head {
	r.k.Helper()
	heads, err := r.Heads(r.k.Context(), []string{id})
	if err != nil || len(heads) != 1 {
		r.k.Fatalf("heads: %v, %v", heads, err)
	}
	return heads[0]
}

// events is an item of durable events.
func events(client string, ref uint64, bodies ...string) fanout.Item {
	item := fanout.Item{Client: client, Ref: ref, Events: len(bodies)}
	for _, body := range bodies {
		item.Records = fanout.AppendEvent(item.Records, []byte(body))
	}
	return item
}

// bodies are the texts of events.
func bodies(all []fanout.Event) []string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = string(e.Body)
	}
	return texts
}

// lasts are the highest refs.
func lasts(taken []fanout.Taken) []uint64 {
	refs := make([]uint64, len(taken))
	for i, t := range taken {
		refs[i] = t.Last
	}
	return refs
}
