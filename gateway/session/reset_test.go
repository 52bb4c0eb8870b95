package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// forget makes the store forget a session, as an operator who empties Redis does.
func (w *world) forget(session string) {
	w.Helper()
	w.log.Forget(session)
}

// reset fails the test unless f was told that the past is gone, in place.
func (f *fake) reset(epoch string) {
	f.t.Helper()
	f.open()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == nil || f.state.Reason != wire.ReasonReset || f.at.Epoch != epoch {
		f.t.Errorf("state %+v at %v; want a reset to %s", f.state, f.at, epoch)
	}
}

func TestForgottenSessionIsMadeAnew(t *testing.T) {
	for name, publish := range map[string]bool{"by the next publish": true, "by the sweep": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
				ada.command(1, "set_name", `{"name":"Lovelace"}`)
				bob.publish(1, "e", "1")
				old := w.view("s").Epoch
				w.forget("s")
				if publish {
					ada.publish(2, "after", "1")
				}
				pass(20 * time.Second)
				v := w.view("s")
				if v.Epoch == old || v.Epoch == "" {
					w.Fatalf("epoch %q, before %q", v.Epoch, old)
				}
				ada.reset(v.Epoch)
				bob.reset(v.Epoch)
				if got := bob.members[ada.member()].Name; len(bob.members) != 2 || got != "Lovelace" {
					w.Errorf("members %v", bob.members)
				}
				ada.publish(3, "later", "1")
				for _, f := range []*fake{ada, bob} {
					if got := lines(f.events()); !strings.HasSuffix(got, "later 1") {
						w.Errorf("events %v", got)
					}
				}
				if got := w.connections("s"); got != 2 {
					w.Errorf("the roster has %d connections; want 2", got)
				}
				bob.gone()
				back := one.resume("s", bob)
				if back.member() != bob.member() {
					w.Errorf("came back as %s", back.member())
				}
			})
		})
	}
}

// Replicas know a session as of when they last had to decide. The one that knows
// the newest state puts it back, not the one that is first.
func TestNewestStateIsPutBack(t *testing.T) {
	bubble(t, func(w *world) {
		var replicas []*replica
		var all []*fake
		for i := range 4 {
			r := w.replica()
			if i == 0 {
				if _, err := r.Create(w.Context(), "s", "document", nil); err != nil {
					w.Fatal(err)
				}
			}
			replicas, all = append(replicas, r), append(all, r.named("s", "member"))
		}
		settle()
		all[2].command(1, "patch", `{"newest":true}`)
		w.forget("s")
		all[0].publish(1, "tried.first", "1")
		pass(time.Minute)
		for _, f := range all {
			f.reset(w.view("s").Epoch)
			if f.doc["newest"] != true || len(f.members) != 4 || f.first.Session.Kind != "document" {
				w.Errorf("document %v, members %v", f.doc, f.members)
			}
		}
		// Nobody who knows the newest is left: better an old state than none.
		for _, f := range all[:2] {
			f.command(2, "patch", `{"newer":true}`)
		}
		all[1].gone()
		replicas[1].cut()
		replicas[0].cut()
		w.forget("s")
		pass(time.Minute)
		all[3].reset(w.view("s").Epoch)
		if all[3].doc["newest"] != true {
			w.Errorf("document %v", all[3].doc)
		}
	})
}

