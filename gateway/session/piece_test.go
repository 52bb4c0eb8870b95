package session

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// shout publishes events so large that a piece of a replay holds few of them.
func (f *fake) shout(first, n uint64) {
	for ref := first; ref < first+n; ref++ {
		f.publish(ref, "e", fmt.Sprintf(`"%d %s"`, ref, strings.Repeat("x", 1000)))
	}
}

// Whoever missed more than one piece gets it piece by piece, and then what
// follows, as if it had come at once.
func TestALongReplayComesInPieces(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		bob.gone()
		bob.events()
		ada.shout(1, 30)
		back := two.resume("s", bob)
		ada.shout(31, 3)
		if got := back.events(); len(got) != 33 || !back.first.Resumed || back.state != nil {
			w.Errorf("of 33 events came %d; resumed %v, state %+v", len(got), back.first.Resumed, back.state)
		}
		if back.position() != ada.position() || back.pieces < 4 {
			w.Errorf("at %v after %d pieces; the others are at %v", back.position(), back.pieces, ada.position())
		}
		for _, frame := range back.frames {
			if len(frame) > 8 {
				w.Errorf("a frame has %d events of 1000 bytes; a piece is %d bytes", len(frame), piece)
			}
		}
		if got := two.Stats.CatchUps.Load(); got != 0 {
			w.Errorf("%d catch-ups, though nobody lagged", got)
		}
		back.gone()
	})
}

// A connection that lags catches up in pieces, too.
func TestCatchUpInPieces(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada, bob := r.named("s", "Ada"), r.named("s", "Bob")
		settle()
		bob.deaf = true
		ada.shout(1, 30)
		bob.p.Behind()
		settle()
		if got := bob.events(); len(got) != 30 || bob.state != nil || bob.position() != ada.position() || bob.pieces < 4 {
			w.Errorf("of 30 events came %d in %d pieces; state %+v", len(got), bob.pieces, bob.state)
		}
	})
}

// The log loses its past while somebody is partway through a replay: that
// connection is in no pool yet, and must be told all the same.
func TestThePastIsGonePartway(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		bob.gone()
		ada.shout(1, 30)
		at, back := bob.position(), newFake(w.T)
		back.hold = make(chan struct{})
		if e := two.attempt("s", wire.Join{Seat: bob.seat(), Client: bob.client, Since: &at}, back); e != nil {
			w.Fatal(e)
		}
		w.forget("s")
		pass(20 * time.Second)
		close(back.hold)
		settle()
		ada.reset(w.view("s").Epoch)
		back.reset(w.view("s").Epoch)
		ada.publish(100, "e", "1")
		if back.position() != ada.position() {
			w.Errorf("at %v; the others are at %v", back.position(), ada.position())
		}
	})
}

// A joiner whose wait ends when the welcome is out is in, whatever has become of
// its place in the pool since.
func TestGivingUpBehindTheWelcome(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada, bob := r.named("s", "Ada"), r.named("s", "Bob")
		settle()
		bob.gone()
		ada.shout(1, 30)
		at, back := bob.position(), newFake(w.T)
		back.members = maps.Clone(bob.members)
		back.hold = make(chan struct{})
		if e := r.attempt("s", wire.Join{Seat: bob.seat(), Client: bob.client, Since: &at}, back); e != nil {
			w.Fatal(e)
		}
		if (&arrival{Participant: back.p}).giveUp() {
			w.Error("a connection that has its welcome gave up, between two pieces")
		}
		close(back.hold)
		settle()
		if back.position() != ada.position() {
			w.Errorf("at %v; the others are at %v", back.position(), ada.position())
		}
	})
}
