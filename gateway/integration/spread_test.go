package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

const (
	spreadSessions = 60
	spreadMembers  = 12 // in each session
	spreadEvents   = 5  // of one member in each session
)

// BenchmarkSpread measures what a consistent hash on the session saves: to how
// many replicas Redis delivers an event, how many bytes it sends for it, and how
// uneven the replicas become. Run it with -benchtime 1x.
func BenchmarkSpread(b *testing.B) {
	for _, n := range []int{3, 6} {
		for _, balance := range []string{"least_conn", "hash"} {
			b.Run(fmt.Sprintf("replicas=%d/%s", n, balance), func(b *testing.B) {
				for range b.N {
					spread(b, n, balance)
				}
			})
		}
	}
}

func spread(b *testing.B, n int, balance string) {
	redis := redistest.Start(b)
	var all []*gateway
	for i := range n {
		all = append(all, startGateway(b, "PLENUM_REDIS_URL="+redis.URL(), fmt.Sprintf("PLENUM_REPLICA=replica-%d", i)))
	}
	setup := nginxSetup{replicas: addresses(all)}
	if balance == "hash" {
		setup.changes = map[string]string{"\n    least_conn;": "\n    include hash.conf;"}
	}
	proxy := runNginx(b, setup)
	var members []*member
	var speakers []*member
	for i := range spreadSessions {
		group := everyone(b, spreadMembers, fmt.Sprintf("spread-%d", i), []string{proxy.URL()})
		members, speakers = append(members, group...), append(speakers, group[0])
	}
	for i := range speakers {
		allCaughtUp(b, members[i*spreadMembers:(i+1)*spreadMembers]) // the joins are over
	}
	before := redisStat(b, redis, "total_net_output_bytes")
	allTalk(b, speakers, spreadEvents, 50*time.Millisecond)
	sent := redisStat(b, redis, "total_net_output_bytes") - before
	fullest := 0
	for _, count := range served(members) {
		fullest = max(fullest, count)
	}
	b.ReportMetric(subscribers(b, redis), "replicas/event")
	b.ReportMetric(float64(sent)/(spreadSessions*spreadEvents), "redis-B/event")
	b.ReportMetric(float64(fullest*n)/float64(len(members)), "fullest/mean")
	b.ReportMetric(0, "ns/op")
}

// subscribers is to how many replicas an event goes, on average.
func subscribers(b *testing.B, redis *redistest.Server) float64 {
	b.Helper()
	command := []string{"PUBSUB", "NUMSUB"}
	for i := range spreadSessions {
		command = append(command, fmt.Sprintf("plenum:{spread-%d}:live", i))
	}
	answer, err := redis.Do(command...)
	if err != nil {
		b.Fatal(err)
	}
	sum := 0
	for i, line := range strings.Split(answer, "\n") {
		if i%2 == 1 {
			n, err := strconv.Atoi(line)
			if err != nil || n == 0 {
				b.Fatalf("a session has %q replicas: %v", line, err)
			}
			sum += n
		}
	}
	return float64(sum) / spreadSessions
}

// redisStat reads one of the figures of INFO.
func redisStat(b *testing.B, redis *redistest.Server, name string) int {
	b.Helper()
	info, err := redis.Do("INFO", "stats")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(value)
	if err != nil {
		b.Fatalf("INFO has no %s: %v", name, err)
	}
	return n
}
