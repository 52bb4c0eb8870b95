package redislog_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

const security = "../../docs/security.md"

// The Redis users that docs/security.md gives may do all that the log asks of
// Redis, in each of its forms, and nothing else.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	user := redistest.DocumentedUser(t, security, "plenum", "hunter2")
	t.Run("standalone", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t, user)
		leastRights(t, redislog.Options{URL: s.URL()}, s.Denied)
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := redistest.StartSentinel(t, user)
		watch := strings.Fields(redistest.DocumentedUser(t, security, "plenum-sentinel", "hunter3"))
		if _, err := s.Do(append([]string{"ACL", "SETUSER"}, watch[1:]...)...); err != nil {
			t.Fatal(err)
		}
		o := redislog.Options{URL: s.URL(), SentinelUser: "plenum-sentinel", SentinelPassword: "hunter3"}
		log := open(t, withUser(o))
		if clients, err := s.Do("CLIENT", "LIST"); err != nil || !strings.Contains(clients, " user=plenum-sentinel ") {
			t.Errorf("the sentinel's clients: %v\n%s", err, clients)
		}
		if err := s.Failover(); err != nil {
			t.Fatal(err)
		}
		eventually(t, log, "s", newEvent("after a fail-over"))
		leastRights(t, o, s.Denied)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t, user)
		leastRights(t, redislog.Options{URL: c.URL()}, c.Denied)
	})
}

// withUser is o with the name and the password of the documented user.
func withUser(o redislog.Options) redislog.Options {
	o.URL = strings.Replace(o.URL, "redis://", "redis://plenum:hunter2@", 1)
	return o
}

// leastRights passes the contract of a log as the documented user, with nothing
// refused, not even something that nobody would have missed; and then has refused
// what a gateway never asks for.
func leastRights(t *testing.T, o redislog.Options, denied func() ([]string, error)) {
	o = withUser(o)
	var cases atomic.Int64
	t.Run("contract", func(t *testing.T) {
		logtest.Run(t, func(t *testing.T) logtest.Harness {
			c := o
			c.Prefix = fmt.Sprintf("plenum:%d", cases.Add(1)) // the user may use what begins with plenum:
			return logtest.Harness{Open: func(of logtest.Options) fanout.Log {
				c.History, c.TTL = of.History, of.TTL
				return open(t, c)
			}}
		})
	})
	log := open(t, o)
	if err := log.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, lease := range []time.Duration{time.Minute, 0} {
		if _, _, err := log.Renew(t.Context(), "a", lease); err != nil {
			t.Error(err)
		}
	}
	if what, err := denied(); err != nil || len(what) > 0 {
		t.Errorf("Redis refused %q, %v", what, err)
	}
	client := log.Client()
	for _, forbidden := range [][]string{{"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "SET", "maxmemory", "1"}, {"ACL", "LIST"}, {"SHUTDOWN"},
		{"APPEND", "plenum:x", "y"}, {"HSET", "others", "a", "b"}, {"PUBLISH", "others", "x"}, {"MONITOR"}, {"CLIENT", "KILL", "TYPE", "normal"}, {"REPLICAOF", "NO", "ONE"}} {
		err := client.Do(t.Context(), client.B().Arbitrary(forbidden[0]).Args(forbidden[1:]...).Build()).Error()
		if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: %v; want NOPERM", forbidden, err)
		}
	}
	if what, err := denied(); err != nil || len(what) == 0 {
		t.Errorf("of all that, Redis says that it refused %q, %v", what, err)
	}
}
