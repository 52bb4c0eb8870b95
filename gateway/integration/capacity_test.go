package integration

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// entry is what became of one who wanted to come in.
type entry struct {
	*peer
	welcome *told
	refusal *refused
}

// enter has somebody new come in, or be refused.
func enter(t testing.TB, g *gateway, session string, j joinMessage) (e entry, err error) {
	e.peer, e.welcome, err = joinPeer(t, g.Addr, session, j)
	if errors.As(err, &e.refusal) {
		err = nil
	}
	return e, err
}

func (e entry) checkFull(t testing.TB) {
	t.Helper()
	switch {
	case e.refusal == nil:
		t.Error("somebody came into a full session")
	case e.refusal.Code != "session_full" || e.refusal.Message == "" || e.refusal.end.code != wire.CloseSessionFull:
		t.Errorf("refused with %v; a full session says session_full and closes with 4509", e.refusal)
	}
}

// A session takes 50 connections over all replicas, also when more come at once.
func TestCapacityCountsAllReplicas(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	const capacity, crowd = 50, 60
	entries := make([]entry, crowd)
	errs := make([]error, crowd)
	var coming sync.WaitGroup
	for i := range crowd {
		coming.Go(func() {
			entries[i], errs[i] = enter(t, both[i%2], "full", newcomer(fmt.Sprintf("of the crowd %d", i)))
		})
	}
	coming.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var in []entry
	for _, e := range entries {
		if e.welcome != nil {
			in = append(in, e)
		} else {
			e.checkFull(t)
		}
	}
	if len(in) != capacity {
		t.Fatalf("%d of %d came in; the session has %d places", len(in), crowd, capacity)
	}
	for i, leaver := range in[:4] {
		oneIn(t, both, leaver, fmt.Sprint("next ", i))
	}
}

// oneIn has one leave a full session, and then lets one in.
func oneIn(t *testing.T, both []*gateway, leaver entry, name string) {
	t.Helper()
	for i, g := range both {
		late, err := enter(t, g, "full", newcomer(fmt.Sprintf("%s, too early at %d", name, i)))
		if err != nil {
			t.Fatal(err)
		}
		late.checkFull(t)
	}
	if err := leaver.send([]byte(`{"type":"leave"}`)); err != nil {
		t.Fatal(err)
	}
	if end := leaver.end(); end.code != wire.CloseNormal {
		t.Fatalf("leaving: %v", end)
	}
	// On the replica where the other one was not.
	g := both[0]
	if leaver.welcome.Replica == "first" {
		g = both[1]
	}
	next, err := enter(t, g, "full", newcomer(name))
	if err != nil || next.welcome == nil {
		t.Fatalf("one has left, and the next one is not let in: %v, %v", err, next.refusal)
	}
}

// Who holds a place is not locked out of a full session: not by a connection
// of theirs that nobody has noticed to be dead.
func TestAFullSessionLetsItsMembersBack(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_SESSION_CAPACITY=3")
	var seats []string
	for i := range 3 {
		e, err := enter(t, both[i%2], "small", newcomer(fmt.Sprintf("holder %d", i)))
		if err != nil || e.welcome == nil {
			t.Fatalf("holder %d: %v, %v", i, err, e.refusal)
		}
		seats = append(seats, e.welcome.You.Seat)
	}
	for i, seat := range seats {
		j := joinMessage{Client: fmt.Sprintf("another phone %d", i), Seat: seat}
		e, err := enter(t, both[(i+1)%2], "small", j)
		if err != nil || e.welcome == nil {
			t.Fatalf("holder %d comes back: %v, %v", i, err, e.refusal)
		}
	}
	e, err := enter(t, both[0], "small", newcomer("somebody else"))
	if err != nil {
		t.Fatal(err)
	}
	e.checkFull(t)
}
