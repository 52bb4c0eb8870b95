package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// document makes a session with a document in it.
func (w *world) document(r *replica, session, document string) {
	w.Helper()
	if _, err := r.Create(w.Context(), session, "document", json.RawMessage(`{"document":`+document+`}`)); err != nil {
		w.Fatal(err)
	}
}

func TestPatch(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		w.document(one, "s", `{"a":1}`)
		ada := two.named("s", "Ada")
		for _, c := range []struct{ patch, want string }{
			{`{"b":{"c":2}}`, `{"a":1,"b":{"c":2}}`},
			{`{"a":null}`, `{"b":{"c":2}}`},
			{`[1,2]`, `[1,2]`}, // RFC 7396: a patch that is no object replaces everything
			{`{"d":1}`, `{"d":1}`},
		} {
			snap, err := one.Patch(w.Context(), "s", json.RawMessage(c.patch), nil)
			if err != nil || string(snap.State) != c.want {
				w.Fatalf("%s: %s, %v; want %s", c.patch, snap.State, err, c.want)
			}
			settle()
			if got := ada.position(); got != (wire.Position{Epoch: snap.Epoch, Offset: snap.Offset}) {
				w.Errorf("%s: the answer is at %d, the members are at %d", c.patch, snap.Offset, got.Offset)
			}
		}
		if got := lines(ada.events()); !strings.HasSuffix(got, `document.replaced [1,2]`+"\n"+`5 document.patched {"d":1}`) {
			w.Errorf("told %q", got)
		}
		for session, want := range map[string]error{"none": ErrNone, "plain": ErrNoPatch} {
			if session == "plain" {
				one.named(session, "Bob")
			}
			if _, err := one.Patch(w.Context(), session, json.RawMessage(`{}`), nil); !errors.Is(err, want) {
				w.Errorf("%s: %v; want %v", session, err, want)
			}
		}
		var refusal *wire.Error
		if _, err := one.Patch(w.Context(), "s", json.RawMessage(`"`+strings.Repeat("x", 300_000)+`"`), nil); !errors.As(err, &refusal) {
			w.Errorf("a document that is too large: %v", err)
		}
	})
}

// Of those who patch what they have seen, on whichever replica, one wins.
func TestPatchIsCompareAndSet(t *testing.T) {
	bubble(t, func(w *world) {
		replicas := []*replica{w.replica(), w.replica(), w.replica()}
		w.document(replicas[0], "s", `{"n":0}`)
		for round := 1; round <= 5; round++ {
			seen, err := replicas[round%3].Snapshot(w.Context(), "s")
			if err != nil {
				w.Fatal(err)
			}
			at := wire.Position{Epoch: seen.Epoch, Offset: seen.Offset}
			results := make(chan error, 9)
			for i := range 9 {
				go func() {
					_, err := replicas[i%3].Patch(w.Context(), "s", json.RawMessage(fmt.Sprintf(`{"n":%d,"by":%d}`, round, i)), &at)
					results <- err
				}()
			}
			won := 0
			for range 9 {
				switch err := <-results; {
				case err == nil:
					won++
				case !errors.Is(err, ErrMoved):
					w.Errorf("refused with %v", err)
				}
			}
			if won != 1 {
				w.Errorf("round %d: %d have won", round, won)
			}
		}
		if v := w.view("s"); v.Offset != 5 {
			w.Errorf("the log is at %d", v.Offset)
		}
	})
}

func TestPatchWhoseAnswerIsLost(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		w.document(one, "s", `{"a":1}`)
		seen, _ := one.Snapshot(w.Context(), "s")
		lost := false
		one.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			res, err := do()
			if !lost {
				lost, err = true, errors.New("the answer was lost")
			}
			return res, err
		}})
		snap, err := one.Patch(w.Context(), "s", json.RawMessage(`{"b":2}`), &wire.Position{Epoch: seen.Epoch, Offset: seen.Offset})
		if err != nil || string(snap.State) != `{"a":1,"b":2}` || snap.Offset != seen.Offset+1 {
			w.Errorf("%+v, %v", snap, err)
		}
		if v := w.view("s"); len(v.Events) != 1 {
			w.Errorf("the log has %d events", len(v.Events))
		}
	})
}

func TestBackendPublishes(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ada := two.named("s", "Ada")
		settle()
		publish := func(r *replica, event, data, key string) (Published, error) {
			return r.Publish(w.Context(), "s", event, json.RawMessage(data), key)
		}
		first, err := publish(one, "order.paid", `{"id":7}`, "key-1")
		if err != nil || first.Repeated || first.Offset != 2 {
			w.Fatalf("%+v, %v", first, err)
		}
		if _, err := publish(one, "order.paid", `{"id":8}`, ""); err != nil {
			w.Fatal(err)
		}
		for _, r := range []*replica{one, two, w.replica()} { // harmless on whichever replica
			again, err := publish(r, "order.paid", ` {"id": 7}`, "key-1")
			if err != nil || !again.Repeated || again.Position != first.Position {
				w.Errorf("a repeat answered %+v, %v; want %+v", again, err, first)
			}
			if _, err := publish(r, "order.paid", `{"id":9}`, "key-1"); !errors.Is(err, ErrKeyReused) {
				w.Errorf("another event with the key: %v", err)
			}
		}
		pass(23 * time.Hour) // and after a long time
		if again, err := publish(two, "order.paid", `{"id":7}`, "key-1"); err != nil || !again.Repeated || again.Position != first.Position {
			w.Errorf("a late repeat answered %+v, %v", again, err)
		}
		settle()
		if got := lines(ada.events()); got != "2 order.paid {\"id\":7}\n3 order.paid {\"id\":8}" {
			w.Errorf("told %q", got)
		}
		for _, e := range ada.seen {
			if e.From != "" || e.Ref != "" {
				w.Errorf("the event is of %q, %q", e.From, e.Ref)
			}
		}
		if _, err := one.Publish(w.Context(), "none", "e", json.RawMessage("1"), ""); !errors.Is(err, ErrNone) {
			w.Errorf("into no session: %v", err)
		}
	})
}

