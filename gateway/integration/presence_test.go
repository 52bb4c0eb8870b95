package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Promise 6: a replica is killed whose members do not come back. Those in a
// session with members on two other replicas, which both notice, and those in one
// with nobody else, are reconnecting and then offline, each once.
func TestMembersOfADeadReplicaAreShownOnce(t *testing.T) {
	t.Parallel()
	const cut = 4 // members on the replica, in each of the two sessions
	redis := redistest.Start(t)
	var all []*gateway
	for i := range 3 {
		all = append(all, startGateway(t, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), "PLENUM_GRACE=3s"))
	}
	sessions := map[string][]*peer{"watched": nil, "lone": nil}
	for session := range sessions {
		for i := range cut {
			p, _, err := joinPeer(t, all[0].Addr, session, newcomer(fmt.Sprintf("cut %d", i)))
			if err == nil {
				err = p.serves(1)
			}
			if err != nil {
				t.Fatal(err)
			}
			sessions[session] = append(sessions[session], p)
		}
	}
	watchers := append(everyone(t, 1, "watched", []string{all[1].URL()}), everyone(t, 1, "watched", []string{all[2].URL()})...)
	poll(t, "the replicas to tell what they serve", func() error { return announced(redis, "lone") })
	all[0].Kill()
	killed := time.Now()
	for _, w := range watchers {
		w.until(t, "the first of them to be reconnecting", func() bool { return len(statuses(t, w.events)) > 0 })
	}
	t.Logf("reconnecting after %v", time.Since(killed).Round(10*time.Millisecond))
	for session, peers := range sessions {
		for _, p := range peers {
			member := p.ledger.welcome.You.Member
			poll(t, member+" to be offline in "+session, func() error {
				if got := strings.Join(statuses(t, eventsOf(t, all[1], session))[member], " "); got != "reconnecting offline" {
					return fmt.Errorf("it was %q", got)
				}
				return nil
			})
		}
	}
	// What another replica would do twice it would have done by the time at which
	// the session has seen somebody come and go again.
	guest := everyone(t, 1, "watched", []string{all[2].URL()})[0]
	if err := guest.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range sessions["watched"] {
		if got := statuses(t, eventsOf(t, all[1], "watched"))[p.ledger.welcome.You.Member]; len(got) != 2 {
			t.Errorf("a member was told to be %q", got)
		}
	}
}

// announced returns an error unless some replica has told that it serves a session.
func announced(redis *redistest.Server, session string) error {
	keys, err := redis.Do("KEYS", "plenum:{r:*}:sessions")
	if err != nil {
		return err
	}
	for key := range strings.FieldsSeq(keys) {
		if list, err := redis.Do("ZRANGE", key, "0", "-1"); err == nil && strings.Contains(list, session) {
			return nil
		}
	}
	return fmt.Errorf("none has told of %s", session)
}

// eventsOf is the durable events of a session, as the HTTP API has them.
func eventsOf(t testing.TB, g *gateway, session string) []wire.Event {
	t.Helper()
	var page struct{ Events []wire.Event }
	getJSON(t, g.URL()+"/api/sessions/"+session+"/events?limit=1000", &page)
	return page.Events
}

// statuses are those that members were told to have, in order, by member.
func statuses(t testing.TB, events []wire.Event) map[string][]string {
	t.Helper()
	told := make(map[string][]string)
	for _, e := range events {
		var who wire.Member
		if e.Event != "member.changed" {
			continue
		}
		if err := json.Unmarshal(e.Data, &who); err != nil {
			t.Fatalf("%s: %v", show(e), err)
		}
		if who.Status != "" {
			told[who.Member] = append(told[who.Member], who.Status)
		}
	}
	return told
}

const (
	presenceReplicas = 3
	presenceSpan     = 30 * time.Second
)

// BenchmarkPresence counts the commands that Redis runs for members who are there
// and do nothing, by how many sessions there are, and for members who go. Run it
// with -benchtime 1x.
func BenchmarkPresence(b *testing.B) {
	for _, sessions := range []int{0, 100, 400} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			for range b.N {
				countPresence(b, sessions)
			}
		})
	}
}

func countPresence(b *testing.B, sessions int) {
	redis := redistest.Start(b)
	var all []*gateway
	for i := range presenceReplicas {
		all = append(all, startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i), "PLENUM_GRACE=3s"))
	}
	watchers, goers := make([]*peer, sessions), make([]*peer, sessions)
	for i := range sessions {
		for k, g := range all {
			p, _, err := joinPeer(b, g.Addr, fmt.Sprintf("presence-%d", i), newcomer(fmt.Sprintf("member %d", k)))
			if err != nil {
				b.Fatal(err)
			}
			if k == 0 {
				watchers[i] = p
			}
			goers[i] = p
		}
	}
	settle := func() { // what joining and going bring with them
		if !pause(b.Context(), sizingWarm) {
			b.Fatal("the benchmark was ended")
		}
	}
	settle()
	began, before := time.Now(), commands(b, redis)
	if !pause(b.Context(), presenceSpan) {
		b.Fatal("the benchmark was ended")
	}
	idle, seconds := commands(b, redis).since(before), time.Since(began).Seconds()
	each := float64(presenceReplicas) * seconds
	b.ReportMetric(idle.scripts()/each, "scripts/replica/s")
	b.ReportMetric(idle["hmget"]/each, "hmget/replica/s")
	b.ReportMetric(idle.all()/each, "commands/replica/s")
	b.ReportMetric(0, "ns/op")
	if sessions == 0 {
		return
	}
	began, before = time.Now(), commands(b, redis)
	for _, p := range goers {
		p.Close()
	}
	for _, p := range watchers {
		for told := 0; told < 2; {
			if _, err := p.next(); err != nil {
				b.Fatal(err)
			}
			told = 0
			for _, list := range statuses(b, p.ledger.events) {
				told += len(list)
			}
		}
	}
	settle()
	gone, seconds := commands(b, redis).since(before), time.Since(began).Seconds()
	usual := idle.scripts() / each * presenceReplicas * seconds
	b.ReportMetric((gone.scripts()-usual)/float64(sessions), "scripts/member-who-goes")
}

// tallied counts the commands that a Redis has run for clients, by name.
type tallied map[string]float64

func commands(b *testing.B, redis *redistest.Server) tallied {
	b.Helper()
	text, err := redis.Do("INFO", "commandstats")
	if err != nil {
		b.Fatalf("INFO: %v", err)
	}
	counts := make(tallied)
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":calls=")
		if !ok {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		var n float64
		if _, err := fmt.Sscan(calls, &n); err != nil {
			b.Fatalf("INFO says %q: %v", line, err)
		}
		counts[name] = n
	}
	return counts
}

func (c tallied) since(before tallied) tallied {
	for name, n := range before {
		c[name] -= n
	}
	return c
}

// scripts are what gateways append, read and renew with.
func (c tallied) scripts() float64 { return c["evalsha"] + c["evalsha_ro"] }

func (c tallied) all() (sum float64) {
	for _, n := range c {
		sum += n
	}
	return sum
}
