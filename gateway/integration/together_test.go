package integration

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// replicas starts two replicas on one Redis.
func replicas(t testing.TB, settings ...string) (*redistest.Server, []*gateway) {
	t.Helper()
	redis := redistest.Start(t)
	settings = append(settings, "PLENUM_REDIS_URL="+redis.URL())
	return redis, []*gateway{
		startGateway(t, append([]string{"PLENUM_REPLICA=first"}, settings...)...),
		startGateway(t, append([]string{"PLENUM_REPLICA=second"}, settings...)...),
	}
}

// Promise 1 as a user would check it: everybody publishes, and in the end
// everybody has the same log.
func TestMembersOnTwoReplicasShareOneSession(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	proxy := startNginx(t, both...)
	for _, size := range []struct{ members, events int }{{12, 30}, {50, 15}} {
		t.Run(fmt.Sprintf("%d members", size.members), func(t *testing.T) {
			members := meet(t, proxy.URL(), fmt.Sprintf("of-%d", size.members), size.members, size.events)
			counts := served(members)
			t.Logf("welcomes: %v", counts)
			if counts["first"] == 0 || counts["second"] == 0 || len(counts) != 2 {
				t.Errorf("both replicas must serve members: %v", counts)
			}
		})
	}
}

func TestMembersOnTheEmbeddedLogShareOneSession(t *testing.T) {
	t.Parallel()
	one := startGateway(t)
	for _, size := range []struct{ members, events int }{{12, 30}, {50, 15}} {
		t.Run(fmt.Sprintf("%d members", size.members), func(t *testing.T) {
			meet(t, one.URL(), fmt.Sprintf("of-%d", size.members), size.members, size.events)
		})
	}
}

// meet has n members say something, all at once, and judges what they saw.
func meet(t *testing.T, url, session string, n, events int) []*member {
	members := everyone(t, n, session, []string{url})
	began := time.Now()
	allTalk(t, members, events, 25*time.Millisecond)
	head := allCaughtUp(t, members)
	t.Logf("%d events to %d members in %v", head, n, time.Since(began).Round(time.Millisecond))

	c := judge(t, members)
	allSettledWell(t, members)
	neverLost(t, members)
	if want := uint64(n + n*events); c.head != want { // a member.joined for each, and what they said
		t.Errorf("the log has %d events; %d happened", c.head, want)
	}
	checkSnapshot(t, url, session, members)
	return members
}

// checkSnapshot compares the session as the HTTP API shows it with what each
// member made of its snapshot and the events behind it.
func checkSnapshot(t testing.TB, url, session string, members []*member) {
	t.Helper()
	var now struct {
		Offset  uint64
		Members []wire.Member
	}
	getJSON(t, url+"/api/sessions/"+session, &now)
	byID := func(a, b wire.Member) int { return strings.Compare(a.Member, b.Member) }
	slices.SortFunc(now.Members, byID)
	for _, m := range members {
		if at := m.seen.Load(); at != now.Offset {
			t.Fatalf("%s is at %d, the session at %d", m.name, at, now.Offset)
		}
		m.look(func() {
			seen := roster(t, m)
			slices.SortFunc(seen, byID)
			if !reflect.DeepEqual(seen, now.Members) {
				t.Errorf("%s sees the members\n%v; they are\n%v", m.name, seen, now.Members)
			}
		})
	}
}

// roster is who is in the session, as a member has to work it out from its
// snapshot and the events behind it.
func roster(t testing.TB, m *member) (members []wire.Member) {
	t.Helper()
	if err := json.Unmarshal(m.states[0].Members, &members); err != nil {
		t.Fatalf("%s: the members of the snapshot: %v", m.name, err)
	}
	for _, e := range m.events {
		if !strings.HasPrefix(e.Event, "member.") {
			continue
		}
		var who wire.Member
		if err := json.Unmarshal(e.Data, &who); err != nil {
			t.Fatalf("%s: %s: %v", m.name, show(e), err)
		}
		i := slices.IndexFunc(members, func(o wire.Member) bool { return o.Member == who.Member })
		switch {
		case e.Event == "member.joined" && i < 0:
			members = append(members, who)
		case e.Event == "member.changed" && i >= 0:
			if who.Name != "" {
				members[i].Name = who.Name
			}
			if who.Status != "" {
				members[i].Status = who.Status
			}
		case e.Event == "member.left" && i >= 0:
			members = slices.Delete(members, i, i+1)
		default:
			t.Fatalf("%s: %s does not fit the members %v", m.name, show(e), members)
		}
	}
	return members
}
