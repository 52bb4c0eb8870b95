package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// A replica that is gone shows after leaseTTL, at most one renewal, and a round:
// its members are reconnecting within 10 s. Not before 5 s, which clients take to
// come back elsewhere: those who do in time are never seen to be away.
const (
	leaseTTL   = 6 * time.Second
	leaseRenew = time.Second
	renewWait  = 2 * time.Second // for the store's answer
)

// Leases tell the replicas that are alive from those that are not. They cost
// the store work for each replica, not for each session or member.
type Leases interface {
	// Renew extends the lease of id and returns all that hold one. late tells
	// that the lease had ended before, or is new. A ttl of 0 gives it up.
	Renew(ctx context.Context, id string, ttl time.Duration) (alive []string, late bool, err error)
}

// Enlist takes the first lease. It comes before any Join, so that no replica
// sees a connection of one that it does not know.
func (s *Service) Enlist(ctx context.Context, leases Leases) error {
	_, _, err := leases.Renew(ctx, s.incarnation, leaseTTL)
	return err
}

// Watch keeps the lease, notices replicas that are gone, and sees to what they
// left, until ctx ends; then it gives the lease up.
func (s *Service) Watch(ctx context.Context, leases Leases, estate Estate) {
	w := watch{service: s, leases: leases, estate: estate, judge: time.Now().Add(leaseTTL), rounds: newRounds(s.hub)}
	w.gone.Store(true)
	w.rounds.after = func(v verdict) { w.inherit(ctx, v) }
	defer w.parts.Wait()
	w.parts.Go(func() { w.rounds.run(ctx) })
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.turn(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			leases.Renew(last, s.incarnation, 0) // if it fails the lease ends by itself
			return
		}
	}
}

// watch is the state of Service.Watch.
type watch struct {
	service *Service
	leases  Leases
	estate  Estate
	alive   map[string]bool
	judge   time.Time   // nobody is taken for dead before it
	gone    atomic.Bool // replicas may have left sessions behind that nobody has looked at
	turns   uint64      // how often the lease was renewed

	rounds     rounds
	inheriting atomic.Bool
	parts      sync.WaitGroup
}

// turn renews the lease, and has rooms reconciled: all of them after somebody
// died or we were thought dead, otherwise those whose state has changed since.
func (w *watch) turn(ctx context.Context) {
	s := w.service
	renewal, cancel := context.WithTimeout(ctx, renewWait)
	defer cancel()
	ids, late, err := w.leases.Renew(renewal, s.incarnation, leaseTTL)
	now := time.Now()
	if err != nil || late {
		// The store, or we, were away: give everybody the time to renew.
		w.judge = now.Add(leaseTTL)
	}
	if err != nil {
		return
	}
	alive, judging := make(map[string]bool, len(ids)), true
	for _, id := range ids {
		alive[id] = true
	}
	all := late
	for id := range w.alive {
		all = all || !alive[id]
	}
	if now.Before(w.judge) {
		// Somebody who seems dead may only be late: look again at the next turn.
		alive, judging = w.alive, false
	}
	w.alive = alive
	if all {
		w.gone.Store(true)
	}
	if judging {
		s.alive.Store(&alive)
	}
	w.turns++
	for _, p := range s.hub.Pools() {
		r := p.Owner().(*room)
		if all || r.misses() || w.mayCompare(p) && r.reconciled.Load() != p.Head().Rev {
			r.suspect.Store(true)
		}
	}
	w.rounds.begin(verdict{alive, judging}, all)
}

// everyone returns the participants that are here now.
func (r *room) everyone() []*Participant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Participant(nil), r.local...)
}

func (m *member) has(ref connRef) bool {
	for _, c := range m.Conns {
		if c == ref {
			return true
		}
	}
	return false
}

func (m *member) hasClient(client string) bool {
	for _, c := range m.Conns {
		if c.Client == client {
			return true
		}
	}
	return false
}

// hasDead reports whether there are connections of replicas that are not alive.
func (r *roster) hasDead(alive map[string]bool) bool {
	for _, m := range r.members {
		for _, c := range m.Conns {
			if !alive[c.Replica] {
				return true
			}
		}
	}
	return false
}

// bury takes out the connections of dead replicas. Whoever has no other is
// reconnecting. Several replicas may decide it; the log lets one.
func (r *roster) bury(alive map[string]bool, grace time.Duration, now time.Time) (c fanout.Change) {
	for _, m := range r.members {
		kept := m.Conns[:0:0]
		for _, ref := range m.Conns {
			if alive[ref.Replica] {
				kept = append(kept, ref)
			}
		}
		if len(kept) == len(m.Conns) {
			continue
		}
		m.Conns = kept
		if len(kept) == 0 {
			m.Status, m.Until = wire.StatusReconnecting, now.Add(grace).UnixMilli()
			appendEvent(&c, body(eventChanged, "", changedData{Member: m.ID, Status: m.Status}, now))
			appendNote(&c, note{Check: m.Until})
		}
		r.save(m)
	}
	r.moved(&c, now)
	return c
}
