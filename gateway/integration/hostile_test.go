package integration

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// attacker is one connection that does what it must not do.
type attacker struct {
	t       testing.TB
	g       *gateway
	session string
	name    string
}

// attack returns an error if the gateway does not answer as it must.
type attack func(a attacker) error

const hostileJoinTimeout = 10 * time.Second

// What nobody may do to the others: each gets its own clear answer, while 12
// honest members in the same session see nothing of it, and leaves nothing
// behind in the replicas.
func TestHostileClientsHarmOnlyThemselves(t *testing.T) {
	t.Parallel()
	settings := []string{"PLENUM_JOIN_TIMEOUT=" + hostileJoinTimeout.String(), "PLENUM_SESSION_CAPACITY=1000"}
	redis, both := replicas(t, settings...)
	honest := everyone(t, 6, "target", []string{both[0].URL()})
	honest = append(honest, everyone(t, 6, "target", []string{both[1].URL()})...)
	before := []state{both[0].state(t), both[1].state(t)}

	stop, talks := chatter(t, honest, 160*time.Millisecond)
	assault(t, both, 2)
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range honest {
		m.quiet(t)
	}
	allCaughtUp(t, honest)
	judge(t, honest)
	allSettledWell(t, honest)
	neverLost(t, honest)

	fresh := startGateway(t, append(settings, "PLENUM_REDIS_URL="+redis.URL())...)
	idle := len(goroutines(t, fresh))
	for i, g := range both {
		checkRecovered(t, g, before[i], idle)
	}
}

// assault has all attackers attack every replica at the same time.
func assault(t *testing.T, both []*gateway, times int) {
	t.Helper()
	attacks := make(map[string]attack)
	for _, some := range []map[string]attack{firstMessages, handshakes, breaches, offences} {
		maps.Copy(attacks, some)
	}
	var mu sync.Mutex
	failures := make(map[string]error)
	var running sync.WaitGroup
	for name, f := range attacks {
		for i := range times * len(both) {
			g := both[i%len(both)]
			running.Go(func() {
				err := f(attacker{t, g, "target", name})
				mu.Lock()
				defer mu.Unlock()
				failures[name] = errors.Join(failures[name], err)
			})
		}
	}
	running.Wait()
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		if err := failures[name]; err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
	}
	t.Logf("%d kinds of attack", len(attacks))
}

// state is what a replica holds.
type state struct {
	descriptors int
	memory      int // KiB, resident
}

func (g *gateway) state(t testing.TB) state {
	t.Helper()
	status := readFile(t, fmt.Sprintf("/proc/%d/status", g.pid()))
	_, rest, _ := strings.Cut(status, "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return state{g.descriptors(t), kib}
}

// checkRecovered waits until a replica holds what it held before, and counts
// its goroutines, which ends it. idle is how many a new replica has.
func checkRecovered(t *testing.T, g *gateway, before state, idle int) {
	t.Helper()
	poll(t, "the descriptors of the attackers to be closed", func() error {
		if now := g.descriptors(t); now > before.descriptors {
			return fmt.Errorf("%d descriptors are open; there were %d", now, before.descriptors)
		}
		return nil
	})
	after := g.state(t)
	t.Logf("memory: %d KiB before, %d KiB after", before.memory, after.memory)
	const slack = 16 << 10 // what the collector may not have given back yet
	if after.memory > before.memory+slack {
		t.Errorf("a replica has %d KiB; it had %d", after.memory, before.memory)
	}
	// A member costs none while idle; a few may be at work right now.
	left := goroutines(t, g)
	t.Logf("goroutines: %d in a new replica, %d after", idle, len(left))
	if len(left) > idle+10 {
		t.Errorf("a replica has %d goroutines; a new one has %d:\n%s", len(left), idle, strings.Join(left, "\n\n"))
	}
}

// goroutines ends a replica and returns the goroutines it had, but for the
// runtime's own: SIGQUIT has the runtime print them.
func goroutines(t testing.TB, g *gateway) (found []string) {
	t.Helper()
	g.signal(syscall.SIGQUIT)
	g.Wait(t)
	dump := g.log.takeFrom("SIGQUIT: quit")
	for text := range strings.SplitSeq(dump, "\n\n") {
		if strings.HasPrefix(text, "goroutine ") && !strings.Contains(text, "created by runtime.") && !strings.Contains(text, "runtime.mcall") {
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no goroutines in %q", dump)
	}
	return found
}

// dial opens a WebSocket.
func (a attacker) dial() (*peer, error) { return dialPeer(a.t, a.g.Addr, a.session) }

// join joins as somebody new.
func (a attacker) join() (*peer, *told, error) {
	return joinPeer(a.t, a.g.Addr, a.session, newcomer(a.name))
}

// expect waits for an error message and then, unless close is 0, for the end.
func (p *peer) expect(code wire.Code, ref uint64, close wire.CloseCode) error {
	m, err := p.await("error")
	switch {
	case err != nil:
		return fmt.Errorf("instead of the error %s: %w", code, err)
	case m.Code != string(code) || m.Ref != ref || m.Message == "":
		return fmt.Errorf("the error is %s %q for ref %d instead of %s for ref %d", m.Code, m.Message, m.Ref, code, ref)
	case close == 0:
		return nil
	}
	return p.expectEnd(close, string(code))
}

// expectEnd waits for the end; its reason must hold some text.
func (p *peer) expectEnd(code wire.CloseCode, reason string) error {
	defer p.Close()
	if end := p.end(); end.code != code || !strings.Contains(end.reason, reason) {
		return fmt.Errorf("instead of closed with %d %q: %w", code, reason, end)
	}
	return nil
}

// serves returns an error unless the connection serves: what it publishes comes
// back.
func (p *peer) serves(ref uint64) error {
	err := p.send(publish(ref, "test.alive"))
	for err == nil && !p.echoed(ref) {
		_, err = p.await("frame")
	}
	if err != nil {
		return fmt.Errorf("the connection serves no longer: %w", err)
	}
	return nil
}

// alive returns an error unless the connection serves, and closes it.
func (p *peer) alive(ref uint64) error { return errors.Join(p.serves(ref), p.Close()) }

// echoed reports whether a publish of this connection has come back.
func (p *peer) echoed(ref uint64) bool {
	want := fmt.Sprintf("%s:%d", p.ledger.welcome.You.Client, ref)
	return slices.ContainsFunc(p.ledger.events, func(e wire.Event) bool { return e.Ref == want })
}
