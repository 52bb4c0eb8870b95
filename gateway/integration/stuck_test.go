package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	stuckMembers = 3 // on each replica
	stuckEvents  = 120
	stuckSize    = 60_000 // bytes of each; together far more than a socket's buffers hold
)

// Promise 5: members whose sockets take nothing cost the replica a bounded
// amount and the others nothing. When they read again they are brought up to
// date, each from where it was.
func TestMembersThatDoNotReadHarmNobody(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_RATE_BURST=1000", "PLENUM_BACKLOG=262144")
	const session = "stuck"
	speaker := join(t, session, "speaker", []string{both[0].URL()})
	listener := join(t, session, "listener", []string{both[1].URL()}, func(o *client.Options) { o.Gzip = true })
	speaker.welcomed(t, 1)
	listener.welcomed(t, 1)
	stuck := make([]*peer, 2*stuckMembers)
	for i := range stuck {
		p, _, err := joinPeer(t, both[i%2].Addr, session, newcomer(fmt.Sprintf("stuck %d", i)))
		if err == nil {
			err = p.Conn.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		if err != nil {
			t.Fatal(err)
		}
		stuck[i] = p
	}
	before := []state{both[0].state(t), both[1].state(t)}
	for i := range stuckEvents {
		speaker.shout(t, i)
	}
	speaker.quiet(t)
	head := allCaughtUp(t, []*member{speaker, listener})
	for i, g := range both {
		// Their backlogs, and what the busy ones of the replica have in hand.
		const bound = stuckMembers*262_144>>10 + 64<<10
		if grown := g.state(t).memory - before[i].memory; grown > bound {
			t.Errorf("the replica has grown by %d KiB; %d stuck members may cost it %d", grown, stuckMembers, bound)
		} else {
			t.Logf("the replica has grown by %d KiB", grown)
		}
	}
	readAll(t, stuck, head)

	c := judge(t, []*member{speaker, listener})
	neverLost(t, []*member{speaker, listener})
	for i, p := range stuck {
		checkStuck(t, c, fmt.Sprintf("stuck %d", i), &p.ledger)
	}
}

// shout says something large.
func (m *member) shout(t testing.TB, n int) {
	t.Helper()
	data := json.RawMessage(fmt.Sprintf(`{"n":%d,"text":%q}`, n, strings.Repeat(string(rune('a'+n%26)), stuckSize)))
	m.mu.Lock()
	defer m.mu.Unlock()
	ref, err := m.Publish("test.said", data)
	if err != nil {
		t.Fatal(err)
	}
	m.sent[ref] = data
}

// readAll has all read again, until each is where the others are.
func readAll(t *testing.T, stuck []*peer, head uint64) {
	t.Helper()
	errs := make([]error, len(stuck))
	var reading sync.WaitGroup
	for i, p := range stuck {
		reading.Go(func() {
			for errs[i] == nil && p.ledger.at.Offset < head {
				_, errs[i] = p.next()
			}
		})
	}
	reading.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// checkStuck holds what a member saw who was stuck against the log: all of it,
// or up to some point and again from a snapshot on that says why it came.
func checkStuck(t *testing.T, c *chronicle, who string, l *ledger) {
	t.Helper()
	for _, s := range l.states {
		if s.Reason != wire.ReasonLagged || s.State == nil || len(s.Members) != 2*stuckMembers+2 {
			t.Errorf("%s: a state because of %q with %d members", who, s.Reason, len(s.Members))
		}
	}
	for _, e := range l.events {
		if before, ok := c.events[e.Offset]; ok && !same(before, e) {
			t.Errorf("%s: event %d differs", who, e.Offset)
		}
	}
	if len(l.states) == 0 {
		c.witness(who, l.welcome.Session.Offset, l.events)
	}
}
