package integration

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// operatorsRedis runs Redis with the configuration that the repository gives to
// those who operate one, but for appendfsync: with everysec Redis answers before
// it writes whenever an fsync is under way, and what it answered then is gone
// when it is killed. Members are told so, by a new epoch; here nothing may be.
func operatorsRedis(t testing.TB) *redistest.Server {
	t.Helper()
	var options []string
	for line := range strings.Lines(readFile(t, "../../configs/redis.conf")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			options = append(options, line)
		}
	}
	return redistest.Start(t, append(options, "appendfsync always")...)
}

// Redis goes away, in several ways, while everybody talks. Members stay
// connected, the replicas say that they are not ready and heal by themselves,
// and what was acknowledged is there.
func TestRedisGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	redis := operatorsRedis(t)
	both := []*gateway{startGateway(t, "PLENUM_REDIS_URL="+redis.URL()), startGateway(t, "PLENUM_REDIS_URL="+redis.URL())}
	members := append(everyone(t, 6, "store", []string{both[0].URL()}), everyone(t, 6, "store", []string{both[1].URL()})...)
	stop, talks := chatter(t, members, 150*time.Millisecond)

	awayAndBack(t, both, members, redis.Pause, redis.Resume)
	awayAndBack(t, both, members, redis.Kill, func() {
		// It stays away until some are told to try again later.
		somebodyRefused(t, members[:6])
		somebodyRefused(t, members[6:])
		if err := redis.Restart(); err != nil {
			t.Fatal(err)
		}
	})
	for range 5 { // cut off without a word, in the middle of everything
		heardFrom(t, members)
		if _, err := redis.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
			t.Fatal(err)
		}
		if _, err := redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"); err != nil {
			t.Fatal(err)
		}
	}
	heardFrom(t, members)
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		m.quiet(t)
	}
	allCaughtUp(t, members)
	judge(t, members)
	neverLost(t, members)
	refused := 0
	for _, m := range members {
		m.look(func() { refused += countRefused(t, m) })
	}
	t.Logf("%d publishes were refused for another try", refused)
}

// awayAndBack has Redis go away until every replica has noticed, and back.
func awayAndBack(t *testing.T, both []*gateway, members []*member, away, back func()) {
	t.Helper()
	heardFrom(t, members)
	away()
	for _, g := range both {
		g.awaitReady(t, http.StatusServiceUnavailable)
		if status, _, err := get(g.URL() + "/healthz"); err != nil || status != http.StatusOK {
			t.Errorf("a replica without Redis is alive, but /healthz answers %d, %v", status, err)
		}
	}
	back()
	for _, g := range both {
		g.awaitReady(t, http.StatusOK)
	}
	heardFrom(t, members)
}

// somebodyRefused waits until one of the members had a publish refused.
func somebodyRefused(t *testing.T, members []*member) {
	t.Helper()
	poll(t, "a publish to be refused", func() error {
		for _, m := range members {
			refused := false
			m.look(func() {
				for _, s := range m.settled {
					refused = refused || s.Err != nil
				}
			})
			if refused {
				return nil
			}
		}
		return errors.New("none was")
	})
}

// heardFrom waits until everybody has had something acknowledged, and has seen
// something, that was said after now.
func heardFrom(t *testing.T, members []*member) {
	t.Helper()
	offset := uint64(0)
	before := make([]int, len(members))
	for i, m := range members {
		offset = max(offset, m.seen.Load())
		m.look(func() { before[i] = len(m.sent) })
	}
	for i, m := range members {
		m.until(t, "something new to be acknowledged", func() bool {
			for ref, s := range m.settled {
				if ref > uint64(before[i]) && s.Err == nil {
					return true
				}
			}
			return false
		})
		m.caughtUp(t, offset+uint64(len(members)))
	}
}

// countRefused counts what was refused. Only one reason is good.
func countRefused(t *testing.T, m *member) (n int) {
	for ref, s := range m.settled {
		if s.Err == nil {
			continue
		}
		n++
		e, ok := errors.AsType[*wire.Error](s.Err)
		if !ok || !e.Retry || e.After <= 0 || e.Code != wire.CodeUnavailable {
			t.Errorf("%s: ref %d was refused with %v", m.name, ref, s.Err)
		}
	}
	return n
}
