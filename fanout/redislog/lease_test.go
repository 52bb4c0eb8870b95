package redislog_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log, other := open(t, redislog.Options{URL: s.URL()}), open(t, redislog.Options{URL: s.URL()})
	renew := func(log *redislog.Log, id string, ttl time.Duration, wantLate bool, want ...string) {
		t.Helper()
		alive, late, err := log.Renew(t.Context(), id, ttl)
		slices.Sort(alive)
		if err != nil || late != wantLate || !slices.Equal(alive, want) {
			t.Fatalf("renew %s: alive %q, late %v, %v; want %q, %v", id, alive, late, err, want, wantLate)
		}
	}
	renew(log, "a", time.Hour, true, "a")
	renew(log, "a", time.Hour, false, "a")
	renew(other, "b", time.Hour, true, "a", "b")
	renew(other, "b", 100*time.Millisecond, false, "a", "b")
	logtest.Eventually(t, "the lease of b ends", func() bool {
		alive, late, err := log.Renew(t.Context(), "a", time.Hour)
		if err != nil || late {
			t.Fatalf("renew: late %v, %v", late, err)
		}
		return slices.Equal(alive, []string{"a"})
	})
	renew(other, "b", time.Hour, true, "a", "b")
	renew(log, "a", 0, false, "b") // given up
	renew(log, "a", time.Hour, true, "a", "b")
	if ttl := do(t, s, "PTTL", "plenum:replicas"); len(ttl) < 4 || strings.HasPrefix(ttl, "-") {
		t.Errorf("the leases have the time to live %s", ttl)
	}
	do(t, s, "FLUSHALL")
	renew(other, "b", time.Hour, true, "b")
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		settings []string
		want     []string // each in one sentence, in this order
	}{
		{"Safe", []string{"appendonly yes"}, nil},
		{"Volatile", []string{"appendonly no"}, []string{"appendonly yes"}},
		{"NoSync", []string{"appendonly yes", "appendfsync no"}, []string{"appendfsync"}},
		{"Evicts", []string{"appendonly yes", "maxmemory 100mb", "maxmemory-policy allkeys-lru"}, []string{"allkeys-lru"}},
		{"Full", []string{"appendonly yes", "maxmemory 100mb", "maxmemory-policy noeviction"}, nil},
		{"SmallBuffer", []string{"appendonly yes", "client-output-buffer-limit pubsub 1mb 512kb 60"}, []string{"1048576"}},
		{"All", []string{"maxmemory 100mb", "maxmemory-policy volatile-ttl", "client-output-buffer-limit pubsub 1mb 512kb 60"},
			[]string{"appendonly", "volatile-ttl", "pubsub"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := open(t, redislog.Options{URL: redistest.Start(t, c.settings...).URL()})
			got := log.Advice(t.Context())
			if !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("the advice is %q; want %q", got, c.want)
			}
		})
	}
}

func TestSentinelAdvice(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinel(t, "appendonly yes")
	log := open(t, redislog.Options{URL: s.URL()})
	if got := log.Advice(t.Context()); len(got) != 1 || !strings.Contains(got[0], "min-replicas-to-write") {
		t.Errorf("the advice is %q", got)
	}
}
