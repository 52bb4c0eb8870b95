package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Events about members.
const (
	eventJoined  = "member.joined"
	eventChanged = "member.changed"
	eventLeft    = "member.left"

	reasonLeft    = "left"
	reasonRemoved = "removed"
	reasonExpired = "expired" // gone for too long, or for longer than too many others
)

type changedData struct {
	Member string `json:"member"`
	Name   string `json:"name,omitempty"`
	Status string `json:"status,omitempty"`
}

type leftData struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
}

func appendEvent(c *fanout.Change, body []byte) {
	c.Events++
	c.Records = fanout.AppendEvent(c.Records, body)
}

func appendNote(c *fanout.Change, n note) {
	c.Passing = fanout.AppendNote(c.Passing, encode(n))
}

// seatNew decides a join without a seat.
func (r *roster) seatNew(p *Participant, j kind.Join, o *Options, now time.Time) (c fanout.Change, err error) {
	if r.byID(p.member) != nil {
		return c, nil // decided before, and only the answer was lost
	}
	state := r.state
	if !r.exists {
		if !o.CreateOnJoin {
			return c, &wire.Error{Code: wire.CodeNoSession, Close: wire.CloseNoSession, Message: "there is no such session"}
		}
		if state, err = r.kinds[o.DefaultKind].New(nil); err != nil {
			return c, err
		}
	}
	if r.taken() >= o.Capacity {
		return c, full(o)
	}
	admitted, err := admit(state, j, r.people(), now)
	if err != nil {
		return c, err
	}
	if !r.exists {
		r.begin(o.DefaultKind, state, now)
	}
	c = r.expire(now)
	r.forget(&c, o, now)
	r.keep(&c, admitted)
	m := &member{ID: p.member, Name: p.name, Seat: p.seat, Status: wire.StatusOnline,
		Joined: now.UnixMilli(), Conns: []connRef{p.ref()}}
	if r.info.Owner == "" {
		r.info.Owner = m.ID
		r.set(fieldInfo, encode(r.info))
	}
	r.add(m)
	appendEvent(&c, body(eventJoined, "", r.shown(m), now))
	r.tell(&c, admitted, speaker{}, now)
	r.overdue(&c, now)
	r.moved(&c, now)
	return c, nil
}

func full(o *Options) *wire.Error {
	return &wire.Error{Code: wire.CodeSessionFull, Close: wire.CloseSessionFull,
		Message: "the session is full: it has " + itoa(o.Capacity) + " connections"}
}

// connect decides the return of a seat. One who holds a place is never refused:
// a half-open phone must not lock its owner out. In a full session the new
// connection takes the place of the member's oldest.
func (r *roster) connect(p *Participant, o *Options, now time.Time) (c fanout.Change, err error) {
	m := r.bySeat(p.seat)
	if m == nil {
		return c, errSeatUnknown
	}
	if slices.ContainsFunc(m.Conns, func(ref connRef) bool { return ref == p.ref() }) {
		return c, nil // decided before, and only the answer was lost
	}
	same := slices.IndexFunc(m.Conns, func(ref connRef) bool { return ref.Client == p.client })
	if same >= 0 && m.Conns[same].At > p.at {
		return c, errOvertaken
	}
	if same < 0 && r.taken() >= o.Capacity {
		switch {
		case len(m.Conns) > 0:
			same = 0
		case m.Status != wire.StatusReconnecting:
			return c, full(o)
		}
	}
	c = r.expire(now)
	if same >= 0 {
		replaced := m.Conns[same]
		m.Conns = slices.Delete(m.Conns, same, same+1)
		appendNote(&c, note{Replaced: &replaced})
	}
	m.drop(p.replaces)
	m.Conns = append(m.Conns, p.ref())
	r.rename(&c, m, p, now)
	if m.Status != wire.StatusOnline {
		m.Status, m.Until, m.Gone = wire.StatusOnline, 0, 0
		appendEvent(&c, body(eventChanged, "", changedData{Member: m.ID, Status: m.Status}, now))
	}
	r.save(m)
	r.overdue(&c, now)
	r.moved(&c, now)
	return c, nil
}

// admits reports whether a returning seat has a place, or gets one. Then it is
// welcomed before the roster notes the connection, which saves a round trip.
func (r *roster) admits(m *member, capacity int) bool {
	return m.places() > 0 || r.taken() < capacity
}

// disconnect decides that a connection is gone.
func (r *roster) disconnect(p *Participant, grace time.Duration, now time.Time) (c fanout.Change) {
	m := r.byID(p.member)
	if m == nil {
		return c
	}
	if !m.drop(append([]connRef{p.ref()}, p.replaces...)) {
		return c // replaced meanwhile
	}
	if len(m.Conns) == 0 {
		m.Status, m.Until = wire.StatusReconnecting, now.Add(grace).UnixMilli()
		appendEvent(&c, body(eventChanged, "", changedData{Member: m.ID, Status: m.Status}, now))
		appendNote(&c, note{Check: m.Until})
	}
	r.save(m)
	r.moved(&c, now)
	return c
}

// expire decides that members whose grace is over are offline.
func (r *roster) expire(now time.Time) (c fanout.Change) {
	for _, m := range r.members {
		if m.expired(now) {
			m.Status, m.Until, m.Gone = wire.StatusOffline, 0, now.UnixMilli()
			r.save(m)
			appendEvent(&c, body(eventChanged, "", changedData{Member: m.ID, Status: m.Status}, now))
		}
	}
	return c
}

// forget takes the seats of members who have been offline for too long, and, if
// more than a number are offline, of those who have been so for longest: else the
// roster, and with it every welcome, would grow with everybody who ever came. The
// owner's stays longer, because nobody takes the owner's place.
func (r *roster) forget(c *fanout.Change, o *Options, now time.Time) {
	var offline []*member
	for _, m := range r.members {
		if m.Status == wire.StatusOffline {
			offline = append(offline, m)
		}
	}
	slices.SortFunc(offline, func(a, b *member) int { return cmp.Compare(a.Gone, b.Gone) })
	excess := len(offline) - o.Offline
	for _, m := range offline {
		old := o.SeatTTL > 0 && m.Gone > 0 && now.Sub(time.UnixMilli(m.Gone)) > o.SeatTTL
		tooMany := o.Offline > 0 && excess > 0 && m.ID != r.info.Owner
		if !old && !tooMany {
			continue
		}
		excess--
		r.remove(m)
		appendEvent(c, body(eventLeft, "", leftData{Member: m.ID, Reason: reasonExpired}, now))
	}
}

// nextExpiry is when the next grace is over, in milliseconds since 1970; 0 if
// nobody is waited for.
func (r *roster) nextExpiry() (next int64) {
	for _, m := range r.members {
		if m.Status == wire.StatusReconnecting && (next == 0 || m.Until < next) {
			next = m.Until
		}
	}
	return next
}

// quit decides that a member gives up, or loses, the seat.
func (r *roster) quit(m *member, reason string, now time.Time) (c fanout.Change) {
	r.remove(m)
	appendEvent(&c, body(eventLeft, "", leftData{Member: m.ID, Reason: reason}, now))
	appendNote(&c, note{Gone: m.ID, Reason: reason})
	r.moved(&c, now)
	return c
}
