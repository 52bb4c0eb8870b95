package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// outputBuffer is what Redis lets wait for a subscriber in a run: much less than by
// default, so that one that takes nothing is cut off within seconds.
const outputBuffer = "pubsub 1mb 512kb 10"

// overflowPatience is how long an overflow may take: Redis may be away meanwhile,
// or the replica have no subscription.
const overflowPatience = time.Minute

// mute holds back a replica's subscription while f runs. It reports false if there
// was none to hold within patience.
func (s *storm) mute(ctx context.Context, r *replica, patience time.Duration, f func()) bool {
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for asked.Err() == nil {
		for _, addr := range s.subscribers() {
			if unmute, ok := r.store.mute(addr); ok {
				f()
				unmute()
				return true
			}
		}
		sleep(asked, 100*time.Millisecond) // the replica is just connecting, or Redis is away
	}
	return false
}

// subscribers are the addresses from which Redis has subscriptions.
func (s *storm) subscribers() (addrs []string) {
	if !s.redisUp.Load() {
		return nil
	}
	list, err := s.cluster.redis.Do("CLIENT", "LIST", "TYPE", "pubsub")
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(list) {
		if addr, ok := strings.CutPrefix(field, "addr="); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// overflow has a replica take nothing over its subscription, while members say
// large things, until Redis cuts it off. What members say alone may be too little
// for that, so the run adds to it what gateways pass over.
func (s *storm) overflow(ctx context.Context, f Fault, r *replica) error {
	s.large.Add(1)
	defer s.large.Add(-1)
	asked, cancel := context.WithTimeout(ctx, overflowPatience)
	defer cancel()
	least := time.Now().Add(f.Lasts)
	before := s.overflows()
	for s.overflows() == before && asked.Err() == nil {
		s.mute(asked, r, overflowPatience, func() { s.flood(asked, before) })
	}
	sleep(ctx, time.Until(least))
	if asked.Err() != nil && ctx.Err() == nil {
		return errors.New("a Redis has not cut off a subscriber that takes nothing")
	}
	return nil
}

// flood publishes until a subscriber is cut off, for a few seconds at most: the
// replica may have got itself another one meanwhile.
func (s *storm) flood(ctx context.Context, before int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	junk := strings.Repeat("not of a gateway ", 4<<10)
	for n := 0; s.overflows() == before && ctx.Err() == nil; n++ {
		if s.redisUp.Load() {
			channel := "plenum:{" + s.sessions[n%len(s.sessions)].id + "}:live"
			_, _ = s.cluster.redis.Do("PUBLISH", channel, junk) // Redis may just go away
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// overflows counts the subscribers that Redis has cut off because too much waited
// for them.
func (s *storm) overflows() int {
	log, err := os.ReadFile(filepath.Join(s.cluster.dir, "redis", "redis.log"))
	if err != nil {
		return 0
	}
	return strings.Count(string(log), "overcoming of output buffer limits")
}
