package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	ReplicaKill  Kind = "replica kill"  // SIGKILL, started again later
	ReplicaPause Kind = "replica pause" // SIGSTOP for seconds
	ReplicaDrain Kind = "replica drain" // SIGTERM, started again when it is gone

	SubscriptionsKill Kind = "redis kill subscriptions" // CLIENT KILL TYPE pubsub
	ClientsKill       Kind = "redis kill clients"       // CLIENT KILL TYPE normal
	RedisKill         Kind = "redis kill"               // SIGKILL, started again with its log
	RedisPause        Kind = "redis pause"              // SIGSTOP for seconds

	StoreCut   Kind = "store cut"   // a replica's connections to Redis are closed, and new ones refused
	StoreReset Kind = "store reset" // the same by a reset, once
	StoreStall Kind = "store stall" // nothing passes between a replica and Redis
	StoreMute  Kind = "store mute"  // nothing comes over a replica's subscription
	Overflow   Kind = "overflow"    // the same, until so much waits for it that Redis cuts it off

	FrontCut   Kind = "front cut"   // the connections from nginx to a replica are closed, and new ones refused
	FrontReset Kind = "front reset" // the same by a reset, once
	FrontStall Kind = "front stall" // nothing passes between nginx and a replica
	Reload     Kind = "nginx reload"

	MemberDrop     Kind = "member drop"      // the socket is closed without a goodbye
	MemberReset    Kind = "member reset"     // the socket is reset
	MemberHalfOpen Kind = "member half-open" // the socket stays open and leads nowhere
	MemberSleep    Kind = "member sleep"     // nothing is read or written for seconds
	MemberDeaf     Kind = "member deaf"      // nothing is read for long, and writing goes on
	MemberRestart  Kind = "member restart"   // the client's process dies; the seat comes back
	MemberLeave    Kind = "member leave"     // the seat is given up, and somebody new comes
)

// place is what a kind of fault strikes. Of each place one fault is under way at a time.
type place int

const (
	atReplica place = iota
	atStore         // a replica's way to Redis
	atFront         // nginx's way to a replica
	atRedis
	atNginx
	atMembers
)

// kinds are all kinds of faults, with their places and how long they last.
var kinds = []struct {
	kind        Kind
	place       place
	least, most time.Duration
}{
	{ReplicaKill, atReplica, 200 * time.Millisecond, 6 * time.Second},
	{ReplicaPause, atReplica, time.Second, 14 * time.Second},
	{ReplicaDrain, atReplica, 0, 2 * time.Second},
	{SubscriptionsKill, atRedis, 0, 0},
	{ClientsKill, atRedis, 0, 0},
	{RedisKill, atRedis, 100 * time.Millisecond, 12 * time.Second},
	{RedisPause, atRedis, 500 * time.Millisecond, 14 * time.Second},
	{StoreCut, atStore, 0, 12 * time.Second},
	{StoreReset, atStore, 0, 0},
	{StoreStall, atStore, time.Second, 14 * time.Second},
	{StoreMute, atStore, time.Second, 10 * time.Second},
	{Overflow, atStore, time.Second, 4 * time.Second},
	{FrontCut, atFront, 0, 6 * time.Second},
	{FrontReset, atFront, 0, 0},
	{FrontStall, atFront, time.Second, 14 * time.Second},
	{Reload, atNginx, 0, 0},
	{MemberDrop, atMembers, 0, 0},
	{MemberReset, atMembers, 0, 0},
	{MemberHalfOpen, atMembers, 0, 0},
	{MemberSleep, atMembers, time.Second, 20 * time.Second},
	{MemberDeaf, atMembers, 3 * time.Second, 70 * time.Second},
	{MemberRestart, atMembers, 0, 0},
	{MemberLeave, atMembers, 0, 0},
}

