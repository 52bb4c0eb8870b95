package session

import (
	"context"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Watcher looks on at a session without being in it: an operator. It gets the
// frames that every member gets, and nothing that is for one member alone. Its
// methods must not block.
type Watcher interface {
	fanout.Subscriber
	// Start tells where the session stands; frames begin with the event after it.
	// It is called again, with a reason, when the log has lost its past.
	Start(at wire.SessionInfo, reason string)
}

// ErrOver tells that a session was ended while somebody looked on.
var ErrOver = errors.New("the session was ended")

// Tap shows a session to a watcher until ctx ends, or the session, or the service.
// It takes no place in it, and the members do not see it. Errors: ErrNone, ErrOver
// when the session was ended, or one of package fanout; nil if ctx or the service
// ended.
func (s *Service) Tap(ctx context.Context, id string, to Watcher) error {
	pool, err := s.hub.Open(ctx, id)
	if err != nil {
		return err
	}
	defer pool.Close()
	t := &tap{Watcher: to, room: pool.Owner().(*room), over: make(chan struct{})}
	t.room.watch(t)
	defer t.room.unwatch(t)
	link, err := t.attach(ctx)
	if err != nil {
		return err
	}
	defer pool.Detach(link)
	select {
	case <-t.over:
		return ErrOver
	case <-ctx.Done():
	case <-s.stopped.Done():
	}
	return nil
}

// tap is a watcher of a room.
type tap struct {
	Watcher
	room *room
	over chan struct{} // closed when the session ends; guarded by room.mu
}

// attach looks where the session stands and subscribes behind it.
func (t *tap) attach(ctx context.Context) (*fanout.Link, error) {
	for {
		link, err := t.try()
		switch err {
		case fanout.ErrBehind, fanout.ErrEpoch, fanout.ErrLost:
		default:
			return link, err
		}
		timer := time.NewTimer(lookAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

func (t *tap) try() (link *fanout.Link, err error) {
	answer := make(answers, 1)
	t.room.pool.Look(&fanout.Look{Seen: func(st fanout.State, seen fanout.Seen) {
		r := st.(*roster)
		switch {
		case seen.Err != nil:
			answer <- seen.Err
		case !seen.Exists:
			answer <- ErrNone
		default:
			l, err := t.room.pool.Attach(t, seen.Head.Position, nil, func() { t.start(r, seen.Head, "") })
			link = l
			answer <- err
		}
	}})
	err = <-answer // the desk answers within a few seconds, also when the hub ends
	return link, err
}

func (t *tap) start(r *roster, head fanout.Head, reason string) {
	t.Start(wire.SessionInfo{ID: t.room.pool.Session(), Kind: r.info.Kind, Epoch: head.Epoch, Offset: head.Offset}, reason)
}

func (r *room) watch(t *tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taps == nil {
		r.taps = make(map[*tap]struct{})
	}
	r.taps[t] = struct{}{}
}

func (r *room) unwatch(t *tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.taps, t)
}

// endTaps tells those who look on that there is nothing to see any more.
func (r *room) endTaps() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.taps {
		close(t.over)
	}
	r.taps = nil
}
