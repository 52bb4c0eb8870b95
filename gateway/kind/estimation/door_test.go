package estimation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// knock tries to join, and returns "code close", or "in".
func (m *meeting) knock(j kind.Join) string {
	m.Helper()
	err := m.admit(j)
	if err == nil {
		m.leave(j.Member)
		return "in"
	}
	e := err.(*wire.Error)
	return fmt.Sprintf("%s %d", e.Code, e.Close)
}

func TestAdmit(t *testing.T) {
	m := newMeeting(t, "")
	for _, c := range []struct{ role, want string }{{"", "in"}, {"voter", "in"}, {"spectator", "in"}, {"owner", "bad_role 0"}, {"VOTER", "bad_role 0"}} {
		if got := m.knock(kind.Join{Member: "new", Name: "New", Role: c.role}); got != c.want {
			t.Errorf("role %q: %s; want %s", c.role, got, c.want)
		}
	}
	m.must("own", "lock", "")
	m.tells(`+ door.changed {"locked":true,"passcode":false}`)
	m.must("own", "lock", "")
	m.tells()
	if got := m.knock(kind.Join{Member: "new", Name: "New"}); got != "locked 4502" {
		t.Errorf("locked: %s", got)
	}
	m.must("own", "unlock", "")
	m.tells(`+ door.changed {"locked":false,"passcode":false}`)

	m.must("own", "set_passcode", `{"passcode":"open sesame"}`)
	m.tells(`+ door.changed {"locked":false,"passcode":true}`)
	for _, c := range []struct{ passcode, want string }{{"", "passcode_required 4502"}, {"Open sesame", "passcode_wrong 4502"}, {"open sesame", "in"}} {
		if got := m.knock(kind.Join{Member: "new", Name: "New", Passcode: c.passcode}); got != c.want {
			t.Errorf("passcode %q: %s; want %s", c.passcode, got, c.want)
		}
	}
	for _, all := range []string{string(m.state.Encode()), string(m.state.ViewAt("own", m.at)), fmt.Sprint(m.parts)} {
		if strings.Contains(all, "sesame") {
			t.Errorf("the passcode stands in %s", all)
		}
	}
	hash := string(m.state.Passcode.Hash)
	m.must("own", "set_passcode", `{"passcode":"open sesame"}`)
	if hash == string(m.state.Passcode.Hash) {
		t.Error("the same passcode has the same hash again: no salt")
	}
	m.must("own", "set_passcode", `{"passcode":""}`)
	m.must("own", "set_passcode", `{"passcode":null}`)
	m.tells()
	if got := m.knock(kind.Join{Member: "new", Name: "New"}); got != "in" {
		t.Errorf("without a passcode again: %s", got)
	}
	for _, bad := range []string{`5`, `{"passcode":5}`, `{"passcode":"` + strings.Repeat("x", maxPasscode+1) + `"}`, `{"passcode":"a\nb"}`} {
		m.refused("own", "set_passcode", bad, wire.CodeBadData)
	}
	m.must("own", "close", "")
	m.must("own", "lock", "") // in any phase
}

func TestBan(t *testing.T) {
	m := newMeeting(t, "")
	if err := m.remove("fac", "ann", `,"ban":true`); err != nil {
		t.Fatal(err)
	}
	if err := m.remove("fac", "ben", ``); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ANN": "banned 4502", " ann ": "banned 4502", "ben": "in", "Anna": "in"} {
		if got := m.knock(kind.Join{Member: "new", Name: name}); got != want {
			t.Errorf("%q: %s; want %s", name, got, want)
		}
	}
	if strings.Contains(string(m.state.ViewAt("own", m.at)), "ann") {
		t.Errorf("whom a session keeps out is shown: %s", m.state.ViewAt("own", m.at))
	}
	for n := range maxBanned {
		id := fmt.Sprintf("p%d", n)
		m.people = append(m.people, kind.Person{ID: id, Name: id, Status: wire.StatusOnline})
		_, err := m.state.Builtin(kind.Command{Name: "remove_member", Data: []byte(`{"member":"` + id + `","ban":true}`), From: "own", People: m.people, At: m.at})
		if n < maxBanned-1 {
			r, _ := m.state.Builtin(kind.Command{Name: "remove_member", Data: []byte(`{"member":"` + id + `","ban":true}`), From: "own", People: m.people, At: m.at})
			m.state = r.State.(*state)
		} else if e, ok := err.(*wire.Error); !ok || e.Code != CodeTooMany {
			t.Errorf("%d names, and another one: %v", n, err)
		}
	}
}

// TestLockedFromTheBeginning: a session that is made locked lets in its owner.
func TestLockedFromTheBeginning(t *testing.T) {
	m := empty(t, `{"locked":true}`)
	m.join("own", "")
	if got := m.knock(kind.Join{Member: "new", Name: "New"}); got != "locked 4502" {
		t.Errorf("the second: %s", got)
	}
}

func TestSpectatorsAreBounded(t *testing.T) {
	m := newMeeting(t, "")
	next := m.state.begin("", m.people, m.at)
	for n := range maxSpectators {
		next.Spectators = append(next.Spectators, fmt.Sprint(n))
	}
	_, err := next.Admit(kind.Join{Member: "new", Name: "New", Role: "spectator"}, m.people, m.at)
	if e, ok := err.(*wire.Error); !ok || e.Code != CodeTooMany {
		t.Errorf("%v", err)
	}
}

func TestForTheMoment(t *testing.T) {
	m := newMeeting(t, "")
	m.must("fac", "nudge", `{"member":"ann"}`)
	if len(m.passing) != 1 || m.passing[0].Name != "nudge" || string(m.passing[0].Data) != `{"member":"ann"}` || m.told != nil || m.news != nil {
		t.Errorf("passing %v, told %v", m.passing, m.told)
	}
	m.refused("ann", "nudge", `{"member":"ben"}`, wire.CodeForbidden)
	m.refused("fac", "nudge", `{"member":"zoe"}`, wire.CodeUnknownMember)
	m.refused("fac", "nudge", `{}`, wire.CodeBadData)
	for _, emoji := range []string{"🎉", "👍🏽", "👩‍💻", "❤️"} {
		m.must("eye", "react", `{"emoji":"`+emoji+`"}`)
		if len(m.passing) != 1 || string(m.passing[0].Data) != `{"emoji":"`+emoji+`"}` {
			t.Errorf("passing %v", m.passing)
		}
	}
	for _, bad := range []string{`null`, `{}`, `{"emoji":""}`, `{"emoji":"5"}`, `{"emoji":"a"}`, `{"emoji":"５"}`, `{"emoji":"赞"}`, `{"emoji":"🎉 "}`, `{"emoji":"<"}`,
		`{"emoji":"🎉🎉🎉🎉🎉🎉🎉🎉🎉"}`} {
		m.refused("eye", "react", bad, wire.CodeBadData)
	}
	for command, want := range map[string]string{"nudge": "1 in 5s", "react": "5 in 5s", "cast_vote": "0 in 0s"} {
		times, within := Kind{}.Rate(command)
		if got := fmt.Sprintf("%d in %v", times, within); got != want {
			t.Errorf("%s: %s; want %s", command, got, want)
		}
	}
}