// Nobody but the gateway says who is a member and when a session is over.
func TestReservedEvents(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		ada := one.named("s", "Ada")
		settle()
		for i, event := range []string{"member.left", "member.joined", "session.ended", "session.x"} {
			var e *wire.Error
			if _, err := one.Publish(w.Context(), "s", event, json.RawMessage("1"), ""); !errors.As(err, &e) || e.Code != wire.CodeForbidden {
				w.Errorf("%s by a backend: %v", event, err)
			}
			ada.publish(uint64(i+1), event, "1")
			ada.p.Publish(&wire.Publish{Ephemeral: true, Event: []byte(event), Data: []byte("1")})
			if got := lines(ada.refusals()); got != fmt.Sprintf("%d forbidden\n0 forbidden", i+1) {
				w.Errorf("%s by a member: %q", event, got)
			}
		}
		ada.publish(9, "members.x", "1")
		if got := ada.events(); len(got) != 1 {
			w.Errorf("events %q", got)
		}
	})
}

// Many backends publish at once, while answers get lost: each event is there once.
func TestBackendsPublishOnce(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		one.named("s", "Ada")
		calls := 0
		one.faults.set(hooks{append: func(_ *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			res, err := do()
			if calls++; calls%3 == 0 {
				err = errors.New("the answer was lost")
			}
			return res, err
		}})
		const each = 30
		results := make(chan error, 3*each)
		for i := range each {
			for n, r := range []*replica{one, one, two} {
				go func() {
					_, err := r.Publish(w.Context(), "s", "e", json.RawMessage(fmt.Sprint(3*i+n)), "")
					results <- err
				}()
			}
			if i%5 == 0 {
				pass(10 * time.Millisecond)
			}
		}
		for range 3 * each {
			if err := <-results; err != nil {
				w.Fatal(err)
			}
		}
		one.faults.heal()
		seen := make(map[string]int)
		for _, e := range w.view("s").Events {
			if text := string(e.Body); strings.Contains(text, `"event":"e"`) {
				seen[text[strings.Index(text, `"data"`):]]++
			}
		}
		for text, n := range seen {
			if n != 1 {
				w.Errorf("%s is there %d times", text, n)
			}
		}
		if len(seen) != 3*each-26 && len(seen) != 3*each {
			w.Logf("%d events are left of %d", len(seen), 3*each) // the store keeps 64
		}
	})
}

func TestHistory(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		ada := one.named("s", "Ada")
		for ref := range uint64(50) {
			ada.publish(ref+1, "e", fmt.Sprint(ref+1))
		}
		all, err := one.History(w.Context(), "s", 0, 1000)
		var events []wire.Event
		if err := json.Unmarshal(all.Events, &events); err != nil {
			w.Fatalf("%s: %v", all.Events, err)
		}
		if err != nil || !all.Complete || all.Offset != 51 || all.Last != 51 || len(events) != 51 || events[0].Event != eventJoined || events[50].Offset != 51 {
			w.Errorf("%+v, %v", all, err)
		}
		page, err := one.History(w.Context(), "s", 10, 5)
		if err != nil {
			w.Fatal(err)
		}
		if err := json.Unmarshal(page.Events, &events); err != nil || len(events) != 5 || events[0].Offset != 11 || page.Last != 15 || !page.Complete {
			w.Errorf("%s, %v", page.Events, err)
		}
		for after, complete := range map[uint64]bool{51: true, 99: false} {
			if got, err := one.History(w.Context(), "s", after, 5); err != nil || string(got.Events) != "[]" || got.Last != 0 || got.Complete != complete {
				w.Errorf("after %d: %+v, %v", after, got, err)
			}
		}
		for ref := range uint64(100) { // the store keeps 64
			ada.publish(ref+51, "e", "1")
		}
		if got, err := one.History(w.Context(), "s", 3, 5); err != nil || got.Complete || got.Last < 60 {
			w.Errorf("behind what was trimmed: %+v, %v", got, err)
		}
		if _, err := one.History(w.Context(), "none", 0, 5); !errors.Is(err, ErrNone) {
			w.Errorf("of no session: %v", err)
		}
		for ref := range uint64(40) {
			ada.publish(ref+151, "e", `"`+strings.Repeat("x", 60_000)+`"`)
		}
		if got, err := one.History(w.Context(), "s", all.Offset+110, 1000); err != nil || len(got.Events) > historyBytes+70_000 || len(got.Events) < historyBytes/2 {
			w.Errorf("%d bytes of history, %v", len(got.Events), err)
		}
	})
}