// Kinds returns all kinds of faults.
func Kinds() (all []Kind) {
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// Fault is one fault of a schedule.
type Fault struct {
	At      time.Duration // since the faults began
	Lasts   time.Duration
	Kind    Kind
	Replica int   // of those kinds that strike one: 0 is the first
	Members []int // of those kinds that strike members: their numbers

	place place
}

func (f Fault) String() string {
	text := string(f.Kind)
	switch f.place {
	case atReplica, atStore, atFront:
		text += fmt.Sprintf(" %d", f.Replica+1)
	case atMembers:
		text += fmt.Sprintf(" ×%d", len(f.Members))
	}
	if f.Lasts > 0 {
		text += fmt.Sprintf(" for %v", f.Lasts.Round(100*time.Millisecond))
	}
	return text
}

const (
	quiet   = 2 * time.Second // a place is left alone between two faults
	longest = 3               // nothing lasts longer than this part of the run,
	first   = 10              // nor than this one, until there was each kind
)

// Plan returns the schedule of a run: what happens depends on the options Seed,
// For, Every, Members, Replicas and Only, and on nothing else. Kinds take turns, as far as
// their places are free.
func Plan(o Options) []Fault {
	o = o.withDefaults()
	p := planner{Rand: rand.New(rand.NewPCG(o.Seed, 0)), o: o, kinds: len(kinds),
		came: make(map[Kind]bool), free: make(map[[2]int]time.Duration)}
	if len(o.Only) > 0 {
		p.kinds = len(o.Only)
	}
	var plan []Fault
	for at := p.gap(); at < o.For; at += p.gap() {
		if f, ok := p.next(at); ok {
			plan = append(plan, f)
		}
	}
	return plan
}

type planner struct {
	*rand.Rand
	o     Options
	deck  []int                    // of kinds, to come
	came  map[Kind]bool            // those that came
	kinds int                      // how many shall come
	free  map[[2]int]time.Duration // by place and number: when it may be struck again
}

// gap is the time to the next fault.
func (p *planner) gap() time.Duration {
	return p.o.Every*3/10 + time.Duration(p.Float64()*1.4*float64(p.o.Every))
}

// next draws a fault. It reports false if there is no place for one at that time.
func (p *planner) next(at time.Duration) (Fault, bool) {
	for range 2 {
		for i, k := range p.deck {
			if f, ok := p.fault(k, at); ok {
				p.deck = slices.Delete(p.deck, i, i+1)
				p.came[f.Kind] = true
				return f, true
			}
		}
		if len(p.deck) < len(kinds) {
			p.deck = append(p.deck, p.shuffled()...)
		}
	}
	return Fault{}, false
}

func (p *planner) shuffled() (deck []int) {
	for i, k := range kinds {
		if len(p.o.Only) == 0 || slices.Contains(p.o.Only, k.kind) {
			deck = append(deck, i)
		}
	}
	p.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
	return deck
}

// fault makes a fault of a kind, if its place is free.
func (p *planner) fault(i int, at time.Duration) (Fault, bool) {
	k := kinds[i]
	f := Fault{At: at, Kind: k.kind, place: k.place}
	share := p.Float64()
	share *= share * share // mostly short, now and then long
	f.Lasts = k.least + time.Duration(share*float64(k.most-k.least))
	f.Lasts = min(f.Lasts, p.o.For/longest, p.o.For-at)
	if len(p.came) < p.kinds {
		f.Lasts = min(f.Lasts, max(k.least, p.o.For/first))
	}
	if f.Lasts < k.least {
		return f, false
	}
	switch k.place {
	case atMembers:
		f.Members = p.some()
		return f, true
	case atReplica, atStore, atFront:
		f.Replica = p.IntN(p.o.Replicas)
	}
	where := [2]int{int(k.place), f.Replica}
	if p.free[where] > at {
		return f, false
	}
	p.free[where] = at + f.Lasts + quiet
	return f, true
}

// some draws members: mostly a few, now and then a third of all.
func (p *planner) some() []int {
	most := max(1, p.o.Members/10)
	if p.IntN(8) == 0 {
		most = max(1, p.o.Members/3)
	}
	chosen := p.Perm(p.o.Members)[:1+p.IntN(most)]
	slices.Sort(chosen)
	return chosen
}

// counts says how many faults of each kind there are.
func counts(faults []Fault) string {
	n := make(map[Kind]int)
	for _, f := range faults {
		n[f.Kind]++
	}
	var parts []string
	for _, k := range kinds {
		if n[k.kind] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k.kind, n[k.kind]))
		}
	}
	return strings.Join(parts, ", ")
}