// The store is restored from a backup that is older than some members: they are
// seated anew, with their own seats.
func TestRestoredFromAnOlderBackup(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		backup := w.view("s")
		bob, cleo := two.named("s", "Bob"), one.named("s", "Cleo")
		settle()
		w.forget("s")
		fields := make(map[string][]byte)
		for field, value := range backup.State {
			fields[field] = []byte(value)
		}
		if _, err := w.log.Append(w.Context(), "s", &fanout.Append{Create: true, Set: fields}); err != nil {
			w.Fatal(err)
		}
		pass(20 * time.Second)
		v := w.view("s")
		for _, f := range []*fake{ada, bob, cleo} {
			f.reset(v.Epoch)
			if len(f.members) != 3 || f.status(bob.member()) != "online" || f.status(cleo.member()) != "online" {
				w.Errorf("members %v", f.members)
			}
		}
		cleo.gone()
		if back := two.again("s", cleo); back.member() != cleo.member() {
			w.Errorf("came back as %s; want %s", back.member(), cleo.member())
		}
		// What the old past had settled is forgotten: a client sends it again.
		if got := one.resume("s", ada).first.Acked; got != 0 {
			w.Errorf("acked %d", got)
		}
	})
}

// A hole is older than what the log keeps: members get the state in its place.
// Whoever was removed within the hole is not seated anew.
func TestHoleOlderThanTheHistory(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		owner := one.named("s", "Owner")
		bob, cleo := two.named("s", "Bob"), two.named("s", "Cleo")
		settle()
		two.faults.set(hooks{batch: func(fanout.Batch) bool { return false }})
		owner.command(1, "remove_member", fmt.Sprintf(`{"member":%q}`, cleo.member()))
		for ref := range uint64(3 * history) {
			owner.publish(ref+2, "e", "1")
		}
		two.faults.heal()
		pass(20 * time.Second)
		bob.open()
		if bob.state == nil || bob.state.Reason != wire.ReasonLagged || bob.position() != owner.position() {
			w.Errorf("state %+v at %v; want %v", bob.state, bob.position(), owner.position())
		}
		cleo.closed(wire.CloseRemoved)
		if got := len(w.roster("s")); got != 2 {
			w.Errorf("the roster has %d members; want 2", got)
		}
	})
}

// A connection fell behind: it gets what it missed, or the state if that is gone.
func TestBehind(t *testing.T) {
	for name, c := range map[string]struct {
		missed int
		state  bool
	}{"a little": {10, false}, "all that the log keeps": {history, false}, "more than the log keeps": {3 * history, true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one, two := w.replica(), w.replica()
				ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
				settle()
				before := bob.position()
				bob.deaf = true
				for ref := range uint64(c.missed) {
					ada.publish(ref+1, "e", fmt.Sprint(ref))
				}
				if bob.position() != before {
					w.Fatalf("at %v", bob.position())
				}
				bob.p.Behind()
				bob.p.Behind() // told twice, because something else was sent meanwhile
				settle()
				if got := bob.state != nil; got != c.state {
					w.Errorf("state %+v", bob.state)
				}
				if c.state && bob.state.Reason != wire.ReasonLagged {
					w.Errorf("reason %s", bob.state.Reason)
				}
				if !c.state && len(bob.events()) != c.missed {
					w.Errorf("%d events; want %d", len(bob.events()), c.missed)
				}
				if bob.position() != ada.position() {
					w.Errorf("at %v; want %v", bob.position(), ada.position())
				}
				if got := two.Stats.CatchUps.Load(); got != 1 {
					w.Errorf("%d catch-ups", got)
				}
			})
		})
	}
}

// The connection ends, or the store goes, while it is being brought up to date.
func TestBehindAtTheEnd(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada, bob := r.named("s", "Ada"), r.named("s", "Bob")
		settle()
		bob.deaf = true
		ada.publish(1, "e", "1")
		late := make(chan struct{})
		r.faults.set(hooks{read: func(do func() (fanout.View, error)) (fanout.View, error) {
			<-late
			return do()
		}})
		bob.p.Behind()
		bob.gone()
		close(late)
		settle()
		r.faults.heal()
		if got := bob.events(); len(got) != 0 {
			w.Errorf("events %v", got)
		}
		ada.deaf = true
		r.faults.away()
		ada.p.Behind()
		pass(10 * time.Second)
		ada.closed(wire.CloseStoreAway)
		r.faults.heal()
	})
}
