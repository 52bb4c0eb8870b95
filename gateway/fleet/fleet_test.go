package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/gateway/stats"
)

// deaf is a Receiver.
type deaf struct{}

func (deaf) Deliver(string, fanout.Batch) {}
func (deaf) Resubscribed([]string)        {}

// member is a replica of the fleet, with a lease.
func member(t *testing.T, url, id string) *Fleet {
	t.Helper()
	log, err := redislog.Open(t.Context(), redislog.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	log.Listen(deaf{})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { log.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		log.Close()
	})
	if _, _, err := log.Renew(t.Context(), id, time.Hour); err != nil {
		t.Fatal(err)
	}
	return New(log, id)
}

// fleets are two replicas on each kind of Redis.
func fleets(t *testing.T, test func(t *testing.T, one, two *Fleet)) {
	t.Run("standalone", func(t *testing.T) {
		t.Parallel()
		url := redistest.Start(t).URL()
		test(t, member(t, url, "one"), member(t, url, "two"))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		url := redistest.StartCluster(t).URL()
		test(t, member(t, url, "one"), member(t, url, "two"))
	})
}

func TestReports(t *testing.T) {
	t.Parallel()
	fleets(t, func(t *testing.T, one, two *Fleet) {
		if left, err := one.Gather(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("before the first report: %v, %v", left, err)
		}
		for _, f := range []*Fleet{one, two} {
			if err := f.Report(t.Context(), []byte("report of "+f.id)); err != nil {
				t.Fatal(err)
			}
		}
		left, err := two.Gather(t.Context())
		slices.SortFunc(left, func(a, b stats.Left) int { return len(a.Report) - len(b.Report) })
		if err != nil || len(left) != 2 || string(left[0].Report) == string(left[1].Report) || left[0].Ended != 0 {
			t.Errorf("%v, %v", left, err)
		}
		if _, _, err := one.log.Renew(t.Context(), "one", time.Millisecond); err != nil {
			t.Fatal(err)
		}
		ended := func() bool {
			left, err = two.Gather(t.Context())
			return err == nil && slices.ContainsFunc(left, func(l stats.Left) bool { return l.ID == "one" && l.Ended > 0 })
		}
		eventually(t, "the lease to end", ended)
		if alive, gone, err := two.Count(t.Context(), time.Hour); alive != 1 || gone != 1 || err != nil {
			t.Errorf("%d alive, %d gone, %v; want one of each", alive, gone, err)
		}
		if err := two.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left, err := one.Gather(t.Context()); err != nil || len(left) != 1 || left[0].ID != "one" {
			t.Errorf("after two has left: %v, %v", left, err)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	fleets(t, func(t *testing.T, one, two *Fleet) {
		if err := one.Order(t.Context(), "two", "drain"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"drain", ""} {
			if got, err := two.Take(t.Context()); got != want || err != nil {
				t.Errorf("took %q, %v; want %q", got, err, want)
			}
		}
		if got, err := one.Take(t.Context()); got != "" || err != nil {
			t.Errorf("the other one took %q, %v", got, err)
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	fleets(t, func(t *testing.T, one, two *Fleet) {
		announce := func(f *Fleet, sessions ...string) {
			t.Helper()
			if err := f.Announce(t.Context(), sessions); err != nil {
				t.Fatal(err)
			}
		}
		starting := func(prefix, after string, limit int, want ...string) {
			t.Helper()
			if got, err := one.Starting(t.Context(), prefix, after, limit); err != nil || !slices.Equal(got, want) {
				t.Errorf("starting with %q after %q: %q, %v; want %q", prefix, after, got, err, want)
			}
		}
		starting("", "", 10)
		announce(one, "team-b", "team-a", "Other", "retro")
		announce(two, "team-b", "team-c", "_x")
		starting("", "", 10, "Other", "_x", "retro", "team-a", "team-b", "team-c")
		starting("team-", "", 10, "team-a", "team-b", "team-c")
		starting("", "", 2, "Other", "_x")
		starting("", "_x", 2, "retro", "team-a")
		starting("team-", "team-a", 1, "team-b")
		starting("team-", "zz", 5)
		starting("team-", "a", 5, "team-a", "team-b", "team-c")
		starting("zz", "", 10)
		if got, err := two.Containing(t.Context(), "am-", "team-a", 10); err != nil || !slices.Equal(got, []string{"team-b", "team-c"}) {
			t.Errorf("containing: %q, %v", got, err)
		}
		announce(one, "team-b", "new")
		announce(two)
		starting("", "", 10, "new", "team-b")
		// Redis has lost everything: it is told anew.
		if err := one.client.Do(t.Context(), one.client.B().Del().Key(one.key("sessions")).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		starting("", "", 10)
		announce(one, "team-b", "new")
		starting("", "", 10, "new", "team-b")
	})
}

func TestSearchInManySessions(t *testing.T) {
	t.Parallel()
	f := member(t, redistest.Start(t).URL(), "one")
	var all, want []string
	for i := range 3*scanned + 10 {
		all = append(all, fmt.Sprintf("s%05d", i))
		if id := all[i]; id[4:] == "77" {
			want = append(want, id)
		}
	}
	if err := f.Announce(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	got, err := f.Containing(t.Context(), "77", "", 1000)
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Fatalf("%s is not among %d found, %v", id, len(got), err)
		}
	}
	if some, _ := f.Containing(t.Context(), "77", "", 3); !slices.Equal(some, got[:3]) {
		t.Errorf("%q; want the first three of %q", some, got)
	}
}

func TestStoreFigures(t *testing.T) {
	t.Parallel()
	f := member(t, redistest.Start(t, "maxmemory 100mb").URL(), "one")
	f.lookAtStore(t.Context())
	if got := f.Figures(); got.Limit != 100<<20 || got.Memory < 100_000 || got.Share != got.Memory/got.Limit {
		t.Errorf("%+v", got)
	}
	cluster := member(t, redistest.StartCluster(t).URL(), "one")
	cluster.lookAtStore(t.Context())
	if got := cluster.Figures(); got.Memory < 100_000 || got.Limit < 1<<30 || got.Share <= 0 || got.Share >= 1 {
		t.Errorf("%+v", got)
	}
	if got := withMaster(stats.Store{}, "role:slave\r\nused_memory:5\r\n"); got != (stats.Store{}) {
		t.Errorf("a replica of Redis counts: %+v", got)
	}
}

// What a replica served that died is found by the others until they have seen to
// it; what one gave up, or still serves, is not.
func TestOrphans(t *testing.T) {
	t.Parallel()
	fleets(t, func(t *testing.T, one, two *Fleet) {
		orphans := func(n int) []string {
			t.Helper()
			got, err := two.Orphans(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			return got
		}
		lease := func(ttl time.Duration) {
			t.Helper()
			if _, _, err := one.log.Renew(t.Context(), "one", ttl); err != nil {
				t.Fatal(err)
			}
		}
		served := []string{"a", "b", "c", "d"}
		if err := one.Announce(t.Context(), served); err != nil {
			t.Fatal(err)
		}
		if got := orphans(10); len(got) != 0 {
			t.Errorf("of replicas that are alive: %q", got)
		}
		lease(time.Millisecond)
		logtest.Eventually(t, "the lease has ended", func() bool { return len(orphans(10)) > 0 })
		if got := orphans(10); !slices.Equal(got, served) {
			t.Errorf("%q; want %q", got, served)
		}
		if got := orphans(3); len(got) != 3 {
			t.Errorf("three of them: %q", got)
		}
		if err := two.Settle(t.Context(), []string{"a", "c", "unknown"}); err != nil {
			t.Fatal(err)
		}
		if got := orphans(10); !slices.Equal(got, []string{"b", "d"}) {
			t.Errorf("after two were settled: %q", got)
		}
		// It was only away for a while.
		lease(time.Hour)
		if err := one.Announce(t.Context(), served); err != nil {
			t.Fatal(err)
		}
		if got, err := two.Starting(t.Context(), "", "", 10); err != nil || !slices.Equal(got, served) {
			t.Errorf("it serves %q, %v; want %q", got, err, served)
		}
		lease(0)
		if got := orphans(10); len(got) != 0 {
			t.Errorf("of a replica that gave up its lease: %q", got)
		}
	})
}

// The Redis user that docs/security.md gives may do all this.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.DocumentedUser(t, "../../docs/security.md", "plenum", "hunter2"))
	url := strings.Replace(s.URL(), "redis://", "redis://plenum:hunter2@", 1)
	one, two := member(t, url, "one"), member(t, url, "two")
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	do("Report", one.Report(t.Context(), []byte("{}")))
	do("Announce", one.Announce(t.Context(), []string{"a", "b"}))
	do("Announce", one.Announce(t.Context(), []string{"b"}))
	do("Order", two.Order(t.Context(), "one", OrderDrain))
	_, err := one.Take(t.Context())
	do("Take", err)
	_, err = two.Gather(t.Context())
	do("Gather", err)
	_, err = two.Starting(t.Context(), "", "", 10)
	do("Starting", err)
	_, _, err = one.log.Renew(t.Context(), "one", time.Millisecond)
	do("Renew", err)
	logtest.Eventually(t, "the lease has ended", func() bool {
		orphans, err := two.Orphans(t.Context(), 10)
		do("Orphans", err)
		return err != nil || len(orphans) == 1
	})
	do("Settle", two.Settle(t.Context(), []string{"b"}))
	do("Leave", two.Leave(t.Context()))
	if what, err := s.Denied(); err != nil || len(what) > 0 {
		t.Errorf("Redis refused %q, %v", what, err)
	}
}
