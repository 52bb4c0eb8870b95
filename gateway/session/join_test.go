package session

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestWelcomeOfANewSeat(t *testing.T) {
	bubble(t, func(w *world) {
		f := w.replica(func(o *Options) { o.Replica = "gw-2" }).join("abc", wire.Join{Name: "Ada", Client: "c9f1"})
		text, err := json.Marshal(f.first)
		if err != nil {
			w.Fatal(err)
		}
		got := raw(w, text).(map[string]any)
		session, you := got["session"].(map[string]any), got["you"].(map[string]any)
		epoch, member, seat := session["epoch"].(string), you["member"].(string), you["seat"].(string)
		if epoch == "" || !strings.HasPrefix(member, "m_") || len(seat) < 20 {
			w.Errorf("epoch %q, member %q, seat %q", epoch, member, seat)
		}
		want := raw(w, []byte(`{"type":"welcome","protocol":"plenum.v1","replica":"gw-2",
			"session":{"id":"abc","kind":"broadcast","epoch":"`+epoch+`","offset":1},
			"you":{"member":"`+member+`","seat":"`+seat+`","client":"c9f1"},
			"acked":0,"resumed":false,"members":[{"member":"`+member+`","name":"Ada","status":"online"}],"state":{},
			"heartbeat":25000,"frame":100,"limits":{"message":65536,"backlog":262144}}`))
		if !reflect.DeepEqual(got, want) {
			w.Errorf("got  %v\nwant %v", got, want)
		}
		settle()
		if len(f.seen) != 0 {
			w.Errorf("the own arrival is in the snapshot, and came as an event again: %v", f.seen)
		}
	})
}

func TestSnapshotStandsAtItsOffset(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		for ref := range uint64(3) {
			ada.publish(ref+1, "e", "1")
		}
		bob := two.named("s", "Bob")
		if got := bob.first.Session.Offset; got != 5 { // joined, 3 events, joined
			w.Errorf("offset %d; want 5", got)
		}
		if len(bob.members) != 2 || bob.status(ada.member()) != "online" {
			w.Errorf("members %v", bob.members)
		}
		ada.publish(4, "e", "2")
		for _, f := range []*fake{ada, bob} {
			if got := f.events(); got[len(got)-1] != "6 e 2" {
				w.Errorf("events %v", got)
			}
		}
		if got := bob.events(); len(got) != 1 {
			w.Errorf("the newcomer saw %v; what was before is in the snapshot", got)
		}
	})
}

// A position is given even where nothing ever happened, and a document's state
// is the document.
func TestWelcomeOfAnotherKind(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		if _, err := r.Create(w.Context(), "doc", "document", []byte(`{"document":{"a":[1]}}`)); err != nil {
			w.Fatal(err)
		}
		f := r.named("doc", "Ada")
		if f.first.Session.Kind != "document" || string(f.first.State) != `{"a":[1]}` {
			w.Errorf("kind %s, state %s", f.first.Session.Kind, f.first.State)
		}
	})
}

func TestSeatBringsBackTheSameMember(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := one.named("s", "Ada")
		bob := two.named("s", "Bob")
		tab, phone := one.again("s", ada), two.again("s", ada)
		for _, f := range []*fake{tab, phone} {
			if f.member() != ada.member() || f.seat() != ada.seat() || len(f.members) != 2 {
				w.Errorf("came back as %s with %v; want %s", f.member(), f.members, ada.member())
			}
		}
		settle()
		if got := bob.news(); len(got) != 0 {
			w.Errorf("more connections of a member were told to the others: %v", got)
		}
		bob.publish(1, "e", "1")
		for _, f := range []*fake{ada, tab, phone} {
			if got := f.events(); len(got) != 1 {
				w.Errorf("one of several connections saw %v", got)
			}
		}
		ada.gone()
		tab.gone()
		pass(time.Minute)
		if got := bob.status(ada.member()); got != "online" {
			w.Errorf("with one connection left the member is %s", got)
		}
		phone.gone()
		pass(Blink + time.Second)
		if got := bob.status(ada.member()); got != "reconnecting" {
			w.Errorf("without a connection the member is %s", got)
		}
	})
}

func TestSameClientReplaces(t *testing.T) {
	for name, other := range map[string]bool{"here": false, "on another replica": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				one := w.replica()
				next := one
				if other {
					next = w.replica()
				}
				old := one.named("s", "Ada")
				tab := one.again("s", old)
				bob := one.named("s", "Bob")
				fresh := next.resume("s", old)
				settle()
				old.closed(wire.CloseReplaced)
				tab.open()
				old.p.Publish(&wire.Publish{Ref: 9, Event: []byte("late"), Data: []byte("1")})
				settle()
				if got := bob.events(); len(got) != 0 {
					w.Errorf("a connection that was replaced still spoke: %v", got)
				}
				old.gone()
				tab.gone()
				pass(time.Minute)
				if got := bob.status(old.member()); got != "online" {
					w.Errorf("the end of the replaced connection made the member %s", got)
				}
				fresh.open()
				fresh.publish(1, "e", "1")
				if got := bob.events(); len(got) != 1 {
					w.Errorf("the new connection is not heard: %v", got)
				}
			})
		})
	}
}

func TestForgedSeat(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		r.refused("s", wire.Join{Seat: "AAAAAAAAAAAAAAAAAAAAAAAA"}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		r.refused("s", wire.Join{Seat: ada.member()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		r.refused("s", wire.Join{Seat: seatHash(ada.seat())}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		r.refused("other", wire.Join{Seat: ada.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		r.refused("s", wire.Join{}, wire.CodeBadName, wire.CloseJoinRefused)
		settle()
		if got := ada.news(); len(got) != 0 {
			w.Errorf("refused joins were told: %v", got)
		}
		if got := r.Stats.Present.Load(); got != 1 {
			w.Errorf("%d present", got)
		}
	})
}

func TestCreateOnJoinCanBeOff(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica(func(o *Options) { o.CreateOnJoin = false })
		r.refused("s", wire.Join{Name: "Ada"}, wire.CodeNoSession, wire.CloseNoSession)
		if _, err := r.Create(w.Context(), "s", "", nil); err != nil {
			w.Fatal(err)
		}
		r.named("s", "Ada").open()
		if _, err := r.Create(w.Context(), "s", "", nil); err != ErrExists {
			w.Errorf("made twice: %v", err)
		}
	})
}

// The secret is nowhere kept, and nothing that the log has lets anybody in.
func TestSecretIsNotStored(t *testing.T) {
	bubble(t, func(w *world) {
		r := w.replica()
		ada := r.named("s", "Ada")
		v := w.view("s")
		for field, value := range v.State {
			if strings.Contains(value, ada.seat()) {
				w.Errorf("%s holds the secret", field)
			}
		}
		for _, e := range v.Events {
			if strings.Contains(string(e.Body), ada.seat()) || strings.Contains(string(e.Body), seatHash(ada.seat())) {
				w.Errorf("event %s holds the secret or its hash", e.Body)
			}
		}
	})
}
