package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation/estimationtest"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// estimating has joins make estimation sessions.
func estimating(o *Options) { o.DefaultKind = "estimation" }

// meeting makes an estimation session with options.
func (r *replica) meeting(session, options string) {
	r.w.Helper()
	if _, err := r.Create(context.Background(), session, "estimation", json.RawMessage(options)); err != nil {
		r.w.Fatal(err)
	}
}

// vote casts a vote in a round.
func (f *fake) vote(ref uint64, round int, card string) {
	f.command(ref, "cast_vote", fmt.Sprintf(`{"round":%d,"card":%q}`, round, card))
}

// whispers returns the private events that came since the last call.
func (f *fake) whispers() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := lines(f.private)
	f.private = nil
	return all
}

// told returns the events that came since the last call, those about members too.
func (f *fake) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var texts []string
	for _, e := range f.seen {
		texts = append(texts, e.Event+" "+string(e.Data))
	}
	f.seen = nil
	return lines(texts)
}

// agree fails the test unless what each client knows is what its member is shown.
func (w *world) agree(r *replica, session string, all ...*fake) {
	w.Helper()
	for _, f := range all {
		tab := r.again(session, f)
		settle()
		view, members, err := tab.first.State, tab.first.Members, error(nil)
		if tab.mirror == nil {
			w.Fatalf("no state in %+v", tab.first)
		}
		if err = f.mirror.Differs(view); err != nil {
			w.Errorf("%s: %v", f.client, err)
		}
		if _, err = estimationtest.New("", members, view); err != nil {
			w.Error(err)
		}
		tab.gone()
	}
	settle()
}

// TestPrivateEventsReachOwnConnectionsOnly: on all replicas, and on a connection
// that resumes.
func TestPrivateEventsReachOwnConnectionsOnly(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(estimating), w.replica(estimating)
		ann := one.named("s", "Ann")
		ben := two.named("s", "Ben")
		tab, phone := one.again("s", ann), two.again("s", ann)
		settle()
		ben.told()
		ann.vote(1, 1, "5")
		for _, f := range []*fake{ann, tab, phone} {
			if got := f.whispers(); got != `your_vote {"round":1,"card":"5"}` {
				w.Errorf("%s is told %q", f.client, got)
			}
		}
		if got := ben.told(); got != fmt.Sprintf(`vote.state {"member":%q,"voted":true}`, ann.member()) {
			w.Errorf("Ben hears %s", got)
		}
		phone.vote(1, 1, "8") // a re-pick on another replica
		for _, f := range []*fake{ann, tab, phone} {
			if got := f.whispers(); got != `your_vote {"round":1,"card":"8"}` {
				w.Errorf("%s is told %q", f.client, got)
			}
		}
		if got := ben.told() + ben.whispers(); got != "" {
			w.Errorf("of a re-pick Ben hears %s", got)
		}
		if ann.acks[1] == 0 || phone.acks[1] == 0 {
			w.Errorf("acks %v, %v", ann.acks, phone.acks)
		}

		tab.gone()
		ann.vote(2, 1, "13")
		back := two.resume("s", tab)
		if got := back.whispers(); got != `your_vote {"round":1,"card":"13"}` {
			w.Errorf("a connection that resumes is told %q", got)
		}
		phone.command(2, "retract_vote", `{"round":1}`)
		if got := back.whispers(); got != `your_vote {"round":1,"card":null}` {
			w.Errorf("of a vote that is taken back: %q", got)
		}
		w.agree(one, "s", ann, ben, phone, back)
	})
}

// TestLostNewsIsFoundOut: the note that a member has news may get lost.
func TestLostNewsIsFoundOut(t *testing.T) {
	bubble(t, func(w *world) {
		l := &leases{ends: make(map[string]time.Time)}
		one, two := w.replica(estimating), w.replica(estimating)
		one.watch(l)
		two.watch(l)
		pass(2 * leaseTTL)
		ann := one.named("s", "Ann")
		phone := two.again("s", ann)
		settle()
		two.faults.set(hooks{batch: func(fanout.Batch) bool { return false }})
		ann.vote(1, 1, "5")
		two.faults.heal()
		if got := phone.whispers(); got != "" {
			w.Fatalf("the note was lost, and %s came", got)
		}
		pass(20 * time.Second)
		if got := phone.whispers(); got != `your_vote {"round":1,"card":"5"}` {
			w.Errorf("later: %q", got)
		}
	})
}

