package session

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind"
)

// dueSpread is over how long the replicas of a session fire the same deadline:
// the first does the work, and the others find that it is done.
const dueSpread = 50 * time.Millisecond

// arm has a deadline of the kind fired when it is reached, in place of the one
// that was armed before.
func (r *room) arm(d kind.Deadline) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d == r.armed {
		return
	}
	if r.alarm != nil {
		r.alarm.Stop()
	}
	r.armed, r.alarm = d, nil
	if d.Token != 0 {
		r.alarm = time.AfterFunc(time.Until(d.At)+rand.N(dueSpread), func() { r.fire(d) })
	}
}

// fire tells the session that a deadline is reached. It is armed no more: if
// nothing comes of it, because the store has lost the session meanwhile, it can
// be armed again.
func (r *room) fire(d kind.Deadline) {
	r.fired(d)
	r.pool.Propose(&fanout.Proposal{To: firing{r, d}, Decide: func(s fanout.State) (c fanout.Change, err error) {
		ros := s.(*roster)
		if ros.exists {
			ros.due(&c, d.Token, time.Now())
			r.arm(ros.deadline())
		}
		return c, nil
	}})
}

func (r *room) fired(d kind.Deadline) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.armed == d {
		r.armed, r.alarm = kind.Deadline{}, nil
	}
}

// firing hears what came of it. What failed is tried again.
type firing struct {
	*room
	deadline kind.Deadline
}

func (f firing) Settled(_ *fanout.Proposal, s fanout.Settlement) {
	if errors.Is(s.Err, fanout.ErrUnavailable) || errors.Is(s.Err, fanout.ErrUnknown) {
		f.arm(kind.Deadline{At: time.Now().Add(sayAgain), Token: f.deadline.Token})
	}
}

// wake sees to what the roster waits for: the ends of graces, and the kind's deadline.
func (r *room) wake(ros *roster) {
	if next := ros.nextExpiry(); next != 0 {
		r.checkAt(time.UnixMilli(next))
	}
	if d := ros.deadline(); d.Token != 0 {
		r.arm(d)
	}
}
