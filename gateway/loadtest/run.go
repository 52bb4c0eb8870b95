package loadtest

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
)

// run is a run under way.
type run struct {
	o        Options
	clock    clock
	dials    dials
	payloads *payloads
	tally    tally
	meter    *meter // of deliveries
	joins    *part  // from dialing to the welcome
	watch    *watch
	history  *history.History // nil without Options.Verify
	sessions []*session
	members  []*member
	there    atomic.Int64 // members whose client has not ended
	looks    looks
}

// Run loads the gateway as the options say, and returns when every member has
// gone. When ctx ends, the load does, and what happened until then is reported.
// An error says that there was nothing to load, and what to do about it; that
// something failed under the load is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Session == "" {
		o.Session = "loadtest-" + strings.ToLower(rand.Text()[:8])
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	r := newRun(o, newClock(), new(net.Dialer).DialContext)
	if err := r.setUp(ctx); err != nil {
		return nil, err
	}
	return r.perform(ctx), nil
}

func newRun(o Options, c clock, d dials) *run {
	r := &run{o: o, clock: c, dials: d, payloads: newPayloads(strings.ToLower(rand.Text()[:8]), &o),
		meter: newMeter(2 * runtime.GOMAXPROCS(0)), watch: newWatch(c)}
	r.joins = &newMeter(1).parts[0]
	for i := range o.Sessions {
		r.sessions = append(r.sessions, &session{id: o.sessionID(i), table: &table{dues: make(map[moment]time.Duration)}})
	}
	r.history = r.recorded()
	// Neighbours in time are in different sessions: all grow together.
	for n := range o.users() {
		r.members = append(r.members, r.newMember(r.sessions[n%o.Sessions], n/o.Sessions, n))
	}
	r.there.Store(int64(len(r.members)))
	return r
}

// perform is a run from the first member to the report.
func (r *run) perform(ctx context.Context) *Report {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	began := time.Now()
	var lives, looking sync.WaitGroup
	for n, m := range r.members {
		from := r.clock.now() + r.o.ramp()*time.Duration(n)/time.Duration(len(r.members))
		lives.Go(func() {
			m.live(living, ctx, from)
			if r.there.Add(-1) == 0 {
				leave(errNobody)
			}
		})
	}
	looking.Go(func() { r.look(living) })
	r.gather(ctx)
	lasted, generator := r.load(ctx)
	why := ended(ctx)
	r.settle(living)
	r.conclude()
	end()
	looking.Wait()
	lives.Wait()
	return r.report(began, lasted, why, generator)
}

var errNobody = errors.New("no member was left: each was refused, or put out, for good")

// ended says why the load ended before its time; empty if it did not.
func ended(ctx context.Context) string {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return ""
	case errors.Is(cause, errNobody):
		return errNobody.Error()
	}
	return "interrupted"
}

// gather waits until everybody has come, or been refused for good.
func (r *run) gather(ctx context.Context) {
	r.enter(connecting, r.o.ramp())
	r.clock.until(ctx, r.clock.now()+r.o.ramp()+r.o.Patience, func() bool {
		for _, m := range r.members {
			if !m.ever.Load() && !m.over.Load() {
				return false
			}
		}
		return true
	})
}

// load has everybody send, for as long as the options say or until ctx ends. It
// returns how long that was, and how the load generator fared.
func (r *run) load(ctx context.Context) (time.Duration, Generator) {
	r.enter(underLoad, r.o.Duration)
	r.watch.begin()
	from := r.clock.now()
	end := from + r.o.Duration
	var parts sync.WaitGroup
	watching, stop := context.WithCancel(ctx)
	parts.Go(func() { r.watch.sample(watching) })
	for _, m := range r.members {
		if r.o.Rate > 0 {
			parts.Go(func() { r.repeat(ctx, r.o.Rate, from, end, m.send) })
		}
		if r.o.Reconnects > 0 {
			parts.Go(func() { r.repeat(ctx, r.o.Reconnects/60, from, end, m.drop) })
		}
	}
	r.clock.sleep(ctx, end-r.clock.now())
	stop()
	parts.Wait()
	return r.clock.now() - from, r.watch.end(r.tally.exhausted.Load())
}

// repeat calls do so often a second, from a random moment of the first interval
// on: members that came together do not send together.
func (r *run) repeat(ctx context.Context, rate float64, from, end time.Duration, do func(due time.Duration)) {
	every := time.Duration(float64(time.Second) / rate)
	r.clock.pace(ctx, from+mathrand.N(every), every, end, do)
}

// settle waits, within the patience, until nothing is under way any more.
func (r *run) settle(ctx context.Context) {
	r.enter(settling, r.o.Patience)
	r.clock.until(ctx, r.clock.now()+r.o.Patience, func() bool {
		for _, m := range r.members {
			if !m.quiet() {
				return false
			}
		}
		return true
	})
}
