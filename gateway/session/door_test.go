package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// TestKindDecidesOnJoins: role, lock, passcode and ban; who has a seat comes back
// through all of them.
func TestKindDecidesOnJoins(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(estimating), w.replica(estimating)
		one.refused("s", wire.Join{Name: "Ann", Role: "owner"}, "bad_role", wire.CloseJoinRefused)
		if w.view("s").Exists {
			w.Error("a join that was refused has made the session")
		}
		ann := one.named("s", "Ann")
		eye := two.join("s", wire.Join{Name: "Eye", Role: "spectator"})
		settle()
		if a, b := ann.members[eye.member()].Role, eye.members[ann.member()].Role; a != "spectator" || b != "voter" {
			w.Errorf("roles %q, %q", a, b)
		}
		eye.vote(1, 1, "5")
		if got := lines(eye.refusals()); got != "1 spectator" {
			w.Errorf("refused %q", got)
		}
		ann.command(1, "set_role", fmt.Sprintf(`{"member":%q,"role":"voter"}`, eye.member()))
		if got := eye.members[eye.member()].Role; got != "voter" {
			w.Errorf("role %q", got)
		}

		ann.command(2, "lock", `null`)
		two.refused("s", wire.Join{Name: "Ben"}, "locked", wire.CloseForbidden)
		ann.command(3, "unlock", `null`)
		ann.command(4, "set_passcode", `{"passcode":"sesame"}`)
		two.refused("s", wire.Join{Name: "Ben"}, "passcode_required", wire.CloseForbidden)
		two.refused("s", wire.Join{Name: "Ben", Passcode: "x"}, "passcode_wrong", wire.CloseForbidden)
		ben := two.join("s", wire.Join{Name: "Ben", Passcode: "sesame"})
		two.again("s", ben)
		two.resume("s", eye)

		ann.command(5, "remove_member", fmt.Sprintf(`{"member":%q,"ban":true}`, ben.member()))
		ben.closed(wire.CloseRemoved)
		two.refused("s", wire.Join{Name: " BEN ", Passcode: "sesame"}, "banned", wire.CloseForbidden)
		two.refused("s", wire.Join{Seat: ben.seat()}, wire.CodeSeatUnknown, wire.CloseJoinRefused)
		for field, value := range w.view("s").State {
			if strings.Contains(value, "sesame") {
				w.Errorf("the passcode is stored in %s", field)
			}
		}
		for _, e := range w.view("s").Events {
			if strings.Contains(string(e.Body), "sesame") {
				w.Errorf("the passcode is told: %s", e.Body)
			}
		}
		w.agree(one, "s", ann)
	})
}

// TestPasscodesCannotBeTriedForLong: and who has a seat does not notice.
func TestPasscodesCannotBeTriedForLong(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica(estimating)
		ann := one.named("s", "Ann")
		ann.command(1, "set_passcode", `{"passcode":"0815"}`)
		tries := 0
		for ; tries < 1000; tries++ {
			_, e := one.try("s", wire.Join{Name: "Eve", Passcode: fmt.Sprint(tries)})
			if e == nil || e.Code == wire.CodeSlowDown {
				break
			}
		}
		if tries != wrongTries {
			w.Errorf("%d passcodes could be tried", tries)
		}
		_, e := one.try("s", wire.Join{Name: "Ben", Passcode: "0815"})
		if e == nil || e.Code != wire.CodeSlowDown || e.Close != wire.CloseTooFast || !e.Retry || e.After <= 0 || e.After > wrongTriesWithin {
			w.Errorf("meanwhile: %+v", e)
		}
		one.again("s", ann)
		pass(wrongTriesWithin)
		one.join("s", wire.Join{Name: "Ben", Passcode: "0815"})
	})
}

