// Package memlog is a session log in the memory of one process: the embedded
// default, which needs nothing installed. It keeps the same promises as a log
// in Redis, except that nothing survives the process.
package memlog

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sort"
	"sync"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

// Options of a log. The zero value of each means its default.
type Options struct {
	History int           // events kept of a session; 1000
	TTL     time.Duration // a session without appends, reads of its head, or subscribers is forgotten after it; 24 h
}

// Log implements fanout.Log. Its methods may be called concurrently.
type Log struct {
	options  Options
	receiver fanout.Receiver

	mu         sync.Mutex // guards the following
	sessions   map[string]*session
	subscribed map[string]bool
	ended      map[string]tombstone
	nextPurge  time.Time
}

// session is one session, or none as long as its epoch is empty.
type session struct {
	// hand is held while an append is taken and its batch handed over, so that
	// batches come in order. It is taken before Log.mu.
	hand sync.Mutex

	// Guarded by Log.mu.
	holders int // of hand, and those who wait for it; the entry stays for them
	content
}

// tombstone tells that a session was ended.
type tombstone struct {
	epoch string
	at    time.Time
}

// taken is which refs of a client took effect, what is kept with the highest,
// and which connection has claimed the client.
type taken struct {
	fanout.Taken
	fanout.Mark
	by string
}

// content is what is kept of a session.
type content struct {
	head   fanout.Head
	state  map[string]string
	events []fanout.Event
	refs   map[string]taken // by client
	older  map[string]taken // of clients that were not heard of since marked
	used   time.Time
	marked time.Time // once in a TTL what is older than the last mark goes
	mark   uint64    // the offset then
}

// New returns an empty log.
func New(o Options) *Log {
	if o.History <= 0 {
		o.History = 1000
	}
	if o.TTL <= 0 {
		o.TTL = 24 * time.Hour
	}
	return &Log{options: o, sessions: make(map[string]*session), subscribed: make(map[string]bool),
		ended: make(map[string]tombstone)}
}

// Listen implements fanout.Log.
func (l *Log) Listen(r fanout.Receiver) { l.receiver = r }

// Subscribe implements fanout.Log.
func (l *Log) Subscribe(_ context.Context, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribed[id] = true
	return nil
}

// Unsubscribe implements fanout.Log.
func (l *Log) Unsubscribe(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.subscribed, id)
}

// Append implements fanout.Log.
func (l *Log) Append(ctx context.Context, id string, a *fanout.Append) (fanout.Appended, error) {
	if err := ctx.Err(); err != nil {
		return fanout.Appended{}, fmt.Errorf("appending to %s: %w: %w", id, fanout.ErrUnavailable, err)
	}
	s := l.hold(id)
	s.hand.Lock()
	defer l.release(id, s)
	res, batch, publish := l.append(id, s, a)
	if publish {
		l.receiver.Deliver(id, batch)
	}
	return res, nil
}

// hold returns the session's entry, made if need be, and keeps it from being
// dropped until release.
func (l *Log) hold(id string) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.purgeLocked()
	s := l.findLocked(id)
	if s == nil {
		s = new(session)
		l.sessions[id] = s
	}
	s.holders++
	return s
}

func (l *Log) release(id string, s *session) {
	s.hand.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.holders--; s.holders == 0 && s.head.Epoch == "" {
		delete(l.sessions, id)
	}
}

// findLocked returns the session's entry if it has one. What has expired is gone.
func (l *Log) findLocked(id string) *session {
	s := l.sessions[id]
	if s != nil && !l.subscribed[id] && time.Since(s.used) > l.options.TTL {
		s.content = content{}
	}
	return s
}

func (l *Log) append(id string, s *session, a *fanout.Append) (res fanout.Appended, b fanout.Batch, publish bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.head.Epoch == "" && !a.Create {
		return fanout.Appended{Outcome: fanout.Missing, Ended: l.endedLocked(id)}, b, false
	}
	res.Head = s.head
	var refs map[string]taken
	if refs, res = s.check(res, a.Items); res.Repeats != nil {
		res.Outcome = fanout.Repeated
		return res, b, false
	}
	if a.If != nil && (a.If.Epoch != s.head.Epoch || a.If.Rev != s.head.Rev) {
		res.Outcome, res.State = fanout.Conflict, clone(s.state)
		return res, b, false
	}
	if a.At != nil && *a.At != s.head.Position {
		res.Outcome = fanout.Moved
		return res, b, false
	}
	before := s.head.Epoch
	reset := s.head.Epoch != "" && s.head.Epoch == a.Known.Epoch && s.head.Offset < a.Known.Offset
	if s.head.Epoch == "" || reset {
		s.head.Epoch = rand.Text()[:10]
	}
	first := s.head.Offset + 1
	records := l.takeLocked(s, a, refs)
	res.Head, b.Head, b.Records = s.head, s.head, records
	if s.head.Offset >= first {
		res.First, b.First = first, first
	}
	if a.End {
		s.content = content{}
		l.ended[id] = tombstone{cmp.Or(before, res.Epoch), time.Now()}
	}
	return res, b, (reset || len(records) > 0 || len(a.Set) > 0) && l.subscribed[id]
}

// endedLocked returns the epoch of the session of this id that was ended last.
func (l *Log) endedLocked(id string) string {
	if t := l.ended[id]; time.Since(t.at) <= l.options.TTL {
		return t.epoch
	}
	return ""
}

// taken is which refs of a client took effect.
func (c *content) taken(client string) taken {
	if t, ok := c.refs[client]; ok {
		return t
	}
	return c.older[client]
}

