package session

import (
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Census is how many there are right now. Each session is counted by one replica
// only: of those that its connections are on, the one with the first name; so the
// figures of all replicas add up. After a replica has come or gone it takes them
// up to 10 s to agree on who counts.
type Census struct {
	Sessions int64 // with at least one connection
	Online   int64 // members of those
	Away     int64 // reconnecting
	Offline  int64 // with a seat
	Pools    int64 // sessions that have something here, whoever counts them
}

// Census counts the sessions that this replica has.
func (s *Service) Census() (c Census) {
	for _, p := range s.hub.Pools() {
		c.Pools++
		n := p.Owner().(*room).heads.Load()
		if n == nil || n.first != s.incarnation {
			continue
		}
		c.Sessions++
		c.Online += int64(n.online)
		c.Away += int64(n.away)
		c.Offline += int64(n.offline)
	}
	return c
}

// headcount is who was in a session when its roster changed last.
type headcount struct {
	online, away, offline int32
	first                 string // of the incarnations of replicas with connections
}

// count tells the room of the members, if they have changed.
func (r *roster) count() {
	if r.counted || r.heads == nil {
		return
	}
	r.counted = true
	var n headcount
	for _, m := range r.members {
		switch m.Status {
		case wire.StatusOnline:
			n.online++
		case wire.StatusReconnecting:
			n.away++
		default:
			n.offline++
		}
		for _, c := range m.Conns {
			if n.first == "" || c.Replica < n.first {
				n.first = c.Replica
			}
		}
	}
	r.heads.Store(&n)
}

// Incarnation names this process in rosters and leases; a restart is another one.
func (s *Service) Incarnation() string { return s.incarnation }
