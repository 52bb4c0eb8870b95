package chaos

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// storm runs the schedule.
type storm struct {
	*run
	faults sync.WaitGroup
	taken  [atMembers + 1][replicaCount]sync.Mutex // of each place
}

// blow strikes each fault at its time, and returns when the last one is over, or
// ctx and all that was under way are.
func (s *storm) blow(ctx context.Context, plan []Fault) {
	defer s.faults.Wait()
	began := time.Now()
	for i := range plan {
		f := plan[i]
		if !sleep(ctx, f.At-time.Since(began)) {
			return
		}
		s.faults.Go(func() {
			if f.place != atMembers {
				s.taken[f.place][f.Replica].Lock()
				defer s.taken[f.place][f.Replica].Unlock()
			}
			s.say("%6.1fs  %v", time.Since(began).Seconds(), f)
			s.count(f)
			if err := s.strike(ctx, f); err != nil {
				s.problem("%v: %v", f, err)
			}
		})
	}
}

// strike does one fault, from its beginning to its end. When ctx ends it ends
// early, and is undone as always.
func (s *storm) strike(ctx context.Context, f Fault) error {
	r := s.cluster.replicas[f.Replica]
	switch f.Kind {
	case ReplicaKill, ReplicaPause, ReplicaDrain:
		return s.strikeReplica(ctx, f, r)
	case StoreCut, FrontCut, StoreReset, FrontReset, StoreStall, FrontStall:
		l := r.store
		if f.place == atFront {
			l = r.front
		}
		strikeLink(ctx, f, l)
	case StoreMute:
		return s.mute(ctx, f, r)
	case Reload:
		s.cluster.nginx.process.signal(syscall.SIGHUP)
	case SubscriptionsKill, ClientsKill, Overflow, RedisKill, RedisPause:
		return s.strikeRedis(ctx, f)
	default:
		s.strikeMembers(ctx, f)
	}
	return nil
}

func (s *storm) strikeReplica(ctx context.Context, f Fault, r *replica) error {
	switch f.Kind {
	case ReplicaPause:
		p := r.current()
		p.signal(syscall.SIGSTOP)
		sleep(ctx, f.Lasts)
		p.signal(syscall.SIGCONT)
		return nil
	case ReplicaKill:
		_ = r.end(syscall.SIGKILL, time.Minute)
	case ReplicaDrain:
		serves := r.serves()
		if err := r.end(syscall.SIGTERM, drainPatience); err != nil && serves {
			s.problem("a drain did not end well: %v; its log ends with:\n%s", err, tail(r.log))
		}
	}
	sleep(ctx, f.Lasts)
	return r.start()
}

func strikeLink(ctx context.Context, f Fault, l *link) {
	switch f.Kind {
	case StoreCut, FrontCut:
		l.refuse(true)
		l.cutAll(false)
		sleep(ctx, f.Lasts)
		l.refuse(false)
	case StoreReset, FrontReset:
		l.cutAll(true)
	case StoreStall, FrontStall:
		l.flow.close()
		sleep(ctx, f.Lasts)
		l.flow.open()
	}
}

// mute holds back a replica's subscription.
func (s *storm) mute(ctx context.Context, f Fault, r *replica) error {
	asked, cancel := context.WithTimeout(ctx, f.Lasts)
	defer cancel()
	for asked.Err() == nil {
		for _, addr := range s.subscribers() {
			if unmute, ok := r.store.mute(addr); ok {
				sleep(ctx, f.Lasts)
				unmute()
				return nil
			}
		}
		sleep(asked, 100*time.Millisecond) // the replica is just connecting, or Redis is away
	}
	return nil
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

func (s *storm) strikeRedis(ctx context.Context, f Fault) error {
	redis := s.cluster.redis
	switch f.Kind {
	case SubscriptionsKill:
		_, err := redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
		return err
	case ClientsKill:
		_, err := redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		return err
	case Overflow:
		return s.overflow(ctx, f)
	case RedisPause:
		s.redisUp.Store(false)
		redis.Pause()
		sleep(ctx, f.Lasts)
		redis.Resume()
		s.redisUp.Store(true)
		return nil
	}
	s.redisUp.Store(false)
	redis.Kill()
	sleep(ctx, f.Lasts)
	err := redis.Restart()
	s.redisUp.Store(true)
	return err
}

// limits of the output buffer of a subscriber: so small that a large event does
// not fit, and what Redis has by default.
const (
	tinyBuffer   = "pubsub 4096 4096 1"
	normalBuffer = "pubsub 33554432 8388608 60"
)

func (s *storm) overflow(ctx context.Context, f Fault) error {
	if _, err := s.cluster.redis.Do("CONFIG", "SET", "client-output-buffer-limit", tinyBuffer); err != nil {
		return err
	}
	s.large.Add(1)
	sleep(ctx, f.Lasts)
	s.large.Add(-1)
	_, err := s.cluster.redis.Do("CONFIG", "SET", "client-output-buffer-limit", normalBuffer)
	return err
}

// overflows counts the subscribers that Redis cut off for that.
func (s *storm) overflows() int {
	log, err := os.ReadFile(filepath.Join(s.cluster.dir, "redis", "redis.log"))
	if err != nil {
		return 0
	}
	return strings.Count(string(log), "overcoming of output buffer limits")
}

func (s *storm) strikeMembers(ctx context.Context, f Fault) {
	struck := make([]*member, 0, len(f.Members))
	for _, i := range f.Members {
		struck = append(struck, s.members[i])
	}
	for _, m := range struck {
		m.strike(f.Kind)
	}
	if f.Kind == MemberSleep || f.Kind == MemberDeaf {
		sleep(ctx, f.Lasts)
		for _, m := range struck {
			m.sockets.wake()
		}
	}
}

// sleep waits. It reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