// check returns the refs as they are after the items, and notes in res which
// items cannot be taken.
func (c *content) check(res fanout.Appended, items []fanout.Item) (map[string]taken, fanout.Appended) {
	after := make(map[string]taken)
	for i, item := range items {
		if item.Ref == 0 && item.By == "" {
			continue
		}
		t, ok := after[item.Client]
		if !ok {
			t = c.taken(item.Client)
		}
		switch {
		case item.Ref == 0:
			t.by = item.By
			res.Claims = append(res.Claims, t.Taken)
			after[item.Client] = t
			continue
		case item.Ref <= t.Last:
			if !t.Has(item.Ref) {
				res.Skipped = append(res.Skipped, i)
			}
		case item.By != "" && t.by != "" && item.By != t.by:
			res.Claimed = append(res.Claimed, i)
		default:
			after[item.Client] = taken{Taken: t.Add(item.Ref), by: t.by}
			continue
		}
		res.Repeats, res.Marks = append(res.Repeats, i), append(res.Marks, t.Mark)
	}
	return after, res
}

// takeLocked applies an append that has passed all checks, and returns what is
// to be published.
func (l *Log) takeLocked(s *session, a *fanout.Append, refs map[string]taken) []byte {
	var records []byte
	for _, item := range a.Items {
		records = append(records, item.Records...)
		if item.Events > 0 {
			s.events, _ = fanout.DurableEvents(s.events, s.head.Offset+1, append([]byte(nil), item.Records...))
			s.head.Offset += uint64(item.Events)
		}
		if item.Ref != 0 && item.Mark != "" {
			t := refs[item.Client]
			t.Mark = fanout.Mark{Offset: s.head.Offset, Mark: item.Mark}
			refs[item.Client] = t
		}
	}
	if s.refs == nil && len(refs) > 0 {
		s.refs = make(map[string]taken)
	}
	maps.Copy(s.refs, refs)
	if over := len(s.events) - l.options.History; over > l.options.History/8 {
		s.events = append(s.events[:0:0], s.events[over:]...)
	}
	if len(a.Set) > 0 && s.state == nil {
		s.state = make(map[string]string)
	}
	for field, value := range a.Set {
		if len(value) == 0 {
			delete(s.state, field)
		} else {
			s.state[field] = string(value)
		}
	}
	if len(a.Set) > 0 {
		s.head.Rev++
	}
	s.age(time.Now(), l.options.TTL)
	return records
}

// age notes a use, and once in a ttl lets go what is older than the last time:
// events, and refs of clients that are gone.
func (c *content) age(now time.Time, ttl time.Duration) {
	c.used = now
	if now.Sub(c.marked) < ttl {
		return
	}
	if !c.marked.IsZero() {
		old := sort.Search(len(c.events), func(i int) bool { return c.events[i].Offset >= c.mark })
		c.events = append(c.events[:0:0], c.events[old:]...)
		c.older, c.refs = c.refs, nil
	}
	c.marked, c.mark = now, c.head.Offset
}

// Read implements fanout.Log.
func (l *Log) Read(ctx context.Context, id string, q *fanout.Query) (fanout.View, error) {
	if err := ctx.Err(); err != nil {
		return fanout.View{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := fanout.View{Refs: make([]fanout.Taken, len(q.Clients)), Ended: l.endedLocked(id)}
	s := l.findLocked(id)
	if s == nil || s.head.Epoch == "" {
		return v, nil
	}
	v.Exists, v.Head = true, s.head
	if !q.NoState && (q.Known.Epoch != s.head.Epoch || q.Known.Rev != s.head.Rev) {
		v.State = clone(s.state)
	}
	for i, c := range q.Clients {
		v.Refs[i] = s.taken(c).Taken
	}
	if q.History {
		v.Events, v.Complete = s.after(q.After)
		v.Events, v.More = first(v.Events, q)
	}
	return v, nil
}

// after returns the events after an offset, and whether they are all there.
func (s *session) after(offset uint64) ([]fanout.Event, bool) {
	if offset >= s.head.Offset {
		return nil, offset == s.head.Offset
	}
	if len(s.events) == 0 {
		return nil, false
	}
	oldest := s.events[0].Offset
	from := max(offset+1, oldest)
	return append([]fanout.Event(nil), s.events[from-oldest:]...), offset+1 >= oldest
}

// first returns the first of the events, as far as the query wants them.
func first(events []fanout.Event, q *fanout.Query) (some []fanout.Event, more bool) {
	for i, bytes := 0, 0; i < len(events); i++ {
		bytes += len(events[i].Body)
		if i+1 == q.Limit || q.Bytes > 0 && bytes >= q.Bytes {
			return events[: i+1 : i+1], i+1 < len(events)
		}
	}
	return events, false
}

// Forget drops a session without a trace, as a store does that has lost its
// data. It is for tests of what follows.
func (l *Log) Forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; s != nil {
		s.content = content{}
	}
	delete(l.ended, id)
}

// Heads implements fanout.Log.
func (l *Log) Heads(_ context.Context, ids []string) ([]fanout.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heads := make([]fanout.Head, len(ids))
	for i, id := range ids {
		if s := l.findLocked(id); s != nil {
			heads[i], s.used = s.head, time.Now()
		}
	}
	return heads, nil
}

// purgeLocked forgets sessions that were not used for the TTL. It looks at most
// a few times within one.
func (l *Log) purgeLocked() {
	now := time.Now()
	if now.Before(l.nextPurge) {
		return
	}
	l.nextPurge = now.Add(l.options.TTL / 8)
	for id := range l.sessions {
		if s := l.findLocked(id); s.holders == 0 && s.head.Epoch == "" {
			delete(l.sessions, id)
		}
	}
	for id, t := range l.ended {
		if now.Sub(t.at) > l.options.TTL {
			delete(l.ended, id)
		}
	}
}

func clone(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
