package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// Report is what came out of a run.
type Report struct {
	Seed      uint64
	Members   int
	Replicas  int
	Lasted    time.Duration  // of the faults
	Faults    []Fault        // that happened
	Overflows int            // subscribers that Redis cut off because their output buffer was full
	Converged time.Duration  // what it took after the faults
	Views     map[string]int // what members saw, counted
	Meters    map[string]int // what gateways counted, at least: what a killed one had counted last is not known
	Problems  []string       // what is wrong and does not show in the history
	Verdict   history.Verdict
	Logs      string // the directory with the logs; empty if it was removed
}

// OK says whether every promise was kept.
func (r *Report) OK() bool { return len(r.Problems) == 0 && len(r.Verdict.Contradictions) == 0 }

// Write writes the report for a person.
func (r *Report) Write(w io.Writer) {
	fmt.Fprintf(w, "\nseed        %d, %d members, %d replicas\n", r.Seed, r.Members, r.Replicas)
	fmt.Fprintf(w, "faults      %d in %v: %s\n", len(r.Faults), r.Lasted.Round(time.Second), counts(r.Faults))
	fmt.Fprintf(w, "            %d subscriptions cut off by Redis for their output buffer\n", r.Overflows)
	fmt.Fprintln(w, r.Verdict.Summary.String())
	writeCounts(w, "members saw", r.Views)
	writeCounts(w, "gateways counted", r.Meters)
	fmt.Fprintf(w, "converged   within %v of the last fault\n", r.Converged.Round(100*time.Millisecond))
	for _, p := range r.Problems {
		fmt.Fprintf(w, "PROBLEM     %s\n", p)
	}
	r.Verdict.Explain(w)
	switch {
	case r.OK():
		fmt.Fprintf(w, "VERDICT     every promise was kept\n")
	default:
		fmt.Fprintf(w, "\nVERDICT     %d contradictions, %d problems; logs in %s\n", len(r.Verdict.Contradictions), len(r.Problems), r.Logs)
	}
}

func writeCounts(w io.Writer, title string, counts map[string]int) {
	fmt.Fprintln(w, title)
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "            %6d × %s\n", counts[what], what)
	}
}

// tally counts what members see. Its methods may be called concurrently.
type tally struct {
	deliveries atomic.Int64 // of durable events
	moments    atomic.Int64 // ephemeral events

	mu     sync.Mutex
	counts map[string]int // guarded by mu
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]int)
	}
	t.counts[what]++
}

func (t *tally) all() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := maps.Clone(t.counts)
	if all == nil {
		all = make(map[string]int)
	}
	all["ephemeral event"] = int(t.moments.Load())
	return all
}
