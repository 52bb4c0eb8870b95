package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/client"
)

// fleet is two replicas behind nginx, each of either version.
type fleet struct {
	versions map[string]string // old and new: their programs
	redis    *redistest.Server
	places   [2]string // their addresses
	replicas [2]*gateway
	proxy    *nginx
}

func startFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{versions: map[string]string{"old": previousProgram(t), "new": program}, redis: redistest.Start(t)}
	for i := range f.places {
		f.places[i] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
		f.start(t, i, "old")
	}
	f.proxy = runNginx(t, nginxSetup{replicas: f.places[:]})
	return f
}

// start starts a version at a place; its name tells both.
func (f *fleet) start(t *testing.T, place int, version string) {
	t.Helper()
	f.replicas[place] = startVersion(t, f.versions[version], "PLENUM_LISTEN="+f.places[place], "PLENUM_REDIS_URL="+f.redis.URL(),
		fmt.Sprintf("PLENUM_REPLICA=%s-%d", version, place), "PLENUM_DRAIN_TIMEOUT=10s")
}

// stop ends the replica at a place as a deploy does.
func (f *fleet) stop(t *testing.T, place int) {
	t.Helper()
	f.replicas[place].Term()
	if code := f.replicas[place].Wait(t); code != 0 {
		t.Errorf("replica %d ended with exit code %d", place, code)
	}
}

// upgrade is a session whose members talk while versions change.
type upgrade struct {
	*fleet
	session *history.Session
	members []*recorded
	ends    []func()
}

// come has n more members come through nginx, and talk from then on.
func (u *upgrade) come(t *testing.T, n int) {
	t.Helper()
	newcomers := make([]*recorded, n)
	for i := range newcomers {
		newcomers[i] = joinRecorded(t, u.session, "upgrade", fmt.Sprintf("member %d", len(u.members)+i), []string{u.proxy.URL()},
			func(o *client.Options) { o.Gzip = i%2 == 1 })
		newcomers[i].welcomed(t, 1)
	}
	u.members = append(u.members, newcomers...)
	stop, wait := chatter(t, plain(newcomers), 200*time.Millisecond)
	u.ends = append(u.ends, func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// mixed checks that there are members of both versions, and waits until all
// have heard each other.
func (u *upgrade) mixed(t *testing.T) {
	t.Helper()
	versions := make(map[string]int)
	for _, m := range u.members {
		m.look(func() { versions[strings.TrimRight(last(m.replicas), "-01")]++ })
	}
	if versions["old"] == 0 || versions["new"] == 0 {
		t.Fatalf("members are on %v", versions)
	}
	heardFrom(t, plain(u.members))
}

// crash kills the replica at a place, waits for its members to be elsewhere, and
// starts a version there.
func (u *upgrade) crash(t *testing.T, place int, next string) {
	t.Helper()
	ending := fmt.Sprintf("-%d", place)
	u.replicas[place].Kill()
	for _, m := range u.members {
		m.until(t, "to be on the other replica", func() bool { return !strings.HasSuffix(last(m.replicas), ending) })
	}
	u.start(t, place, next)
	heardFrom(t, plain(u.members))
}

// Two versions of the gateway side by side understand each other: an upgrade,
// replica by replica, with a crash of each version in its middle, and a
// rollback. Members are on both, publish on both, and move from each to the
// other; nothing is lost, doubled or reset.
func TestTwoVersionsShareSessions(t *testing.T) {
	t.Parallel()
	h := history.New(nil)
	u := &upgrade{fleet: startFleet(t), session: h.Session("upgrade", history.Expected{OneEpoch: true})}
	u.come(t, 8)
	u.stop(t, 0)
	u.start(t, 0, "new")
	u.come(t, 5)
	u.mixed(t)
	u.crash(t, 0, "new") // members of the new version go on with the old one
	u.come(t, 3)
	u.mixed(t)
	u.crash(t, 1, "new") // and of the old one with the new one
	u.stop(t, 0)
	u.start(t, 0, "old") // a rollback
	u.come(t, 3)
	u.mixed(t)

	for _, end := range u.ends {
		end()
	}
	finish(t, u.session, u.members)
	checkHistory(t, h)
	judge(t, plain(u.members))
	allSettledWell(t, plain(u.members))
	onlyReplays(t, plain(u.members))
	t.Logf("welcomes: %v", served(plain(u.members)))
}

// A document that was made by one version and changed by both at the same time
// is the same to both.
func TestTwoVersionsShareADocument(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	body := `{"kind":"document","id":"plan","options":{"document":{"made by":"old"}}}`
	res, err := requests.Post(f.replicas[0].URL()+"/api/sessions", "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("POST /api/sessions: %s", res.Status)
	}
	f.stop(t, 0)
	f.start(t, 0, "new")
	var members []*member
	for i := range 6 {
		members = append(members, join(t, "plan", fmt.Sprintf("author %d", i), []string{f.replicas[i%2].URL()}))
	}
	for _, m := range members {
		m.welcomed(t, 1)
	}
	seed := drawSeed(t)
	var writing sync.WaitGroup
	for i, m := range members {
		writing.Go(func() { m.patch(t, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	writing.Wait()
	allCaughtUp(t, members)
	judge(t, members)
	neverLost(t, members)
	checkDocument(t, []*gateway{f.replicas[0], f.replicas[1]}, "plan", members)
	checkDocument(t, []*gateway{f.replicas[1], f.replicas[0]}, "plan", members)
}
