package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// as joins as somebody with a token.
func (r *replica) as(session string, who Person, j wire.Join) (*fake, *wire.Error) {
	r.w.Helper()
	f := newFake(r.w.T)
	if j.Client == "" {
		j.Client = "c-" + randomID(8)
	}
	f.client = j.Client
	if err := r.JoinAs(r.w.Context(), session, &j, who, f); err != nil {
		return f, err.(*wire.Error)
	}
	return f, nil
}

func (r *replica) mustAs(session string, who Person, j wire.Join) *fake {
	r.w.Helper()
	f, e := r.as(session, who, j)
	if e != nil {
		r.w.Fatalf("%+v with %+v: %v", who, j, e)
	}
	return f
}

// attemptAs joins, and gives up after a while.
func (r *replica) attemptAs(session string, who Person, j wire.Join, f *fake, patience time.Duration) *wire.Error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	j.Client = "c-" + randomID(8)
	if err := r.JoinAs(ctx, session, &j, who, f); err != nil {
		return err.(*wire.Error)
	}
	return nil
}

var ada = Person{Subject: "sub-ada", Name: "Ada L."}

// One subject is one member, on every device, with or without a seat.
func TestPersonIsOneMember(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		laptop := one.mustAs("s", ada, wire.Join{Name: "somebody else"})
		phone := two.mustAs("s", ada, wire.Join{})
		settle()
		bob := two.mustAs("s", Person{Subject: "sub-bob"}, wire.Join{Name: "Bob"})
		settle()
		if laptop.member() != phone.member() || bob.member() == phone.member() {
			w.Errorf("members %s, %s, %s", laptop.member(), phone.member(), bob.member())
		}
		if got := bob.members[laptop.member()]; got.Name != "Ada L." || len(bob.members) != 2 {
			w.Errorf("members %v", bob.members)
		}
		// What the welcome gave as a seat, and whoever's seat, proves nothing.
		for _, seat := range []string{laptop.seat(), bob.seat(), "", strings.Repeat("s", 24)} {
			if again := one.mustAs("s", ada, wire.Join{Seat: seat}); again.member() != laptop.member() {
				w.Errorf("with the seat %q it is %s", seat, again.member())
			}
			one.refused("s", wire.Join{Name: "x", Seat: "sub " + seatHash(ada.Subject)}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		}
		one.refused("s", wire.Join{Seat: laptop.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		if e := func() *wire.Error { _, e := one.as("s", Person{Subject: "nameless"}, wire.Join{}); return e }(); e == nil || e.Code != wire.CodeBadName {
			w.Errorf("somebody without a name: %v", e)
		}
		for field, value := range w.view("s").State {
			if strings.Contains(value, ada.Subject) {
				w.Errorf("the store has the subject in %s", field)
			}
		}
	})
}

// Two devices come at the same moment, to two replicas.
func TestPersonComesTwiceAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		replicas := []*replica{w.replica(), w.replica(), w.replica()}
		came := make(chan *fake, 9)
		for i := range 9 {
			go func() { came <- replicas[i%3].mustAs("s", ada, wire.Join{}) }()
		}
		members := make(map[string]bool)
		for range 9 {
			members[(<-came).member()] = true
		}
		settle()
		if len(members) != 1 || w.connections("s") != 9 {
			w.Errorf("members %v with %d connections", members, w.connections("s"))
		}
	})
}

func TestPersonResumes(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		bob := one.mustAs("s", Person{Subject: "sub-bob"}, wire.Join{Name: "Bob"})
		f := one.mustAs("s", ada, wire.Join{})
		f.publish(1, "e", "1")
		at := f.position()
		bob.publish(1, "e", "2")
		f.gone()
		back := two.mustAs("s", ada, wire.Join{Seat: f.seat(), Client: f.client, Since: &at})
		settle()
		if !back.first.Resumed || back.first.Acked != 1 || !strings.HasSuffix(lines(back.events()), "e 2") {
			w.Errorf("welcome %+v, events %v", back.first, back.events())
		}
		// Somebody else in the same browser gets a snapshot, not the rest of what
		// the other one saw.
		if other := two.mustAs("s", Person{Subject: "sub-eve", Name: "Eve"}, wire.Join{Seat: f.seat(), Since: &at}); other.first.Resumed || other.member() == f.member() {
			w.Errorf("welcome %+v", other.first)
		}
		// The refs are the member's, so nothing counts twice on another device.
		back.p.Publish(&wire.Publish{Ref: 1, Event: []byte("e"), Data: []byte("9")})
		settle()
		if got := lines(bob.events()); strings.Contains(got, "e 9") {
			w.Errorf("a ref took effect twice: %s", got)
		}
	})
}

func TestNameOfAToken(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		f, bob := one.mustAs("s", ada, wire.Join{}), one.mustAs("s", Person{Subject: "sub-bob"}, wire.Join{Name: "Bob"})
		f.command(1, "set_name", `{"name":"Root"}`)
		bob.command(1, "set_name", `{"name":"Robert"}`)
		if got := lines(f.refusals()); got != "1 forbidden" {
			w.Errorf("refusals %q", got)
		}
		renamed := ada
		renamed.Name = "Ada Lovelace"
		one.mustAs("s", renamed, wire.Join{})
		settle()
		if got := bob.members[f.member()].Name; got != "Ada Lovelace" || bob.members[bob.member()].Name != "Robert" {
			w.Errorf("members %v", bob.members)
		}
	})
}

// A person asked for a new seat and gave up, and meanwhile took one on another
// device. What the late answer brings is taken back, and the seat stays.
func TestPersonGivesUp(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		hold := two.faults.holdAppends()
		ended := make(chan *wire.Error, 1)
		go func() {
			f := newFake(w.T)
			ended <- two.attemptAs("s", ada, wire.Join{}, f, 2*time.Second)
		}()
		pass(time.Second)
		there := one.mustAs("s", ada, wire.Join{})
		pass(4 * time.Second)
		if e := <-ended; e == nil {
			w.Error("it did not give up")
		}
		close(hold)
		pass(time.Minute)
		two.faults.heal()
		there.open()
		if got := len(w.roster("s")); got != 1 {
			w.Errorf("the roster has %d members", got)
		}
		if again := two.mustAs("s", ada, wire.Join{}); again.member() != there.member() {
			w.Errorf("the member was %s and is %s", there.member(), again.member())
		}
	})
}

func TestPersonInAnEndedSession(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		f := one.mustAs("s", ada, wire.Join{})
		w.end(one, "s")
		settle()
		f.sawTheEnd()
		if _, e := one.as("s", ada, wire.Join{Seat: f.seat(), Since: &f.at}); e == nil || e.Close != wire.CloseSessionEnded {
			w.Errorf("coming back: %v", e)
		}
		if again := one.mustAs("s", ada, wire.Join{}); again.at.Epoch == f.at.Epoch {
			w.Error("it is in the ended session")
		}
	})
}