// TestKindGuardsBuiltinCommands: facilitators may remove others, too.
func TestKindGuardsBuiltinCommands(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(estimating), w.replica(estimating)
		own, fac, ben := one.named("s", "Own"), one.named("s", "Fac"), two.named("s", "Ben")
		remove := func(by *fake, ref uint64, who *fake) {
			by.command(ref, "remove_member", fmt.Sprintf(`{"member":%q}`, who.member()))
		}
		remove(fac, 1, ben)
		own.command(1, "promote", fmt.Sprintf(`{"member":%q}`, fac.member()))
		ben.vote(1, 1, "5")
		own.told()
		remove(fac, 2, own)
		if got := lines(fac.refusals()); got != "1 forbidden\n2 forbidden" {
			w.Errorf("refused %q", got)
		}
		remove(fac, 3, ben)
		ben.closed(wire.CloseRemoved)
		fac.command(4, "set_name", `{"name":"Facilitator"}`)
		if got := own.told(); got != fmt.Sprintf("member.left {\"member\":%q,\"reason\":\"removed\"}\nmember.changed {\"member\":%q,\"name\":\"Facilitator\"}", ben.member(), fac.member()) {
			w.Errorf("told %s", got)
		}
		own.p.Leave()
		settle()
		if got := fac.mirror.Get("owner"); got != fmt.Sprintf("%q", fac.member()) {
			w.Errorf("the owner has left, and now is %s", got)
		}
		w.agree(two, "s", fac)
	})
}

// TestCommandsForTheMomentAreRated: each replica lets a member give so many in a
// while; one that is sent again is the same one.
func TestCommandsForTheMomentAreRated(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(estimating), w.replica(estimating)
		own, ben := one.named("s", "Own"), two.named("s", "Ben")
		settle()
		offset := w.view("s").Offset
		ben.told()
		for ref := range uint64(7) {
			own.command(ref+1, "react", `{"emoji":"🎉"}`)
		}
		if got := lines(own.refusals()); got != "6 slow_down\n7 slow_down" {
			w.Errorf("refused %q", got)
		}
		if got := ben.told(); got != strings.TrimSpace(strings.Repeat("react {\"emoji\":\"🎉\"}\n", 5)) {
			w.Errorf("told %q", got)
		}
		if got := w.view("s").Offset; got != offset {
			w.Errorf("%d events are kept of what was for the moment", got-offset)
		}
		own.command(8, "nudge", fmt.Sprintf(`{"member":%q}`, ben.member())) // another limit
		own.command(9, "nudge", fmt.Sprintf(`{"member":%q}`, ben.member()))
		if got := lines(own.refusals()); got != "9 slow_down" || own.acks[8] == 0 {
			w.Errorf("refused %q, acks %v", got, own.acks)
		}
		ben.command(1, "react", `{"emoji":"🎉"}`)
		pass(5 * time.Second)
		own.command(10, "react", `{"emoji":"🎉"}`)
		if got := lines(own.refusals()); got != "" || len(ben.refusals()) > 0 {
			w.Errorf("refused %q", got)
		}
	})
}

// TestRatedCommandThatIsSentAgain: a conflict decides it again, which is no
// second one.
func TestRatedCommandThatIsSentAgain(t *testing.T) {
	p := &pace{times: 1, within: time.Second}
	now := time.Unix(1000, 0)
	for i, c := range []struct {
		what string
		at   time.Duration
		ok   bool
		wait time.Duration
	}{
		{"c:1", 0, true, 0},
		{"c:1", time.Millisecond, true, 0},
		{"c:2", 400 * time.Millisecond, false, 600 * time.Millisecond},
		{"c:2", time.Second, true, 0},
		{"c:1", time.Second, false, time.Second},
	} {
		if ok, wait := p.allow(c.what, now.Add(c.at)); ok != c.ok || wait != c.wait {
			t.Errorf("%d: %v, %v; want %v, %v", i, ok, wait, c.ok, c.wait)
		}
	}
	if p.idle(now.Add(1500*time.Millisecond)) || !p.idle(now.Add(2*time.Second)) {
		t.Error("idle at the wrong time")
	}
}

