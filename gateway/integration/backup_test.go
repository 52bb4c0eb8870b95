package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/chaos/history"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A backup is made while everybody talks, and restored while everybody talks.
// What is in it is there again; that what came after it is gone is told by a new
// epoch: to members who are there, and to one who slept over the restore, whose
// old position another event has by then. A session that is younger than the
// backup goes on too.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	c := &localCluster{dir: filepath.Join(t.TempDir(), "cluster"), port: freePort(t), redisPort: freePort(t), replicas: freePorts(t, 3),
		settings: []string{"PLENUM_HEARTBEAT_INTERVAL=2s"}} // a client gives up on an outcome that got lost at the second beat
	t.Cleanup(func() { _, _ = c.make("cluster-stop") }) // whatever became of the test
	c.must(t, "cluster")
	url := []string{fmt.Sprintf("http://127.0.0.1:%d", c.port)}
	file := filepath.Join(t.TempDir(), "plenum.rdb")
	c.refusesBackups(t, file)

	h := history.New(nil)
	old, young := h.Session("old", history.Expected{}), h.Session("young", history.Expected{})
	var members, later []*recorded
	for i := range 6 {
		members = append(members, joinRecorded(t, old, "old", fmt.Sprintf("member %d", i), url))
	}
	for _, m := range members {
		m.welcomed(t, 1)
	}
	asleep := c.fallAsleep(t)
	stop, talks := chatter(t, plain(members), 200*time.Millisecond)
	heardFrom(t, plain(members))
	c.must(t, "backup", "FILE="+file)
	saved := allCaughtUp(t, plain(members))

	for i := range 3 {
		later = append(later, joinRecorded(t, young, "young", fmt.Sprintf("later %d", i), url))
	}
	for _, m := range later {
		m.welcomed(t, 1)
	}
	asleep.dream(t, c)
	heardFrom(t, plain(members))
	before := members[0].Position()
	t.Logf("backup at about %d, restored at about %d: %s", saved, before.Offset, strings.TrimSpace(c.must(t, "restore", "FILE="+file)))
	for _, m := range slices.Concat(members, later) {
		m.until(t, "to be told that the past is gone", func() bool { return m.states[len(m.states)-1].Reason == wire.ReasonReset })
	}
	heardFrom(t, plain(members))
	asleep.wake(t, c)
	stop()
	if err := talks(); err != nil {
		t.Fatal(err)
	}
	allTalk(t, plain(later), 5, 20*time.Millisecond)
	finish(t, young, later)
	finish(t, old, members)
	checkHistory(t, h)
	if after := members[0].Position(); after.Epoch == before.Epoch {
		t.Errorf("the epoch is %s as before", after.Epoch)
	}
	c.whole(t)
}

// refusesBackups asks for what cannot be done; the cluster goes on.
func (c *localCluster) refusesBackups(t *testing.T, file string) {
	t.Helper()
	broken := file + ".broken"
	c.must(t, "backup", "FILE="+file)
	whole := readFile(t, file)
	writeFile(t, filepath.Dir(broken), filepath.Base(broken), whole[:len(whole)-9])
	for _, bad := range []struct{ verb, file, says string }{
		{"backup", "", "name a file"},
		{"backup", filepath.Join(file, "no", "such"), "no directory"},
		{"restore", "", "name a file"},
		{"restore", file + ".none", "cannot read"},
		{"restore", broken, "no whole backup"},
	} {
		if out, err := c.make(bad.verb, "FILE="+bad.file); err == nil || !strings.Contains(out, bad.says) {
			t.Errorf("make %s FILE=%s: %v; it should say %q\n%s", bad.verb, bad.file, err, bad.says, out)
		}
	}
	if readFile(t, file) != whole {
		t.Error("a backup that failed has changed the one before")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.whole(t)
}

// sleeper is in a session in which nobody else is when the backup is restored,
// so no replica remembers where its log stood.
type sleeper struct {
	*peer
	welcome *told
	said    uint64
	at      wire.Position
}

func (c *localCluster) addr() string { return fmt.Sprintf("127.0.0.1:%d", c.port) }

func (c *localCluster) fallAsleep(t *testing.T) *sleeper {
	t.Helper()
	p, w, err := joinPeer(t, c.addr(), "asleep", newcomer("sleeper"))
	if err != nil {
		t.Fatal(err)
	}
	s := &sleeper{peer: p, welcome: w}
	s.say(t, 3)
	return s
}

func (s *sleeper) say(t *testing.T, n int) {
	t.Helper()
	for range n {
		s.said++
		if err := s.serves(s.said); err != nil {
			t.Fatal(err)
		}
	}
}

// dream says what no backup has, and goes until no replica knows the session.
func (s *sleeper) dream(t *testing.T, c *localCluster) {
	t.Helper()
	s.say(t, 10)
	s.at = s.ledger.at
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	poll(t, "the replicas to let go of the session", func() error {
		out, err := exec.Command("redis-cli", "-p", fmt.Sprint(c.redisPort), "PUBSUB", "NUMSUB", "plenum:{asleep}:live").CombinedOutput()
		if err == nil && !strings.HasSuffix(strings.TrimSpace(string(out)), "\n0") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})
}

// wake comes back when others have said more than was lost.
func (s *sleeper) wake(t *testing.T, c *localCluster) {
	t.Helper()
	p, w, err := joinPeer(t, c.addr(), "asleep", newcomer("somebody else"))
	if err != nil {
		t.Fatal(err)
	}
	if w.Session.Offset >= s.at.Offset {
		t.Fatalf("the restored session is at %d; the sleeper was at %d", w.Session.Offset, s.at.Offset)
	}
	other := &sleeper{peer: p, welcome: w}
	for other.ledger.at.Offset < s.at.Offset+5 {
		other.say(t, 1)
	}
	_, back, err := joinPeer(t, c.addr(), "asleep", joinMessage{Client: s.welcome.You.Client, Seat: s.welcome.You.Seat, Since: &s.at})
	if err != nil {
		t.Fatal(err)
	}
	if back.Resumed || back.Session.Epoch == s.at.Epoch || back.Acked != 3 || back.You.Member != s.welcome.You.Member {
		t.Errorf("the sleeper was at %v and is welcomed with %+v", s.at, back)
	}
}
