package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestAckedTellsWhatIsSettled(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		bob := one.named("s", "Bob")
		ada.publish(3, "e", "3")
		ada.publish(7, "e", "7")
		ada.p.Publish(&wire.Publish{Ref: 8, Event: []byte("e"), Data: []byte("8")})
		settle()
		ada.gone()
		back := two.resume("s", ada)
		if back.first.Acked != 8 {
			w.Errorf("acked %d; want 8", back.first.Acked)
		}
		// Another client of the same member has refs of its own.
		if tab := two.again("s", ada); tab.first.Acked != 0 {
			w.Errorf("another client's acked is %d", tab.first.Acked)
		}
		// What is sent again takes no effect again, on whichever replica.
		settle()
		bob.news()
		for _, ref := range []uint64{7, 8, 3, 9} {
			back.publish(ref, "again", fmt.Sprint(ref))
		}
		if got := bob.events(); len(got) != 1 || !strings.HasSuffix(got[0], "again 9") {
			w.Errorf("told %v; want only 9", got)
		}
		if got := back.refusals(); len(got) != 0 || back.acks[7] == 0 || back.acks[8] == 0 || back.acks[3] == 0 {
			w.Errorf("refusals %v, acks %v", got, back.acks)
		}
	})
}

func TestRefsRepeatedSkippedFalling(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada, bob := r.named("s", "Ada"), r.named("s", "Bob")
		settle()
		for _, ref := range []uint64{5, 5, 100, 7, 100, 5, 101, 300, 101, 99} {
			ada.publish(ref, "e", fmt.Sprint(ref))
		}
		var got []string
		for _, e := range bob.events() {
			got = append(got, e[strings.LastIndexByte(e, ' ')+1:])
		}
		if strings.Join(got, " ") != "5 100 101 300" {
			w.Errorf("took effect: %v", got)
		}
		// 7 and 99 were never sent before, so it is definite that they did not
		// take effect. Of 101, which is far back by then, that cannot be said.
		want := []string{"7 ref_not_rising", "99 ref_not_rising"}
		if got := ada.refusals(); lines(got) != lines(want) {
			w.Errorf("refusals %v; want %v", got, want)
		}
		for _, ref := range []uint64{5, 100, 101} {
			if ada.acks[ref] == 0 {
				w.Errorf("the repeat of %d was not acknowledged: %v", ref, ada.acks)
			}
		}
	})
}

// What waits for the store is bounded, and what is refused for that is as if
// it had never been sent.
func TestRequestsInFlightAreBounded(t *testing.T) {
	bubble(t, func(w *world) {
		r, other := w.replica(), w.replica()
		ada, bob := r.named("s", "Ada"), other.named("s", "Bob")
		settle()
		r.faults.away()
		for ref := range uint64(maxInFlight + 10) {
			ada.p.Publish(&wire.Publish{Ref: ref + 1, Event: []byte("e"), Data: []byte("1")})
		}
		got := ada.refusals()
		if len(got) != 10 || !strings.HasSuffix(got[0], "slow_down") {
			w.Errorf("refusals %v", got)
		}
		r.faults.heal()
		pass(time.Second)
		if got := bob.events(); len(got) != maxInFlight {
			w.Errorf("%d took effect; want %d", len(got), maxInFlight)
		}
		for _, ref := range []uint64{maxInFlight, maxInFlight + 1, 1, maxInFlight + 2} {
			ada.publish(ref, "e", "2")
		}
		if got := bob.events(); len(got) != maxInFlight+2 {
			w.Errorf("%d took effect; want two more", len(got))
		}
		if got := ada.refusals(); len(got) != 0 {
			w.Errorf("refusals %v", got)
		}
	})
}

// tookEffect is what the member was told of since the last news, without offsets.
func (f *fake) tookEffect() string {
	var got []string
	for _, e := range f.events() {
		_, what, _ := strings.Cut(e, " ")
		got = append(got, what)
	}
	return lines(got)
}

