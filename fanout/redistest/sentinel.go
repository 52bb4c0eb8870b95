package redistest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// MasterSet is the name under which a sentinel of this package knows its primary.
const MasterSet = "plenum"

// Sentinel is a primary and a replica, watched by one sentinel. One decides alone,
// which is all that a client of Sentinel can see of a decision. Its methods may be
// called concurrently, except that fail-overs take turns.
type Sentinel struct {
	servers [2]*Server
	watch   *Server
}

// StartSentinel runs a primary, a replica and a sentinel until the test ends, and
// returns when the sentinel would fail over. The options are lines of the two
// servers' redis.conf. If something cannot run, the test fails.
func StartSentinel(t testing.TB, options ...string) *Sentinel {
	t.Helper()
	s := new(Sentinel)
	s.servers[0] = Start(t, options...)
	s.servers[1] = Start(t, slices.Concat(options, []string{fmt.Sprintf("replicaof 127.0.0.1 %d", s.servers[0].port)})...)
	// Else the sentinel would not find the replica when it first looks.
	if err := awaitLink(s.servers[0], s.servers[1]); err != nil {
		t.Fatal(err)
	}
	watch, err := newServer(t.TempDir(), sentinel, []string{
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", MasterSet, s.servers[0].port),
		"sentinel down-after-milliseconds " + MasterSet + " 1500",
		"sentinel failover-timeout " + MasterSet + " 5000",
	})
	s.watch = started(t, watch, err)
	// A sentinel looks every 10 s, turns an old primary into a replica only after
	// four of its greetings, 2 s apart, and connects anew after 1 s at the earliest:
	// too slow for a test, and for the short time after which a server is down.
	_, err = s.watch.Do("SENTINEL", "DEBUG", "info-period", "250", "publish-period", "250", "ping-period", "250")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.awaitReplica(); err != nil {
		t.Fatal(err)
	}
	return s
}

// URL names the sentinel and its master set, as rueidis.ParseURL understands it.
func (s *Sentinel) URL() string { return s.watch.URL() + "?master_set=" + MasterSet }

// Do sends one command to the sentinel itself, as [Server.Do] does to a server.
func (s *Sentinel) Do(args ...string) (string, error) { return s.watch.Do(args...) }

// Servers are the primary and the replica, in any order.
func (s *Sentinel) Servers() []*Server { return s.servers[:] }

// Denied is what the sentinel and both servers have refused, see [Server.Denied].
func (s *Sentinel) Denied() (what []string, err error) {
	return denied(s.watch, s.servers[0], s.servers[1])
}

// Primary is the server that the sentinel holds for the primary now.
func (s *Sentinel) Primary() (*Server, error) {
	addr, err := s.watch.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterSet)
	if err != nil {
		return nil, err
	}
	addr = strings.Replace(addr, "\n", ":", 1)
	for _, server := range s.servers {
		if server.Addr() == addr {
			return server, nil
		}
	}
	return nil, fmt.Errorf("redistest: the sentinel names an unknown primary %q", addr)
}

// Failover makes the replica the primary and the primary its replica, while both
// run, and returns when each is what it should be and the copy is complete, so
// that the next fail-over can follow. For an unplanned one, kill the primary and call
// [Sentinel.AwaitFailover]: the sentinel acts after 1.5 s.
func (s *Sentinel) Failover() error {
	before, err := s.Primary()
	if err != nil {
		return err
	}
	// Refused while the sentinel has not yet seen that the replica is fit.
	err = await("the sentinel to accept a fail-over", func() error {
		_, err := s.watch.Do("SENTINEL", "FAILOVER", MasterSet)
		return err
	})
	if err != nil {
		return err
	}
	after, err := s.AwaitFailover(before)
	if err != nil {
		return err
	}
	if err := awaitLink(after, before); err != nil {
		return err
	}
	return s.awaitReplica()
}

// AwaitFailover waits until the sentinel names another primary than before, and
// that one takes writes. It gives up after 20 s.
func (s *Sentinel) AwaitFailover(before *Server) (after *Server, err error) {
	err = await("the sentinel to replace "+before.Addr(), func() error {
		after, err = s.Primary()
		if err != nil {
			return err
		}
		if after == before {
			return errors.New("it is still the primary")
		}
		return replication(after, "role:master")
	})
	return after, err
}

// awaitReplica waits until the sentinel knows one replica and that it is fit.
func (s *Sentinel) awaitReplica() error {
	return await("the sentinel to know a fit replica", func() error {
		replicas, err := s.watch.Do("SENTINEL", "REPLICAS", MasterSet)
		if err != nil {
			return err
		}
		if !strings.Contains(replicas, "\nflags\nslave\n") || !strings.Contains(replicas, "\nmaster-link-status\nok\n") {
			return fmt.Errorf("it knows %q", replicas)
		}
		return nil
	})
}

// awaitLink waits until replica has a complete copy of primary and gets each write
// at once. Only the primary knows the latter.
func awaitLink(primary, replica *Server) error {
	return await("the replica at "+replica.Addr()+" to have its copy", func() error {
		if err := replication(replica, "role:slave", "master_link_status:up"); err != nil {
			return err
		}
		return replication(primary, fmt.Sprintf("slave0:ip=127.0.0.1,port=%d,state=online,", replica.port))
	})
}

// replication wants beginnings of lines in what a server says about replication.
func replication(server *Server, begin ...string) error {
	info, err := server.Do("INFO", "replication")
	if err != nil {
		return err
	}
	for _, line := range begin {
		if !strings.Contains(info, "\n"+line) {
			return fmt.Errorf("no %s in %q", line, info)
		}
	}
	return nil
}
