package session

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// TestRaces: whatever the order, the outcome is one of those that are defined,
// everybody knows the same, and nothing happens twice. The requests meet
// anyhow, and, every other time, so that each replica has decided before any
// has appended.
func TestRaces(t *testing.T) {
	times := 16
	if testing.Short() {
		times = 4
	}
	for _, c := range races {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			seen, conflicts := make(map[string]bool), int64(0)
			for i := range times {
				bubble(t, func(w *world) {
					m := c.start(w, i%2 == 1)
					seen[m.run(c)] = true
					conflicts += m.collisions
				})
			}
			for outcome := range seen {
				if !slices.Contains(c.want, outcome) {
					t.Errorf("outcome %q; want one of\n%s", outcome, strings.Join(c.want, "\n"))
				}
			}
			if conflicts == 0 {
				t.Error("the requests never met")
			}
			t.Logf("%d conflicts; %s", conflicts, strings.Join(slices.Sorted(maps.Keys(seen)), " | "))
		})
	}
}

// met is a race that is under way.
type met struct {
	*world
	replicas []*replica
	names    []string
	members  map[string]*fake
	refs     map[string]uint64
	forced   bool

	collisions int64 // appends that were decided again because of the race
}

func (c *race) start(w *world, forced bool) *met {
	m := &met{world: w, names: []string{"own", "ann", "ben"}, members: make(map[string]*fake), refs: make(map[string]uint64), forced: forced}
	for i, name := range m.names {
		r := w.replica()
		if i == 0 {
			r.meeting("s", `{`+c.options+`}`)
		}
		m.replicas = append(m.replicas, r)
		m.members[name] = r.named("s", name)
	}
	settle()
	for _, request := range c.before {
		m.prepare(request)()
		settle()
	}
	for _, f := range m.members {
		if got := f.refusals(); len(got) > 0 {
			w.Fatalf("before the race: %v", got)
		}
	}
	return m
}

// prepare returns what hands in "ann command data".
func (m *met) prepare(request string) (ask func()) {
	words := strings.SplitN(request, " ", 3)
	f := m.members[words[0]]
	for name, other := range m.members {
		words[2] = strings.ReplaceAll(words[2], "@"+name, other.member())
	}
	m.refs[words[0]]++
	command := &wire.Command{Ref: m.refs[words[0]], Command: []byte(words[1]), Data: []byte(words[2])}
	return func() { f.p.Command(command) }
}

// run has the requests meet and returns the outcome.
func (m *met) run(c race) string {
	offset, before := m.view("s").Offset, m.conflicts()
	meet, pause := c.meet, time.Duration(0)
	if wait, ok := strings.CutPrefix(meet[0], "wait "); ok {
		meet = meet[1:]
		pause, _ = time.ParseDuration(wait)
	}
	if m.forced {
		m.barrier(max(2, len(meet)))
	}
	start := make(chan struct{})
	for _, request := range meet {
		ask := m.prepare(request)
		go func() {
			<-start
			if pause > 0 {
				time.Sleep(pause - settling + rand.N(dueSpread))
			}
			ask()
		}()
	}
	close(start)
	time.Sleep(pause)
	settle()
	for _, r := range m.replicas {
		r.faults.heal()
	}
	pass(500 * time.Millisecond)
	m.collisions = m.conflicts() - before
	return m.outcome(meet, offset)
}

// settling is about how long settle takes: that much of a countdown is over
// when a race starts.
const settling = 150 * time.Millisecond

// barrier holds the next appends of each replica until n of them have decided.
func (m *met) barrier(n int) {
	var arrived atomic.Int32
	all := make(chan struct{})
	for _, r := range m.replicas {
		var once atomic.Bool
		r.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			if once.Swap(true) {
				return do()
			}
			if arrived.Add(1) == int32(n) {
				close(all)
			}
			select {
			case <-all:
			case <-time.After(100 * time.Millisecond):
			}
			time.Sleep(rand.N(3 * time.Millisecond))
			return do()
		}})
	}
}

func (m *met) conflicts() (n int64) {
	for _, r := range m.replicas {
		n += r.hub.Stats.AppendConflicts.Load()
	}
	return n
}

// outcome is what came of it. It fails the test if members differ, or an event
// that is told once came more often.
func (m *met) outcome(meet []string, offset uint64) string {
	m.Helper()
	var told []string
	for _, request := range meet {
		told = append(told, m.answer(strings.Fields(request)[0]))
	}
	counts := make(map[string]int)
	for _, e := range m.view("s").Events {
		if e.Offset > offset {
			for _, name := range []string{"round.revealed", "round.started", "member.left"} {
				counts[name] += strings.Count(string(e.Body), `"event":"`+name+`"`)
			}
		}
	}
	for name, n := range counts {
		if n > 1 {
			m.Errorf("%s was told %d times", name, n)
		}
	}
	var left []*fake
	for _, name := range m.names {
		if f := m.members[name]; f.ended == nil {
			left = append(left, f)
		}
	}
	m.agree(m.replicas[0], "s", left...)
	return strings.Join(told, " ") + ": " + m.summary()
}

// answer is what the last request of a member was told.
func (m *met) answer(name string) string {
	f := m.members[name]
	if refused := f.refusals(); len(refused) > 0 {
		_, code, _ := strings.Cut(refused[len(refused)-1], " ")
		return code
	}
	if f.ended != nil && f.acks[m.refs[name]] == 0 {
		return string(f.ended.Code)
	}
	return "ok"
}

// summary is what the owner knows in the end.
func (m *met) summary() string {
	own := m.members["own"].mirror
	text := fmt.Sprintf("%s %d", own.Phase(), own.Round())
	votes := own.Votes()
	for _, name := range m.names {
		id := m.members[name].member()
		if slices.Contains(own.Voted(), id) {
			text += " " + name
		}
		if card, ok := votes[id]; ok {
			text += " " + name + "=" + card
		}
	}
	if strings.Contains(own.Get("round"), `"countdown"`) {
		text += ", countdown"
	}
	for _, past := range own.Past() {
		for name, f := range m.members {
			past = strings.ReplaceAll(past, f.member(), name)
		}
		text += "; past " + past
	}
	return text
}