// A refusal got lost with its connection, and the welcome was read before later
// requests took effect. What is sent again is told apart: the one that never
// took effect is refused, and the others are acknowledged.
func TestARefusalThatGotLostIsNoAcknowledgement(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		one.faults.away()
		ada.publish(1, "e", "1")
		pass(5 * time.Second)
		if got := ada.refusals(); len(got) != 1 || got[0] != "1 unavailable" {
			w.Fatalf("refusals %v", got)
		}
		one.faults.heal()
		release := two.faults.holdAppends()
		resumed := make(chan *fake)
		go func() { resumed <- two.resume("s", ada) }()
		pass(time.Second) // it has its welcome, and the session does not know of it yet
		ada.publish(2, "e", "2")
		ada.publish(3, "e", "3")
		close(release)
		back := <-resumed
		if back.first.Acked != 0 {
			w.Fatalf("acked %d", back.first.Acked)
		}
		settle()
		for ref := uint64(1); ref <= 4; ref++ {
			back.publish(ref, "again", fmt.Sprint(ref))
		}
		if got := bob.tookEffect(); got != "e 2\ne 3\nagain 4" {
			w.Errorf("took effect: %v", got)
		}
		if got := back.refusals(); len(got) != 1 || got[0] != "1 ref_not_rising" || back.acks[1] != 0 || back.acks[2] == 0 || back.acks[3] == 0 {
			w.Errorf("refusals %v, acks %v", got, back.acks)
		}
	})
}

// A client comes back elsewhere while its old replica still tries to append what
// the old connection has sent. That must not take effect any more: the new
// replica may have refused it, and that is definite.
func TestARefusalIsDefiniteWhateverIsUnderWayElsewhere(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		release := one.faults.holdAppends()
		ada.p.Publish(&wire.Publish{Ref: 1, Event: []byte("e"), Data: []byte("1")})
		ada.p.Publish(&wire.Publish{Ref: 2, Event: []byte("e"), Data: []byte("2")})
		back := two.resume("s", ada)
		two.faults.away()
		back.publish(1, "e", "1")
		pass(5 * time.Second)
		if got := back.refusals(); lines(got) != "1 unavailable" {
			w.Fatalf("refusals %v", got)
		}
		two.faults.heal()
		close(release)
		settle()
		back.publish(2, "again", "2")
		if got := bob.tookEffect(); got != "again 2" {
			w.Errorf("took effect: %v; the first was refused, and the second sent anew", got)
		}
		if got := append(ada.refusals(), back.refusals()...); len(got) != 0 {
			w.Errorf("refusals %v", got)
		}
	})
}

// Nor does a command that the old connection has dealt with itself, as a new token,
// take a ref from the new one.
func TestSettledByAnOldConnection(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		release := one.faults.holdAppends()
		ada.p.Settle(1)
		back := two.resume("s", ada)
		close(release)
		settle()
		back.publish(1, "e", "1")
		if got := bob.events(); len(got) != 1 || !strings.HasSuffix(got[0], " e 1") {
			w.Errorf("took effect: %v; want what the new connection has sent", got)
		}
	})
}

// The old replica has appended it just before the session came to know of the
// new connection: then it took effect, whatever is away since.
func TestWhatTookEffectBeforeIsNotRefused(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		release := two.faults.holdAppends()
		resumed := make(chan *fake)
		go func() { resumed <- two.resume("s", ada) }()
		pass(time.Second)
		ada.publish(2, "e", "2")
		ada.command(4, "set_name", `{"name":"Lady"}`)
		close(release)
		back := <-resumed
		if back.first.Acked != 0 {
			w.Fatalf("acked %d", back.first.Acked)
		}
		two.faults.away()
		back.publish(1, "e", "1")
		back.publish(2, "e", "2")
		back.command(4, "set_name", `{"name":"Lady"}`)
		back.publish(5, "e", "5")
		pass(5 * time.Second)
		if got := back.refusals(); lines(got) != "1 ref_not_rising\n5 unavailable" || back.acks[2] == 0 || back.acks[4] == 0 {
			w.Errorf("refusals %v, acks %v", got, back.acks)
		}
		two.faults.heal()
		if got := bob.events(); len(got) != 1 || !strings.HasSuffix(got[0], "e 2") {
			w.Errorf("took effect: %v", got)
		}
		if back.acks[2] < bob.position().Offset-1 {
			w.Errorf("acknowledged at %d; it is at or before %d", back.acks[2], bob.position().Offset)
		}
	})
}