// TestNobodyForgesTheSessionsEvents: members publish, but not what the gateway or
// the kind tells.
func TestNobodyForgesTheSessionsEvents(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica()
		one.meeting("m", ``)
		for session, events := range map[string]map[string]bool{
			"b": {"member.left": false, "member.x": false, "vote.state": true, "chat": true, "members": true},
			"d": {"member.left": false, "chat": true},
			"m": {"member.left": false, "vote.state": false, "round.revealed": false, "react": false, "timer.changed": false, "options.changed": false, "chat": true, "react.more": true},
		} {
			ann := one.named(session, "Ann")
			ref := uint64(0)
			for event, allowed := range events {
				ref++
				ann.publish(ref, event, `{}`)
				if got := len(ann.refusals()) == 0; got != allowed {
					w.Errorf("%s: publishing %s is allowed: %v", session, event, got)
				}
				ann.told()
				ann.moment(event, "", `{}`)
				if got := ann.told() != ""; got != allowed {
					w.Errorf("%s: publishing %s for the moment is allowed: %v", session, event, got)
				}
				ann.refusals()
			}
		}
	})
}

// TestVoteIsSmall: one vote costs each other client at most 150 bytes, with the
// frame around it, however long the voter's client id is.
func TestVoteIsSmall(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica(estimating)
		ann := one.join("s", wire.Join{Name: "Ann", Client: strings.Repeat("c", 64)})
		ben := one.named("s", "Ben")
		for ref := range uint64(3000) { // so that the offset has some digits
			ann.p.Publish(&wire.Publish{Ref: ref + 1, Event: []byte("chat"), Data: []byte(`1`)})
			if ref%200 == 0 {
				settle()
			}
		}
		settle()
		ben.told()
		ben.size = 0
		ann.vote(3001, 1, "5")
		if got := ben.told(); !strings.HasPrefix(got, "vote.state") {
			w.Fatalf("told %q", got)
		}
		const webSocketHeader = 4 // of a message of 126 bytes or more (RFC 6455, section 5.2)
		if ben.size == 0 || ben.size+webSocketHeader > 150 {
			w.Errorf("a vote is %d bytes for others", ben.size+webSocketHeader)
		}
	})
}

// TestForgottenMeetingIsPutBack: with all its parts.
func TestForgottenMeetingIsPutBack(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.replica(), w.replica()
		one.meeting("s", `{"stories":["Login"]}`)
		ann, ben := one.named("s", "Ann"), two.named("s", "Ben")
		ann.vote(1, 1, "5")
		ann.command(2, "reveal", `{"round":1,"force":true}`)
		ann.command(3, "start_round", `{"story":"s1"}`)
		ann.vote(4, 2, "8")
		w.forget("s")
		pass(30 * time.Second)
		v := w.view("s")
		if v.State[fieldPart+"r:1"] == "" || v.State[fieldPart+"stories"] == "" {
			w.Errorf("put back: %v", v.State)
		}
		ann.reset(v.Epoch)
		ben.reset(v.Epoch)
		if ann.mirror.Card() != "8" || ben.mirror.Card() != "" || ben.mirror.History() != 1 {
			w.Errorf("Ann has %q, Ben %q, and %d past rounds", ann.mirror.Card(), ben.mirror.Card(), ben.mirror.History())
		}
		w.agree(two, "s", ann, ben)
	})
}

// TestPartsAreWrittenOnlyWhenTheyChange: a vote in a session with many rounds
// does not write them again.
func TestPartsAreWrittenOnlyWhenTheyChange(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.replica(estimating)
		ann := one.named("s", "Ann")
		ann.command(1, "import_stories", `{"lines":"a\nb\nc"}`)
		ann.vote(2, 1, "5")
		ann.command(3, "start_round", `{"confirm":true}`)
		var fields []string
		one.faults.set(hooks{append: func(a *fanout.Append, do func() (fanout.Appended, error)) (fanout.Appended, error) {
			for field := range a.Set {
				fields = append(fields, field)
			}
			return do()
		}})
		ann.vote(4, 2, "8")
		if got := lines(fields); got != fieldState {
			w.Errorf("a vote writes %q", got)
		}
	})
}
