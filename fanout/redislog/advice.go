package redislog

import (
	"context"
	"strconv"
	"strings"
)

// Advice returns what is dangerous about the settings of the Redis in use: one
// sentence each, that says why and what would be right. A Redis that does not
// show its settings gets none.
func (l *Log) Advice(ctx context.Context) (advice []string) {
	for _, node := range l.client.Nodes() {
		settings, err := node.Do(ctx, node.B().ConfigGet().Parameter("appendonly", "appendfsync", "maxmemory",
			"maxmemory-policy", "min-replicas-to-write", "client-output-buffer-limit").Build()).AsStrMap()
		if err != nil || len(settings) == 0 {
			continue
		}
		info, _ := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
		advice = append(advice, judge(settings, info)...)
		break // the nodes of one installation are set up alike
	}
	return advice
}

// judge looks at the settings and the replication of one node.
func judge(settings map[string]string, replication string) (advice []string) {
	if settings["appendonly"] != "yes" {
		advice = append(advice, "appendonly is no: a restart of Redis loses every session; set appendonly yes")
	} else if settings["appendfsync"] == "no" {
		advice = append(advice, "appendfsync is no: a crash of the machine loses what the system had not written, often 30 s; set everysec or always")
	}
	if policy := settings["maxmemory-policy"]; settings["maxmemory"] != "0" && policy != "noeviction" {
		advice = append(advice, "maxmemory-policy is "+policy+": under memory pressure Redis drops parts of sessions; set noeviction and watch the memory")
	}
	if strings.Contains(replication, "connected_slaves:") && !strings.Contains(replication, "connected_slaves:0") &&
		settings["min-replicas-to-write"] == "0" {
		advice = append(advice, "min-replicas-to-write is 0 although there are replicas: a primary that is cut off goes on taking events that a failover then loses; set it to 1")
	}
	if hard := pubsubLimit(settings["client-output-buffer-limit"]); hard > 0 && hard < 8<<20 {
		advice = append(advice, "client-output-buffer-limit for pubsub is "+strconv.Itoa(hard)+" bytes: a burst cuts the gateway's subscription, again and again; set at least 32mb 8mb 60")
	}
	return advice
}

// pubsubLimit returns the hard limit of the class pubsub, in bytes; 0 is none.
func pubsubLimit(limits string) int {
	words := strings.Fields(limits)
	for i := 0; i+3 < len(words); i += 4 {
		if words[i] == "pubsub" {
			n, _ := strconv.Atoi(words[i+1])
			return n
		}
	}
	return 0
}
