package fanout_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
)

// A room without rules: two members hear what is said after they came. With
// redislog.Open in the place of memlog.New the same goes for any number of
// processes.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	hub := fanout.New(memlog.New(memlog.Options{}), texts{}, newRoom, fanout.Options{})
	running.Go(func() { hub.Run(ctx) })

	pool, err := hub.Open(ctx, "room-7")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	say(pool, 1, "nobody is here yet")
	ada, bob := attach(pool), attach(pool)
	say(pool, 2, "hello")
	say(pool, 2, "hello") // sent again: the ref is known, and nothing happens

	fmt.Print("ada heard ", <-ada, "bob heard ", <-bob)
	// Output:
	// offset 1, repeated: false
	// offset 2, repeated: false
	// offset 2, repeated: true
	// ada heard 2: hello
	// bob heard 2: hello
}

// say appends an event, and waits until it is in the log. Without Create it would
// be refused in a session that does not exist.
func say(pool *fanout.Pool, ref uint64, text string) {
	done := make(answer, 1)
	pool.Propose(&fanout.Proposal{
		Client: "speaker", Ref: ref, Create: true,
		Change: fanout.Change{Events: 1, Records: fanout.AppendEvent(nil, []byte(text))},
		To:     done,
	})
	s := <-done
	if s.Err != nil {
		log.Fatal(s.Err)
	}
	fmt.Printf("offset %d, repeated: %t\n", s.Last, s.Repeated)
}

// attach adds a member where the session stands. Where something of it has to be
// known first, such as the state, Seen hands it over; with Look.History also the
// events after a position that the member had.
func attach(pool *fanout.Pool) ear {
	looked := make(chan fanout.Seen, 1)
	pool.Look(&fanout.Look{Seen: func(_ fanout.State, seen fanout.Seen) { looked <- seen }})
	seen := <-looked
	if seen.Err != nil {
		log.Fatal(seen.Err)
	}
	member := make(ear, 16)
	if _, err := pool.Attach(member, seen.Head.Position, nil, nil); err != nil {
		log.Fatal(err)
	}
	return member
}

// texts is the codec: an event is a line.
type texts struct{}

func (texts) Encode(events []fanout.Event) (frame []byte) {
	for _, e := range events {
		frame = fmt.Appendf(frame, "%d: %s\n", e.Offset, e.Body)
	}
	return frame
}

func (texts) Compress(frame []byte) ([]byte, error) { return frame, nil } // not smaller: sent plain

// room is the owner, and the state, of a session that has none.
type room struct{ pool *fanout.Pool }

func newRoom(pool *fanout.Pool) fanout.Owner { return &room{pool} }

func (r *room) State() fanout.State                       { return r }
func (r *room) Note([]byte)                               {}
func (r *room) Load(fanout.Head, map[string]string) error { return nil }
func (r *room) Changes() map[string][]byte                { return nil }
func (r *room) Saved(fanout.Head)                         {}
func (r *room) Revive() bool                              { return true } // a log that was emptied gets the session anew
func (r *room) Lost(ctx context.Context, _ fanout.Loss) error {
	looked := make(chan fanout.Seen, 1)
	r.pool.Look(&fanout.Look{Seen: func(_ fanout.State, seen fanout.Seen) { looked <- seen }})
	seen := <-looked
	if seen.Err != nil {
		return seen.Err // Lost is called again
	}
	r.pool.Restart(seen.Head, func(to fanout.Subscriber) {
		to.(ear).hear("some of what was said is gone\n")
	})
	return nil
}

// ear is a member. Deliver must not block, so what nobody takes is dropped; a
// real one bounds what waits and catches up.
type ear chan string

func (e ear) Deliver(f *fanout.Frame) { e.hear(string(f.Plain())) }

func (e ear) hear(text string) {
	select {
	case e <- text:
	default:
	}
}

// answer hears what became of a proposal.
type answer chan fanout.Settlement

func (a answer) Settled(_ *fanout.Proposal, s fanout.Settlement) { a <- s }