// TestCountdownFiresOnce: every replica fires it, and it happens once, on time.
func TestCountdownFiresOnce(t *testing.T) {
	bubble(t, func(w *world) {
		var all []*fake
		for i := range 3 {
			r := w.replica(estimating)
			if i == 0 {
				r.meeting("s", `{"auto_reveal":true,"countdown":3}`)
			}
			all = append(all, r.named("s", fmt.Sprintf("Member %d", i)))
		}
		for i, f := range all {
			f.p.Command(&wire.Command{Ref: 1, Command: []byte("cast_vote"), Data: fmt.Appendf(nil, `{"round":1,"card":"%d"}`, i)})
		}
		settle()
		for _, f := range all {
			if got := f.told(); strings.Count(got, "countdown.started") != 1 {
				w.Errorf("told %s", got)
			}
		}
		pass(3*time.Second - 200*time.Millisecond)
		for _, f := range all {
			if got := f.told(); got != "" {
				w.Errorf("too early: %s", got)
			}
		}
		pass(200 * time.Millisecond)
		for _, f := range all {
			if got := f.told(); strings.Count(got, "round.revealed") != 1 || strings.Count(got, "\n") != 0 {
				w.Errorf("told %s", got)
			}
		}
		pass(time.Hour)
		if v := w.view("s"); v.Offset != 3+1+3+1+1 { // joins, roles, votes, countdown, reveal
			w.Errorf("the log has %d events", v.Offset)
		}
	})
}

// TestCountdownSurvivesItsReplica: the replica that started it may die.
func TestCountdownSurvivesItsReplica(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		one.meeting("s", `{"auto_reveal":true,"countdown":5}`)
		ann, ben := one.named("s", "Ann"), two.named("s", "Ben")
		ben.vote(1, 1, "8")
		ann.vote(1, 1, "5")
		ben.told()
		one.cut()
		pass(6 * time.Second)
		if got := ben.told(); !strings.Contains(got, "round.revealed") {
			w.Errorf("told %q", got)
		}
	})
}

// TestDeadlineThatNobodyWatched: what should have happened meanwhile is done when
// somebody joins, with the very same append.
func TestDeadlineThatNobodyWatched(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		one.meeting("s", `{"auto_reveal":true,"countdown":5}`)
		ann := one.named("s", "Ann")
		ann.command(1, "start_timer", `{"seconds":10}`)
		ann.vote(2, 1, "5")
		one.cut()
		pass(time.Hour)
		two := w.replica()
		before := w.view("s").Offset
		ben := two.named("s", "Ben")
		if ben.mirror.Phase() != "revealed" || !strings.Contains(ben.mirror.Get("timer"), `"ended"`) {
			w.Errorf("phase %s, timer %s", ben.mirror.Phase(), ben.mirror.Get("timer"))
		}
		var names []string
		for _, e := range w.view("s").Events {
			var event struct{ Event string }
			if e.Offset > before {
				if err := json.Unmarshal(append([]byte("{"), e.Body...), &event); err != nil {
					w.Fatal(err)
				}
				names = append(names, event.Event)
			}
		}
		if got := strings.Join(names, " "); got != "member.joined round.revealed timer.changed" {
			w.Errorf("the log has %s", got)
		}
		pass(time.Minute)
		if got := two.again("s", ann); got.mirror.Card() != "5" {
			w.Errorf("Ann has %q", got.mirror.Card())
		}
	})
}

// TestCountdownWhileTheStoreIsAway: it is made up for when the store is back.
func TestCountdownWhileTheStoreIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		one.meeting("s", `{"auto_reveal":true,"countdown":3}`)
		ann := one.named("s", "Ann")
		ann.vote(1, 1, "5")
		one.faults.away()
		pass(20 * time.Second)
		one.faults.heal()
		pass(5 * time.Second)
		if got := ann.told(); strings.Count(got, "round.revealed") != 1 {
			w.Errorf("told %s", got)
		}
	})
}

// TestReactionsComeInTheSameAppend: what follows from a change of the members is
// decided with it.
func TestReactionsComeInTheSameAppend(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		one.meeting("s", `{"auto_reveal":true,"countdown":0}`)
		ann, ben, cleo := one.named("s", "Ann"), two.named("s", "Ben"), one.named("s", "Cleo")
		ann.vote(1, 1, "5")
		settle()
		cleo.told()
		ben.p.Leave() // Cleo has not voted
		settle()
		if got := cleo.told(); got != fmt.Sprintf(`member.left {"member":%q,"reason":"left"}`, ben.member()) {
			w.Errorf("told %s", got)
		}
		cleo.gone()
		pass(Blink + time.Second)
		dan := two.join("s", wire.Join{Name: "Dan", Role: "spectator"})
		rev := w.view("s").Rev
		pass(31 * time.Second) // Cleo's grace ends
		if got := dan.told(); !strings.HasPrefix(got, fmt.Sprintf("member.changed {\"member\":%q,\"status\":\"offline\"}\nround.revealed", cleo.member())) {
			w.Errorf("told %s", got)
		}
		if got := w.view("s").Rev; got != rev+1 {
			w.Errorf("the state has changed %d times; want once", got-rev)
		}
		w.agree(one, "s", ann, dan)
	})
}
