package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// pinned starts two replicas on one Redis at addresses that they can come back
// to; again starts one anew there.
func pinned(t testing.TB, settings ...string) (both []*gateway, again func(i int)) {
	t.Helper()
	// Redis cuts off whole blocks of a stream; these hold one entry each.
	redis := redistest.Start(t, "stream-node-max-entries 1")
	both = make([]*gateway, 2)
	addrs := []string{fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	again = func(i int) {
		t.Helper()
		both[i] = startGateway(t, append([]string{"PLENUM_LISTEN=" + addrs[i], "PLENUM_REDIS_URL=" + redis.URL(),
			"PLENUM_REPLICA=" + []string{"first", "second"}[i]}, settings...)...)
	}
	again(0)
	again(1)
	return both, again
}

// Promises 1, 2 and 4: a replica crashes in the middle of everything, and its
// members go on on the other one as if nothing had happened. Then that one
// crashes, when the first is back.
func TestMembersGoOnWhenTheirReplicaCrashes(t *testing.T) {
	t.Parallel()
	both, again := pinned(t)
	proxy := startNginx(t, both...)
	members := everyone(t, 12, "crash", []string{proxy.URL()})
	for round, victim := range []string{"first", "second"} {
		talks := talking(t, members, 20, 40*time.Millisecond)
		moving := on(members, victim)
		if len(moving) == 0 {
			t.Fatalf("nobody is on the %s replica", victim)
		}
		moving[0].until(t, "to be heard", func() bool { return len(moving[0].settled) >= round*20+5 })
		both[round].Kill()
		for _, m := range moving {
			m.until(t, "to be welcomed on the other replica", func() bool { return last(m.replicas) != victim })
		}
		if err := talks(); err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			m.quiet(t)
		}
		again(round)
	}
	allCaughtUp(t, members)
	judge(t, members)
	allSettledWell(t, members)
	onlyReplays(t, members)
	t.Logf("welcomes: %v", served(members))
}

// on returns those who are on a replica.
func on(members []*member, replica string) (there []*member) {
	for _, m := range members {
		m.look(func() {
			if last(m.replicas) == replica {
				there = append(there, m)
			}
		})
	}
	return there
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// onlyReplays fails the test if somebody came back other than by exact replay.
func onlyReplays(t testing.TB, members []*member) {
	t.Helper()
	for _, m := range members {
		m.look(func() {
			if m.resumed != len(m.replicas)-1 {
				t.Errorf("%s was welcomed %d times, and %d of those were exact replays", m.name, len(m.replicas), m.resumed)
			}
		})
	}
}

// A position that cannot be replayed from is never guessed at: it gets a
// snapshot, wherever and however often it is tried, and the seat stays.
func TestPositionsThatCannotBeReplayedGetASnapshot(t *testing.T) {
	t.Parallel()
	const history = 50
	both, again := pinned(t, fmt.Sprintf("PLENUM_HISTORY=%d", history), "PLENUM_RATE_BURST=1000")
	speaker := join(t, "resume", "speaker", []string{both[0].URL()})
	speaker.welcomed(t, 1)
	p, w, err := joinPeer(t, both[0].Addr, "resume", newcomer("wanderer"))
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	for i := range 5 * history {
		if err := speaker.say(i); err != nil {
			t.Fatal(err)
		}
		if i%history == 0 {
			speaker.quiet(t) // an entry holds what was appended at once
		}
	}
	speaker.quiet(t)
	allSettledWell(t, []*member{speaker})
	head := speaker.Position()
	both[0].Kill() // nothing that it alone knows helps
	again(0)

	for name, since := range map[string]*wire.Position{
		"none":         nil,
		"ancient":      {Epoch: head.Epoch, Offset: w.Session.Offset},
		"the start":    {Epoch: head.Epoch},
		"ahead":        {Epoch: head.Epoch, Offset: head.Offset + 10_000},
		"other epoch":  {Epoch: "another", Offset: head.Offset},
		"no epoch":     {Epoch: "", Offset: head.Offset},
		"far ahead":    {Epoch: head.Epoch, Offset: wire.MaxRef},
		"epoch's case": {Epoch: head.Epoch + "x", Offset: 1},
	} {
		t.Run(name, func(t *testing.T) { checkSnapshotGiven(t, both, w, since, head) })
	}
	t.Run("in the history", func(t *testing.T) {
		since := wire.Position{Epoch: head.Epoch, Offset: head.Offset - history/2}
		p, m, err := joinPeer(t, both[1].Addr, "resume", joinMessage{Client: "of the seat", Seat: w.You.Seat, Since: &since})
		if err != nil || !m.Resumed || m.position() != since {
			t.Fatalf("no exact replay of the last %d events: %+v, %v", history/2, m, err)
		}
		for p.ledger.at.Offset < head.Offset {
			if _, err := p.await("frame"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// checkSnapshotGiven comes back with a seat on each replica in turn.
func checkSnapshotGiven(t *testing.T, both []*gateway, w *told, since *wire.Position, head wire.Position) {
	for _, g := range slices.Concat(both, both) {
		p, m, err := joinPeer(t, g.Addr, "resume", joinMessage{Client: "of the seat", Seat: w.You.Seat, Since: since})
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Resumed || m.Session.Epoch != head.Epoch || m.Session.Offset < head.Offset:
			t.Fatalf("the welcome stands at %v, resumed %v; the log is at %v", m.position(), m.Resumed, head)
		case len(m.Members) != 2 || m.State == nil || m.You.Member != w.You.Member:
			t.Fatalf("the snapshot has the members %v and the state %s, for %s", m.Members, m.State, m.You.Member)
		}
		p.Close()
	}
}
