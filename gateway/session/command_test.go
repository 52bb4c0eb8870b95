package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestSetName(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		settle()
		ada.news()
		bob.news()
		ada.command(1, "set_name", `{"name":"  Ada Lovelace "}`)
		want := fmt.Sprintf("member.changed %s Ada Lovelace", ada.member())
		for _, f := range []*fake{ada, bob} {
			if got := f.news(); lines(got) != want {
				w.Errorf("told %v; want %s", got, want)
			}
		}
		ada.command(2, "set_name", `{"name":"Ada Lovelace"}`)
		if ada.acks[2] == 0 {
			w.Error("a command without an event is acknowledged by an ack")
		}
		for i, c := range []struct{ data, code string }{
			{`{"name":" "}`, "bad_name"}, {`{"name":"a\u0000b"}`, "bad_name"}, {`{"name":"` + strings.Repeat("x", 65) + `"}`, "bad_name"},
			{`{}`, "bad_name"}, {`null`, "bad_name"}, {`7`, "bad_data"}, {`{"name":7}`, "bad_data"}, {`[]`, "bad_data"},
		} {
			ref := uint64(i) + 3
			ada.command(ref, "set_name", c.data)
			if got := ada.refusals(); lines(got) != fmt.Sprint(ref, " ", c.code) {
				w.Errorf("%s: %v", c.data, got)
			}
		}
		if got := one.named("s", "Cleo").members[ada.member()].Name; got != "Ada Lovelace" {
			w.Errorf("a newcomer is told the name %q", got)
		}
	})
}

func TestRemoveMember(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		owner, bob, cleo := one.named("s", "Owner"), two.named("s", "Bob"), two.named("s", "Cleo")
		tab := one.again("s", bob)
		settle()
		for _, f := range []*fake{owner, bob, cleo} {
			f.news()
		}
		bob.command(1, "remove_member", `{"member":"`+cleo.member()+`"}`)
		owner.command(1, "remove_member", `{"member":"m_nobody"}`)
		owner.command(2, "remove_member", `{}`)
		if got := append(bob.refusals(), owner.refusals()...); lines(got) != "1 forbidden\n1 unknown_member\n2 bad_data" {
			w.Errorf("refusals %v", got)
		}
		owner.command(3, "remove_member", `{"member":"`+bob.member()+`"}`)
		bob.closed(wire.CloseRemoved)
		tab.closed(wire.CloseRemoved)
		cleo.open()
		bob.p.Publish(&wire.Publish{Ref: 5, Event: []byte("late"), Data: []byte("1")})
		bob.p.Publish(&wire.Publish{Event: []byte("late"), Data: []byte("1"), Ephemeral: true})
		bob.p.Command(&wire.Command{Ref: 6, Command: []byte("set_name"), Data: []byte(`{"name":"x"}`)})
		bob.settle()
		if got := cleo.news(); lines(got) != "member.left "+bob.member()+" removed" {
			w.Errorf("told %v", got)
		}
		if got := cleo.events(); len(got) != 0 {
			w.Errorf("a member who was removed still spoke: %v", got)
		}
		two.refused("s", wire.Join{Seat: bob.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		bob.gone()
		tab.gone()
		pass(Blink * 30)
		if got := cleo.news(); len(got) != 0 {
			w.Errorf("the end of a removed member's connections was told: %v", got)
		}
	})
}

func TestLeave(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		tab := two.again("s", ada)
		settle()
		bob.news()
		ada.p.Publish(&wire.Publish{Ref: 1, Event: []byte("last"), Data: []byte("1")})
		ada.p.Leave()
		ada.p.Publish(&wire.Publish{Ref: 2, Event: []byte("late"), Data: []byte("1")})
		ada.settle()
		ada.closed(wire.CloseNormal)
		tab.closed(wire.CloseNormal)
		if got := bob.events(); len(got) != 1 || !strings.Contains(got[0], "last") {
			w.Errorf("events %v; want the one before the leave", got)
		}
		if got := bob.news(); lines(got) != "member.left "+ada.member()+" left" {
			w.Errorf("told %v", got)
		}
		two.refused("s", wire.Join{Seat: ada.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		if got := w.connections("s"); got != 1 {
			w.Errorf("the roster has %d connections; want 1", got)
		}
	})
}

