package session

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Members come, go, resume, and fall behind while others publish, on two
// replicas, and batches get lost on the way. Each of them sees a snapshot and
// every later event exactly once: the fake checks that at each event, and here
// that nobody ends short of the head, or with another document.
func TestAttachWhileEventsFlow(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(w *world) {
				c := &crowd{world: w, seed: seed, replicas: []*replica{w.replica(), w.replica()}}
				c.run()
			})
		})
	}
}

// crowd is the members of one run.
type crowd struct {
	*world
	seed     uint64
	replicas []*replica

	mu   sync.Mutex // guards open
	open []*fake
}

func (c *crowd) run() {
	if _, err := c.replicas[0].Create(c.Context(), "s", "document", nil); err != nil {
		c.Fatal(err)
	}
	for i, r := range c.replicas {
		draw := rand.New(rand.NewPCG(c.seed, uint64(100+i)))
		var mu sync.Mutex
		r.faults.set(hooks{
			batch: func(fanout.Batch) bool {
				mu.Lock()
				defer mu.Unlock()
				return draw.IntN(8) != 0
			},
			read: func(do func() (fanout.View, error)) (fanout.View, error) {
				mu.Lock()
				d := time.Duration(draw.Int64N(int64(30 * time.Millisecond)))
				mu.Unlock()
				v, err := do()
				time.Sleep(d) // what was read is old by the time it arrives
				return v, err
			},
		})
	}
	var members sync.WaitGroup
	for i := range 10 {
		members.Go(func() { c.live(i, rand.New(rand.NewPCG(c.seed, uint64(i)))) })
	}
	members.Wait()
	for _, r := range c.replicas {
		r.faults.heal()
	}
	pass(30 * time.Second) // the sweep finds what nothing showed
	c.check()
}

// live is the life of one member: joining, publishing, leaving, resuming.
func (c *crowd) live(i int, draw *rand.Rand) {
	wait := func(most time.Duration) { time.Sleep(time.Duration(draw.Int64N(int64(most)))) }
	var f *fake
	ref := uint64(0)
	for range 25 {
		r := c.replicas[draw.IntN(2)]
		wait(60 * time.Millisecond)
		switch n := draw.IntN(10); {
		case f == nil:
			f = r.named("s", "member")
		case n < 2:
			f.gone()
			c.mustBeWhole(f)
			wait(200 * time.Millisecond)
			f = r.resume("s", f)
		case n == 2:
			f.gone()
			f, ref = r.again("s", f), 0
		case n == 3:
			f.fallBehind(time.Duration(draw.Int64N(int64(300 * time.Millisecond))))
		default:
			for range 1 + draw.IntN(4) {
				ref++
				data := fmt.Appendf(nil, `{"m%d":%d}`, i, draw.IntN(1000))
				if draw.IntN(2) == 0 {
					f.p.Publish(&wire.Publish{Ref: ref, Event: []byte("e"), Data: data})
				} else {
					f.p.Command(&wire.Command{Ref: ref, Command: []byte("patch"), Data: data})
				}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, f)
}

// mustBeWhole fails the test if a connection was closed by the gateway.
func (c *crowd) mustBeWhole(f *fake) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil && f.ended.Close != wire.CloseReplaced {
		c.Errorf("ended with %v", f.ended)
	}
}

// fallBehind drops frames for a while, as the outbox of a socket that is full.
func (f *fake) fallBehind(d time.Duration) {
	f.mu.Lock()
	f.deaf = true
	f.mu.Unlock()
	time.Sleep(d)
	f.p.Behind()
}

func (c *crowd) check() {
	head := c.view("s")
	doc := make(map[string]any)
	if err := json.Unmarshal([]byte(head.State[fieldState]), &doc); err != nil {
		c.Fatal(err)
	}
	for _, f := range c.open {
		c.mustBeWhole(f)
		if got := f.position(); got.Offset != head.Offset || got.Epoch != head.Epoch {
			c.Errorf("a member ended at %v; the head is %v", got, head.Position)
		}
		if !reflect.DeepEqual(f.doc, doc) {
			c.Errorf("a member has the document %v; the store has %v", f.doc, doc)
		}
		if len(f.errors) > 0 {
			c.Errorf("errors %v", f.errors)
		}
		for id, m := range c.roster("s") {
			if f.status(id) != m.Status {
				c.Errorf("a member thinks that %s is %s; the roster has %s", id, f.status(id), m.Status)
			}
		}
	}
	if got := c.connections("s"); got != len(c.open) {
		c.Errorf("the roster has %d connections; %d are open", got, len(c.open))
	}
	for _, r := range c.replicas {
		if got := r.Stats.Present.Load(); got != int64(r.local("s")) {
			c.Errorf("%d present; %d in the room", got, r.local("s"))
		}
	}
}

// local is how many participants a replica has in a session.
func (r *replica) local(session string) int {
	p := r.hub.Pool(session)
	if p == nil {
		return 0
	}
	return len(p.Owner().(*room).everyone())
}
