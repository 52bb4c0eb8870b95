package redislog_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// An operator moves the slot of a session to another node of the Cluster, as
// resharding does, while the session is in use. While the slot is between the two,
// an append is refused, for certain, so that it can be tried again; after it the
// log goes on at the next offset, and what is appended is heard there, or read
// after a resubscription that is told.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, redistest.DocumentedUser(t, security, "plenum", "hunter2"))
	log, recorder := listening(t, withUser(redislog.Options{URL: c.URL(), Timeout: 5 * time.Second}))
	if err := log.Subscribe(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	head := appendEvent(t, log, "s", "before").Head
	recorder.AwaitBatches(t, "s", 1)

	slot := do(t, c.Nodes[0], "CLUSTER", "KEYSLOT", "plenum:{s}:meta")
	at := slices.IndexFunc(c.Nodes[:], func(n *redistest.Server) bool { return do(t, n, "CLUSTER", "COUNTKEYSINSLOT", slot) != "0" })
	from, to := c.Nodes[at], c.Nodes[(at+1)%3]
	id := do(t, to, "CLUSTER", "MYID")
	do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", do(t, from, "CLUSTER", "MYID"))
	do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", id)
	_, port, _ := strings.Cut(to.Addr(), ":")
	keys := strings.Fields(do(t, from, "CLUSTER", "GETKEYSINSLOT", slot, "100"))
	do(t, from, append([]string{"MIGRATE", "127.0.0.1", port, "", "0", "5000", "KEYS"}, keys...)...)
	next := func(when string) {
		t.Helper()
		res := eventually(t, log, "s", &fanout.Append{Items: newEvent(when).Items, Known: head.Position})
		if res.Outcome != fanout.Took || res.Epoch != head.Epoch || res.Offset != head.Offset+1 {
			t.Fatalf("an append %s: %+v; want the offset after %+v", when, res, head)
		}
		head = res.Head
	}
	if res, err := log.Append(t.Context(), "s", newEvent("while it moves")); !errors.Is(err, fanout.ErrUnavailable) {
		t.Errorf("an append while the slot moves: %+v, %v; want that it is refused", res, err)
	}
	for _, node := range []*redistest.Server{to, from, c.Nodes[(at+2)%3]} {
		do(t, node, "CLUSTER", "SETSLOT", slot, "NODE", id)
	}
	next("after it has moved")

	logtest.Eventually(t, "what is appended to be heard again", func() bool {
		next("to be heard")
		return slices.ContainsFunc(recorder.Batches("s"), func(b fanout.Batch) bool { return b.Head == head })
	})
	if heard := len(recorder.Batches("s")); heard < int(head.Offset) && len(recorder.Resubscriptions()) == 0 {
		t.Errorf("of %d batches %d were heard, and nobody was told to look for the others", head.Offset, heard)
	}
	if what, err := c.Denied(); err != nil || len(what) > 0 {
		t.Errorf("Redis refused %q, %v", what, err)
	}
}