// Publishes and commands of one client take effect in the order in which they
// were sent, though one kind is decided and the other is not.
func TestOneOrderOfPublishesAndCommands(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		if _, err := one.Create(w.Context(), "s", "document", nil); err != nil {
			w.Fatal(err)
		}
		ada, bob := one.named("s", "Ada"), two.named("s", "Bob")
		for i := range uint64(60) {
			for _, f := range []*fake{ada, bob} {
				data := fmt.Appendf(nil, `{"%s":%d}`, f.client, i)
				if i%3 == 0 {
					f.p.Publish(&wire.Publish{Ref: i + 1, Event: []byte("e"), Data: data})
				} else {
					f.p.Command(&wire.Command{Ref: i + 1, Command: []byte("patch"), Data: data})
				}
			}
		}
		settle()
		settle()
		if a, b := lines(ada.events()), lines(bob.events()); a != b {
			w.Errorf("two members saw different orders:\n%s\n\n%s", a, b)
		}
		for _, f := range []*fake{ada, bob} {
			var refs []string
			for _, e := range bob.seen {
				if ref, ok := strings.CutPrefix(e.Ref, f.client+":"); ok {
					refs = append(refs, ref)
				}
			}
			var want []string
			for i := range 60 {
				want = append(want, fmt.Sprint(i+1))
			}
			if !slices.Equal(refs, want) {
				w.Errorf("the requests of one client took effect as %v", refs)
			}
		}
	})
}

func TestUnknownCommand(t *testing.T) {
	bubble(t, func(w *world) {
		ada := w.replica().named("s", "Ada")
		ada.command(1, "cast_vote", `{}`)
		if got := ada.refusals(); lines(got) != "1 unknown_command" {
			w.Errorf("refusals %v", got)
		}
		ada.publish(2, "e", "1")
		if got := ada.events(); len(got) != 1 {
			w.Errorf("events %v", got)
		}
	})
}

// moment publishes an ephemeral event.
func (f *fake) moment(event, key, data string) {
	f.p.Publish(&wire.Publish{Event: []byte(event), Key: []byte(key), Data: []byte(data), Ephemeral: true})
	synctest.Wait()
}

func TestEphemeralEvents(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada, bob, cleo := one.named("s", "Ada"), two.named("s", "Bob"), two.named("s", "Cleo")
		settle()
		head := cleo.position()
		for _, data := range []string{"1", "2", "3", "4", "5", "6"} {
			ada.moment("cursor", "c", data)
			bob.moment("cursor", "c", `"bob `+data+`"`)
			ada.moment("cursor", "other", `"other `+data+`"`)
			ada.moment("plain", "", data)
		}
		settle()
		for _, f := range []*fake{ada, bob, cleo} {
			f.keptLatest()
		}
		if got := cleo.position(); got != head {
			w.Errorf("ephemeral events moved the position from %v to %v", head, got)
		}
		cleo.gone()
		back := one.resume("s", cleo)
		settle()
		if got := back.events(); len(got) != 0 || !back.first.Resumed {
			w.Errorf("replayed %v", got)
		}
	})
}

// keptLatest checks what a member saw of keyed events numbered 1 to 6.
func (f *fake) keptLatest() {
	f.t.Helper()
	digits := `"123456`
	last, plain := make(map[string]string), ""
	for _, e := range f.seen {
		switch e.Event {
		case "cursor":
			last[strings.Trim(string(e.Data), digits)] = string(e.Data)
		case "plain":
			plain += string(e.Data)
		}
	}
	if plain != "123456" {
		f.t.Errorf("events without a key: %s; want all", plain)
	}
	if last[""] != "6" || last["bob "] != `"bob 6"` || last["other "] != `"other 6"` {
		f.t.Errorf("the latest were %v", last)
	}
	for _, frame := range f.frames {
		keys := make(map[string]int)
		for _, e := range frame {
			if e.Event == "cursor" {
				keys[e.From+strings.Trim(string(e.Data), digits)]++
			}
		}
		for key, n := range keys {
			if n > 1 {
				f.t.Errorf("a frame has %d of %s", n, key)
			}
		}
	}
	if len(f.seen) >= 24 {
		f.t.Errorf("%d events: nothing was replaced", len(f.seen))
	}
}
