package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// op is one line of a script: something that a client did or was told.
type op struct {
	kind   opKind
	at     time.Duration
	client int

	ref     uint64 // sent, settled
	name    string // sent
	data    []byte // sent
	outcome Outcome
	offset  uint64 // settled, begin, end
	epoch   string // begin, end
	event   Event
	welcome Welcome
	snap    Snapshot
}

type opKind int

const (
	opSent opKind = iota
	opSettled
	opBegin
	opWelcome
	opSnapshot
	opSaw
	opGone
	opEnd
)

// script is a history that can be changed before it is recorded.
type script struct {
	document []byte // nil: none
	oneEpoch bool
	ops      []op
}

// judge records the script and judges it.
func (s *script) judge() Verdict {
	var now time.Duration
	h := New(func() time.Duration { return now })
	session := h.Session("s", Expected{Document: s.document, OneEpoch: s.oneEpoch})
	clients := make(map[int]*Client)
	for _, o := range s.ops {
		now = o.at
		c := clients[o.client]
		if c == nil && o.kind != opEnd {
			c = session.Client("client-"+strconv.Itoa(o.client), clientID(o.client))
			clients[o.client] = c
		}
		switch o.kind {
		case opSent:
			c.Sent(now, o.ref, o.name, o.data)
		case opSettled:
			c.Settled(o.ref, o.outcome, o.offset)
		case opBegin:
			c.Begin(o.epoch, o.offset)
		case opWelcome:
			c.Welcomed(o.welcome)
		case opSnapshot:
			c.Replaced(o.snap)
		case opSaw:
			c.Saw(o.event)
		case opGone:
			c.Gone("restarted")
		case opEnd:
			session.End(o.epoch, o.offset)
		}
	}
	return h.Judge()
}

func clientID(i int) string { return "id-" + strconv.Itoa(i) }

// model is a gateway that keeps its promises, and the clients that use it. Each
// step of it adds to the script.
type model struct {
	*rand.Rand
	script script

	epoch    int
	log      []Event // of this epoch, from base+1
	base     uint64
	members  map[string]person
	document map[string]any
	taken    map[string]uint64 // by client: the highest ref
	clients  []*modelClient
}

type modelClient struct {
	number    int
	member    string
	connected bool
	known     bool
	epoch     int
	at        uint64
	last      uint64
	waiting   []*modelRequest // not settled, by rising ref
	sent      int             // of waiting, so many are on their way over this connection
	gone      bool
}

type modelRequest struct {
	ref  uint64
	name string
	data []byte
}

// valid returns the script of a run in which every promise is kept.
func valid(seed uint64) script {
	m := &model{Rand: rand.New(rand.NewPCG(seed, 0)), members: make(map[string]person), taken: make(map[string]uint64)}
	m.script.oneEpoch = m.IntN(3) > 0
	if m.IntN(2) == 0 {
		m.script.document = []byte(`{"title":"t"}`)
		m.document = map[string]any{"title": "t"}
	}
	for range 2 + m.IntN(4) {
		m.start("m" + strconv.Itoa(len(m.clients)))
	}
	for range 200 + m.IntN(200) {
		m.step(m.clients[m.IntN(len(m.clients))])
	}
	m.finish()
	return m.script
}

// say adds a line to the script; time goes on a little.
func (m *model) say(c *modelClient, o op) {
	at := time.Millisecond
	if n := len(m.script.ops); n > 0 {
		at = m.script.ops[n-1].at + time.Duration(1+m.IntN(30))*tickLength
	}
	o.at = at
	if c != nil {
		o.client = c.number
	}
	m.script.ops = append(m.script.ops, o)
}

func (m *model) start(member string) *modelClient {
	c := &modelClient{number: len(m.clients), member: member}
	m.clients = append(m.clients, c)
	return c
}

