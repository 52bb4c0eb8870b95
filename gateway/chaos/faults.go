package chaos

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// storm runs the schedule.
type storm struct {
	*run
	faults sync.WaitGroup
	taken  map[[2]int]*sync.Mutex // of each place, by its number
}

func newStorm(r *run) *storm {
	s := &storm{run: r, taken: make(map[[2]int]*sync.Mutex)}
	for p := range atMembers {
		for i := range r.o.Replicas {
			s.taken[[2]int{int(p), i}] = new(sync.Mutex)
		}
	}
	return s
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
			if place := s.taken[[2]int{int(f.place), f.Replica}]; place != nil {
				place.Lock()
				defer place.Unlock()
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
		s.mute(ctx, r, f.Lasts, func() { sleep(ctx, f.Lasts) })
	case Overflow:
		return s.overflow(ctx, f, r)
	case Reload:
		s.cluster.nginx.process.signal(syscall.SIGHUP)
	case SubscriptionsKill, ClientsKill, RedisKill, RedisPause:
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

func (s *storm) strikeRedis(ctx context.Context, f Fault) error {
	redis := s.cluster.redis
	switch f.Kind {
	case SubscriptionsKill:
		_, err := redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
		return err
	case ClientsKill:
		_, err := redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		return err
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
