package redislog_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/logtest"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// full is an append that uses every part of a session.
func full(ref uint64) *fanout.Append {
	return &fanout.Append{Create: true, Set: map[string][]byte{"field": []byte("value")}, Items: []fanout.Item{
		{Client: "client", Ref: ref, Events: 1, Records: fanout.AppendEvent(nil, []byte("event"))},
		{Records: fanout.AppendNote(nil, []byte("note"))}}}
}

func TestEveryKeyExpires(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL(), Prefix: "p", TTL: time.Hour})
	ttls := func() map[string]time.Duration {
		found := make(map[string]time.Duration)
		for key := range strings.Lines(do(t, s, "KEYS", "*")) {
			key = strings.TrimSpace(key)
			ms, err := strconv.Atoi(do(t, s, "PTTL", key))
			if err != nil || ms <= 0 {
				t.Errorf("%s has the time to live %d, %v", key, ms, err)
			}
			found[key] = time.Duration(ms) * time.Millisecond
		}
		return found
	}
	if res, err := log.Append(t.Context(), "s", full(1)); err != nil || res.Outcome != fanout.Took {
		t.Fatalf("append: %+v, %v", res, err)
	}
	// Two marks in the past: what is older than a mark has been moved once.
	for range 2 {
		do(t, s, "HSET", "p:{s}:meta", "marked", "1")
		res, err := log.Append(t.Context(), "s", full(taken(t, log)+1))
		if err != nil || res.Outcome != fanout.Took {
			t.Fatalf("append: %+v, %v", res, err)
		}
	}
	keys := ttls()
	if len(keys) < 4 || keys["p:{s}:refs-older"] == 0 {
		t.Errorf("there are the keys %v", keys)
	}
	for key := range keys {
		do(t, s, "PEXPIRE", key, "60000")
	}
	if _, err := log.Heads(t.Context(), []string{"s", "nobody"}); err != nil {
		t.Fatal(err)
	}
	for key, ttl := range ttls() {
		if ttl < 59*time.Minute {
			t.Errorf("after its head was read %s has the time to live %v", key, ttl)
		}
	}
	if _, err := log.Append(t.Context(), "s", &fanout.Append{End: true}); err != nil {
		t.Fatal(err)
	}
	if left := ttls(); len(left) != 1 || left["p:{s}:meta"] < 59*time.Minute {
		t.Errorf("of an ended session there is left %v; want what says that it was ended", left)
	}
	if got := do(t, s, "HKEYS", "p:{s}:meta"); strings.TrimSpace(got) != "ended" {
		t.Errorf("of an ended session there is left %q", got)
	}
}

// taken is the highest ref taken from the client of full.
func taken(t *testing.T, log *redislog.Log) uint64 {
	t.Helper()
	v, err := log.Read(t.Context(), "s", &fanout.Query{Clients: []string{"client"}, NoState: true})
	if err != nil {
		t.Fatal(err)
	}
	return v.Refs[0].Last
}

// calls counts the commands that were run, by clients and by scripts.
func calls(t *testing.T, s *redistest.Server) map[string]int {
	t.Helper()
	count := make(map[string]int)
	for _, m := range regexp.MustCompile(`cmdstat_(\S+):calls=(\d+)`).FindAllStringSubmatch(do(t, s, "INFO", "commandstats"), -1) {
		count[m[1]], _ = strconv.Atoi(m[2])
	}
	return count
}

func TestOneAppendIsOneCall(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	log := open(t, redislog.Options{URL: s.URL()})
	if _, err := log.Append(t.Context(), "s", full(1)); err != nil { // loads the script
		t.Fatal(err)
	}
	if _, err := log.Read(t.Context(), "s", &fanout.Query{}); err != nil {
		t.Fatal(err)
	}
	do(t, s, "CONFIG", "RESETSTAT")
	const appends = 50
	for i := range appends {
		if _, err := log.Append(t.Context(), "s", full(uint64(i+2))); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Read(t.Context(), "s", &fanout.Query{History: true, Clients: []string{"client"}}); err != nil {
			t.Fatal(err)
		}
	}
	count := calls(t, s)
	if count["evalsha"] != appends || count["evalsha_ro"] != appends || count["eval"] != 0 || count["script|load"] != 0 {
		t.Errorf("%d appends and reads were the calls %v", appends, count)
	}
	if count["publish"] != appends || count["xadd"] != appends {
		t.Errorf("%d appends published %d times and added %d stream entries", appends, count["publish"], count["xadd"])
	}
}

func TestClusterKeysShareASlot(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	log := open(t, redislog.Options{URL: c.URL()})
	slots := make(map[string]map[string]bool)
	for i := range 30 {
		if res, err := log.Append(t.Context(), fmt.Sprint("session-", i), full(1)); err != nil || res.Outcome != fanout.Took {
			t.Fatalf("append: %+v, %v", res, err)
		}
	}
	used := 0
	for _, node := range c.Nodes {
		keys := strings.Fields(do(t, node, "KEYS", "*"))
		for _, key := range keys {
			session := regexp.MustCompile(`\{.*\}`).FindString(key)
			if slots[session] == nil {
				slots[session] = make(map[string]bool)
			}
			slots[session][do(t, node, "CLUSTER", "KEYSLOT", key)] = true
		}
		if len(keys) > 0 {
			used++
		}
	}
	if len(slots) != 30 || used != 3 {
		t.Errorf("30 sessions are %d, on %d nodes of 3", len(slots), used)
	}
	for session, in := range slots {
		if len(in) != 1 {
			t.Errorf("the keys of %s are in the slots %v", session, in)
		}
	}
}

func TestThousandsOfSessionsOnOneConnection(t *testing.T) {
	t.Parallel()
	const sessions = 3000
	s := redistest.Start(t)
	log, recorder := listening(t, redislog.Options{URL: s.URL()})
	other := open(t, redislog.Options{URL: s.URL()})
	id := func(i int) string { return fmt.Sprint("session-", i) }
	for i := range sessions {
		if err := log.Subscribe(t.Context(), id(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantPubSub := func(channels int) {
		t.Helper()
		logtest.Eventually(t, fmt.Sprintf("one connection has %d channels", channels), func() bool {
			clients := strings.TrimSpace(do(t, s, "CLIENT", "LIST", "TYPE", "pubsub"))
			return strings.Count(clients, "\n") == 0 && strings.Contains(clients, fmt.Sprintf(" sub=%d ", channels))
		})
	}
	wantPubSub(sessions)
	for i := range sessions {
		appendEvent(t, other, id(i), id(i))
	}
	for i := range sessions {
		if got := recorder.AwaitBatches(t, id(i), 1)[0]; !strings.HasSuffix(string(got.Records), id(i)) {
			t.Fatalf("session %d was delivered %q", i, got.Records)
		}
	}
	for i := range sessions - 1 {
		log.Unsubscribe(id(i))
	}
	wantPubSub(1)
}