func (m *model) step(c *modelClient) {
	switch n := m.IntN(100); {
	case c.gone:
	case !c.connected:
		if n < 40 {
			m.connect(c)
		} else if n < 60 {
			m.send(c)
		}
	case n < 30:
		m.send(c)
	case n < 55:
		m.take(c)
	case n < 92:
		m.see(c, 1+m.IntN(5))
	case n < 97:
		m.drop(c)
	case n < 98:
		m.restart(c)
	case !m.script.oneEpoch && n == 99:
		m.reset()
	default:
		m.state(c, "lagged")
	}
}

func (m *model) head() uint64 { return m.base + uint64(len(m.log)) }

func (m *model) epochName() string { return "e" + strconv.Itoa(m.epoch) }

// happen adds an event to the log.
func (m *model) happen(e Event) {
	e.Offset, e.At = m.head()+1, int64(len(m.script.ops))
	m.log = append(m.log, e)
}

func (m *model) memberEvent(name, member string, p person) {
	data := map[string]string{"member": member}
	if p.Name != "" {
		data["name"] = p.Name
	}
	if p.Status != "" {
		data["status"] = p.Status
	}
	b, _ := json.Marshal(data)
	m.happen(Event{Name: name, Data: b})
}

func (m *model) send(c *modelClient) {
	c.last++
	r := &modelRequest{ref: c.last, name: "note", data: fmt.Appendf(nil, `"text %d of %d"`, c.last, c.number)}
	if m.document != nil && m.IntN(2) == 0 {
		r.name = "document.patched"
		r.data = fmt.Appendf(nil, `{"k%d":%d,"k%d":null,"deep":{"n%d":{"v":%d}}}`, m.IntN(5), c.last, m.IntN(5), m.IntN(3), c.last)
	}
	c.waiting = append(c.waiting, r)
	m.say(c, op{kind: opSent, ref: r.ref, name: r.name, data: r.data})
	if c.connected {
		c.sent = len(c.waiting)
	}
}

// take has the gateway take, or refuse, the next request on its way.
func (m *model) take(c *modelClient) {
	id := clientID(c.number)
	for i, r := range c.waiting[:c.sent] {
		switch {
		case r.ref <= m.taken[id]:
			continue
		case m.IntN(8) == 0:
			c.waiting = slices.Delete(c.waiting, i, i+1)
			c.sent--
			m.say(c, op{kind: opSettled, ref: r.ref, outcome: Refused})
		default:
			m.effect(c, r)
		}
		return
	}
}

func (m *model) effect(c *modelClient, r *modelRequest) {
	id := clientID(c.number)
	m.taken[id] = r.ref
	if r.name == "document.patched" {
		patch, _ := decode(r.data)
		m.document = merge(m.document, patch).(map[string]any)
	}
	m.happen(Event{Name: r.name, From: c.member, Client: id, Ref: r.ref, Data: r.data})
}

// see shows a client the next events.
func (m *model) see(c *modelClient, n int) {
	for ; n > 0 && c.at < m.head(); n-- {
		e := m.log[c.at-m.base]
		c.at++
		m.say(c, op{kind: opSaw, event: e})
		if e.Client != clientID(c.number) {
			continue
		}
		for i, r := range c.waiting {
			if r.ref == e.Ref {
				c.waiting = slices.Delete(c.waiting, i, i+1)
				c.sent = max(0, c.sent-1)
				m.say(c, op{kind: opSettled, ref: r.ref, outcome: Acked, offset: e.Offset})
				break
			}
		}
	}
}

func (m *model) drop(c *modelClient) {
	for m.IntN(3) > 0 && c.sent > 0 { // some requests arrive, and their answers are lost
		before := len(m.log)
		if m.take(c); len(m.log) == before {
			break
		}
	}
	c.connected, c.sent = false, 0
	if p, ok := m.members[c.member]; ok && p.Status == "online" && m.IntN(2) == 0 {
		m.members[c.member] = person{Name: p.Name, Status: "reconnecting"}
		m.memberEvent("member.changed", c.member, person{Status: "reconnecting"})
	}
}

