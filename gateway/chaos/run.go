package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// Options of a run. Only Gateway and Nginx are required.
type Options struct {
	Gateway string // the gateway's binary
	Nginx   string // the directory of nginx.conf and upstream.conf

	Seed     uint64        // of the schedule
	For      time.Duration // how long faults happen; 40 s if 0
	Every    time.Duration // between two faults, on average; 1 s if 0
	Members  int           // 60 if 0; a third of them share a session, or 20
	Replicas int           // 3 if 0
	Rate     float64       // requests a second of each member; 2 if 0
	Only     []Kind        // the kinds of faults that happen; all if empty

	// Converge is how long after the faults everybody may take to come to the
	// same offset; 90 s if 0.
	Converge time.Duration
	// Say is told what happens, a line at a time; it may be nil. It may be
	// called concurrently.
	Say func(line string)
	// Keep says that the logs are kept, in any case; else they are kept only if
	// something was found.
	Keep bool
}

func (o Options) withDefaults() Options {
	or(&o.For, 40*time.Second)
	or(&o.Every, time.Second)
	or(&o.Members, 60)
	or(&o.Replicas, 3)
	or(&o.Rate, 2)
	or(&o.Converge, 90*time.Second)
	return o
}

func or[T int | float64 | time.Duration](value *T, def T) {
	if *value <= 0 {
		*value = def
	}
}

// together is how many members share a session, about; and quieter is how much
// less than in the others is said in the last session, where the last message may
// be lost and nothing follows that would show it.
const (
	together = 20
	quieter  = 20
)

// run is a run under way.
type run struct {
	o        Options
	dir      string
	cluster  *cluster
	history  *history.History
	sessions []*session
	members  []*member
	views    tally
	meters   meters

	large   atomic.Int32 // above 0: large events are published
	redisUp atomic.Bool

	mu       sync.Mutex // guards the following
	struck   []Fault
	problems []string
}

// session is one session of a run.
type session struct {
	id      string
	kind    string
	rate    float64 // requests a second of each member
	record  *history.Session
	members []*member
	witness *witness
}

// Run starts everything, lets the faults happen, and judges. When ctx ends the
// faults end early, and what happened until then is judged. An error says that
// there was nothing to judge; what was found is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	plan := Plan(o)
	dir, err := os.MkdirTemp("", "plenum-chaos-")
	if err != nil {
		return nil, err
	}
	r := &run{o: o, dir: dir}
	r.redisUp.Store(true)
	r.say("chaos: seed %d, %d faults in %v, %d members, %d replicas; logs in %s", o.Seed, len(plan), o.For, o.Members, o.Replicas, dir)
	r.cluster, err = startCluster(ctx, &o, dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	report, err := r.perform(ctx, plan)
	r.cluster.stop()
	if err == nil {
		r.searchLogs()
		report.Problems = r.problems
	}
	if err == nil && report.OK() && !o.Keep {
		os.RemoveAll(dir)
	} else if err == nil {
		report.Logs = dir
	}
	return report, err
}

// perform is a run from the first member to the verdict.
func (r *run) perform(ctx context.Context, plan []Fault) (*Report, error) {
	r.history = history.New(nil)
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	publishing, hush := context.WithCancel(living)
	var lives sync.WaitGroup
	defer lives.Wait()
	defer end()
	defer hush()
	for _, replica := range r.cluster.replicas {
		lives.Go(func() { replica.supervise(living, r.problem) })
	}
	if err := r.gather(ctx); err != nil {
		return nil, err
	}
	for _, m := range r.members {
		lives.Go(func() { m.live(living, publishing) })
	}
	for _, s := range r.sessions {
		lives.Go(func() { s.witness.live(living, publishing) })
	}
	if err := r.awaitMembers(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	lives.Go(func() { r.progress(publishing) })
	lives.Go(func() { r.meters.watch(living, r.cluster.replicas) })
	s := newStorm(r)
	s.blow(ctx, plan)
	if len(plan) == 0 || time.Since(began) < r.o.For {
		sleep(ctx, r.o.For-time.Since(began))
	}
	report := &Report{Seed: r.o.Seed, Members: r.o.Members, Replicas: r.o.Replicas, Faults: r.struck, Lasted: time.Since(began), Overflows: s.overflows()}
	r.say("%6.1fs  the faults are over", time.Since(began).Seconds())
	calm := time.Now()
	hush()
	r.converge(living)
	report.Converged = time.Since(calm)
	end()
	lives.Wait()
	report.Views, report.Meters = r.views.all(), r.meters.all()
	report.Verdict = r.history.Judge()
	return report, nil
}

// gather makes the sessions and the members.
func (r *run) gather(ctx context.Context) error {
	n := max(3, r.o.Members/together)
	for i := range n {
		s := &session{id: fmt.Sprintf("chaos-%d", i), kind: "broadcast", rate: r.o.Rate}
		if i == n-1 {
			s.rate /= quieter
		}
		expected := history.Expected{OneEpoch: true}
		if i%2 == 1 {
			s.kind = "document"
			expected.Document = []byte(`{"title":"chaos","tags":["a",1,null],"by":{}}`)
			if err := r.create(ctx, s, expected.Document); err != nil {
				return err
			}
		}
		s.record = r.history.Session(s.id, expected)
		s.witness = newWitness(r, s, i)
		r.sessions = append(r.sessions, s)
	}
	for i := range r.o.Members {
		m := &member{run: r, number: i, session: r.sessions[i%n], name: fmt.Sprintf("member %d", i),
			orders: make(chan Kind, 1), rand: rand.New(rand.NewPCG(r.o.Seed, uint64(i)))}
		m.session.members = append(m.session.members, m)
		r.members = append(r.members, m)
	}
	return nil
}

// awaitMembers waits until everybody has joined.
func (r *run) awaitMembers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, m := range r.members {
		for m.position().Epoch == "" {
			if !sleep(ctx, 20*time.Millisecond) {
				return errors.New("not everybody has joined within a minute")
			}
		}
	}
	return nil
}

// progress says how far it has come.
func (r *run) progress(ctx context.Context) {
	began := time.Now()
	for sleep(ctx, max(10*time.Second, r.o.For/30)) {
		r.mu.Lock()
		faults := len(r.struck)
		r.mu.Unlock()
		r.say("%6.1fs  --- %d faults, %d deliveries so far", time.Since(began).Seconds(), faults, r.views.deliveries.Load())
	}
}

func (r *run) say(format string, args ...any) {
	if r.o.Say != nil {
		r.o.Say(fmt.Sprintf(format, args...))
	}
}

func (r *run) count(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.struck = append(r.struck, f)
}

// problem notes what must not be and is no contradiction of the history.
func (r *run) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.say("PROBLEM: %s", text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, text)
}

// searchLogs looks for crashes and data races in what the replicas said.
func (r *run) searchLogs() {
	for _, replica := range r.cluster.replicas {
		for _, sign := range []string{"panic:", "fatal error:", "WARNING: DATA RACE"} {
			if found := search(replica.log, sign); found != "" {
				r.problem("replica %d says:\n%s", replica.number, found)
			}
		}
	}
	if found := search(filepath.Join(r.dir, "nginx", "log", "nginx-error.log"), "[emerg]"); found != "" {
		r.problem("nginx says:\n%s", found)
	}
}
