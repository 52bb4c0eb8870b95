package session

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Blink is how long a member may be without a connection before the others see it.
const Blink = 2 * time.Second

// Options of a service.
type Options struct {
	Replica      string // the name of this process, told in welcomes
	Kinds        []kind.Kind
	DefaultKind  string        // of a session that a join creates
	CreateOnJoin bool          // whether a join creates a session
	Capacity     int           // connections in a session, over all replicas
	Grace        time.Duration // from reconnecting to offline
	Offline      int           // members of a session who may be offline and keep their seats; 0: any number
	SeatTTL      time.Duration // for which a member who is offline keeps the seat; 0: as long as there is the session
	Welcome      wire.Welcome  // what all welcomes share: heartbeat, frame, limits
}

// Service has the sessions of one replica. Its methods may be called concurrently.
type Service struct {
	Stats Stats

	hub         *fanout.Hub
	options     Options
	kinds       map[string]kind.Kind
	incarnation string // tells this process from earlier ones of the same name
	numbers     atomic.Uint64
	alive       atomic.Pointer[map[string]bool] // the replicas, at the last look; nil without leases

	mu       sync.Mutex // guards the following
	delayed  map[*goodbye]*time.Timer
	stopping bool
	goodbyes int           // that are not settled
	said     chan struct{} // closed when the service stops and there are none; more may come after that

	stopped context.Context // ends with stop
	stop    context.CancelFunc
}

// Stats counts what a service did since it was made.
type Stats struct {
	Joins     atomic.Int64 // new seats
	Returns   atomic.Int64 // seats that came back and asked for a snapshot
	Resumes   atomic.Int64 // seats that asked for what they missed, and got it
	Snapshots atomic.Int64 // seats that asked for it, and got a snapshot instead
	Denied    atomic.Int64 // of Refused: those that asked for it
	Refused   atomic.Int64 // joins
	Publishes atomic.Int64
	Passing   atomic.Int64 // ephemeral publishes
	Commands  atomic.Int64
	Rejected  atomic.Int64 // publishes and commands answered with an error
	Repeats   atomic.Int64 // refs that had taken effect before
	Present   atomic.Int64 // participants right now
	CatchUps  atomic.Int64 // connections that lagged and were brought up to date
	Resets    atomic.Int64 // state messages because the log lost its past
}

// Conn is what a session needs of a connection. Its methods never block.
type Conn interface {
	fanout.Subscriber
	// Send sends a message, encoded as JSON.
	Send(message []byte)
	// Joined hands over the participant; it comes before the first Start.
	Joined(p *Participant)
	// Start sends a message, if it is not nil, behind which frames begin with
	// the event after the offset at. It comes before the first Deliver, and
	// whenever a subscriber's position is set anew.
	Start(message []byte, at uint64)
	// Lag reports whether frames were dropped because the socket took too little,
	// or More was called, and it takes more again: from is the last offset that
	// went out. Frames go out again after the next Start.
	Lag() (from uint64, lags bool)
	// More tells that the frames since the last Start were a piece of a replay.
	// No more are taken; Behind is called when the socket has taken these.
	More()
	// End sends e, unless it has no code, and closes with e.Close. What was sent
	// before goes out first.
	End(e *wire.Error)
}

// New returns a service on log; attach it to a hub made with [Service.Owner].
func New(options Options) *Service {
	s := &Service{options: options, kinds: make(map[string]kind.Kind), incarnation: randomID(6), delayed: make(map[*goodbye]*time.Timer), said: make(chan struct{})}
	s.stopped, s.stop = context.WithCancel(context.Background())
	for _, k := range options.Kinds {
		s.kinds[k.Name()] = k
	}
	return s
}

// Attach gives the service its hub. It is called once, before any other method.
func (s *Service) Attach(hub *fanout.Hub) { s.hub = hub }

// Owner is the hub's constructor of what stands beside a pool.
func (s *Service) Owner(p *fanout.Pool) fanout.Owner { return newRoom(s, p) }

// reserves returns what says which events members must not publish in sessions
// of a kind; nil if that is none but the gateway's own.
func (s *Service) reserves(kindName string) func(event string) bool {
	if k, ok := s.kinds[kindName].(kind.Reserved); ok {
		return k.Reserves
	}
	return nil
}

// Stop tells the sessions of everybody who is gone but still within the blink,
// and waits for that or for ctx.
func (s *Service) Stop(ctx context.Context) {
	s.stop()
	for _, g := range s.hurry() {
		g.say()
	}
	select {
	case <-s.said:
	case <-ctx.Done():
	}
}

// refusal turns an error of the log into what a client is told.
func refusal(err error, ref uint64) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		told := *e
		told.Ref = ref
		return &told
	case errors.Is(err, fanout.ErrEnded):
		e := *errEnded
		if e.Ref = ref; ref != 0 {
			e.Close = 0 // the event comes, and then the end
		}
		return &e
	case errors.Is(err, fanout.ErrSkipped):
		return &wire.Error{Code: wire.CodeRefNotRising, Ref: ref, Retry: true,
			Message: "ref must rise: a later request of this client took effect, and this one did not"}
	case errors.Is(err, fanout.ErrUnknown), errors.Is(err, fanout.ErrStopped):
		return &wire.Error{Code: wire.CodeUnavailable, Close: wire.CloseStoreAway, Retry: true, After: awayFor,
			Message: "the store went away; come back in 5 s or more"}
	}
	return &wire.Error{Code: wire.CodeUnavailable, Ref: ref, Retry: true, After: time.Second,
		Message: "the store is away; nothing was done"}
}

// awayFor is how long clients shall stay away when the store is.
const awayFor = 5 * time.Second

// ending is a refusal that ends the connection.
func ending(err error) *wire.Error {
	e := refusal(err, 0)
	if e.Close == 0 {
		e.Close, e.After = wire.CloseStoreAway, max(e.After, awayFor)
	}
	return e
}

// body encodes an event that the gateway itself makes.
func body(name string, from string, data any, at time.Time) []byte {
	raw, ok := data.(json.RawMessage)
	if !ok {
		raw, _ = json.Marshal(data) // plain structs of strings and numbers
	}
	return wire.AppendEventBody(nil, &wire.EventBody{At: at.UnixMilli(), Event: []byte(name), From: from, Data: raw})
}