func (m *model) connect(c *modelClient) {
	switch p, ok := m.members[c.member]; {
	case !ok:
		m.members[c.member] = person{Name: c.member, Status: "online"}
		m.memberEvent("member.joined", c.member, m.members[c.member])
	case p.Status != "online":
		m.members[c.member] = person{Name: c.member, Status: "online"}
		m.memberEvent("member.changed", c.member, person{Status: "online"})
	}
	acked := m.taken[clientID(c.number)]
	resumed := c.known && c.epoch == m.epoch && m.IntN(5) > 0
	w := Welcome{Replica: "r", Member: c.member, Epoch: m.epochName(), Offset: m.head(), Acked: acked, Resumed: resumed}
	if resumed {
		w.Offset = c.at
	}
	m.say(c, op{kind: opWelcome, welcome: w})
	c.connected = true
	if !resumed {
		m.state(c, "snapshot")
		m.giveUp(c, acked)
	}
	c.sent = len(c.waiting)
}

// state gives a client the state in place of events.
func (m *model) state(c *modelClient, reason string) {
	type listed struct {
		Member string `json:"member"`
		person
	}
	list := []listed{}
	for _, id := range slices.Sorted(maps.Keys(m.members)) {
		list = append(list, listed{id, m.members[id]})
	}
	members, _ := json.Marshal(list)
	document, _ := json.Marshal(m.document)
	m.say(c, op{kind: opSnapshot, snap: Snapshot{Epoch: m.epochName(), Offset: m.head(), Reason: reason, Members: members, State: document}})
	c.known, c.epoch, c.at = true, m.epoch, m.head()
	if reason == "lagged" {
		m.giveUp(c, m.taken[clientID(c.number)])
	}
}

// giveUp settles requests whose events were skipped.
func (m *model) giveUp(c *modelClient, acked uint64) {
	for len(c.waiting) > 0 && c.waiting[0].ref <= acked {
		r := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.sent = max(0, c.sent-1)
		if m.IntN(2) == 0 {
			m.say(c, op{kind: opSettled, ref: r.ref, outcome: Unknown})
		} else {
			m.say(c, op{kind: opSettled, ref: r.ref, outcome: Acked, offset: m.head()})
		}
	}
}

// restart ends a client; its member goes on with another one.
func (m *model) restart(c *modelClient) {
	m.drop(c)
	for _, r := range c.waiting {
		m.say(c, op{kind: opSettled, ref: r.ref, outcome: Unknown})
	}
	c.gone, c.waiting = true, nil
	m.say(c, op{kind: opGone})
	next := m.start(c.member)
	if c.known && m.IntN(2) == 0 {
		next.known, next.epoch, next.at = true, c.epoch, c.at
		m.say(next, op{kind: opBegin, epoch: "e" + strconv.Itoa(c.epoch), offset: c.at})
	}
}

// reset loses the end of the log, and with it what was acknowledged last.
func (m *model) reset() {
	if len(m.log) == 0 {
		return
	}
	m.epoch++
	m.base, m.log = m.head()-uint64(m.IntN(min(len(m.log), 3))), nil
	for _, c := range m.clients {
		if c.connected {
			m.state(c, "reset")
			m.giveUp(c, m.taken[clientID(c.number)])
		}
	}
}

// finish lets everybody come to the end.
func (m *model) finish() {
	for _, c := range m.clients {
		if !c.gone && !c.connected {
			m.connect(c)
		}
	}
	for _, c := range m.clients {
		for range 1000 {
			if len(c.waiting) == 0 || c.waiting[len(c.waiting)-1].ref <= m.taken[clientID(c.number)] {
				break
			}
			c.sent = len(c.waiting)
			m.take(c)
		}
	}
	for _, c := range m.clients {
		if !c.gone {
			m.see(c, 1<<30)
			m.giveUp(c, m.taken[clientID(c.number)])
		}
	}
	m.say(nil, op{kind: opEnd, epoch: m.epochName(), offset: m.head()})
}
