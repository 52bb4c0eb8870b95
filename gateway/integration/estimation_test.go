package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation/estimationtest"
	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// voter is a member of an estimation, who keeps its state as the document says.
type voter struct {
	*member

	mu     sync.Mutex // guards the following
	mirror *estimationtest.Mirror
	wrong  error
}

// joinMeeting joins an estimation, and returns when the voter knows it.
func joinMeeting(t testing.TB, session, name string, g *gateway) *voter {
	t.Helper()
	v := new(voter)
	v.member = join(t, session, name, []string{g.URL()}, func(o *client.Options) {
		onState, onEvents := o.OnState, o.OnEvents
		o.OnState = func(s client.State) {
			v.know(func() (err error) {
				v.mirror, err = estimationtest.New(v.Member(), encoded(s.Members), s.State)
				return err
			})
			onState(s)
		}
		o.OnEvents = func(events []wire.Event) {
			for _, e := range events {
				v.know(func() error { return v.mirror.Event(e.Event, e.Data) })
			}
			onEvents(events)
		}
		o.OnPrivate = func(p *wire.Private) {
			v.know(func() error { return v.mirror.Private(p.Event, p.Data) })
		}
	})
	v.welcomed(t, 1)
	return v
}

func encoded(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs
	}
	return b
}

func (v *voter) know(learn func() error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := learn(); err != nil && v.wrong == nil {
		v.wrong = err
	}
}

// ask gives a command, and returns "ok" or the code of the refusal.
func (v *voter) ask(t testing.TB, command, data string, args ...any) string {
	_, err := v.Command(t.Context(), command, json.RawMessage(fmt.Sprintf(data, args...)))
	var refusal *wire.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refusal):
		return string(refusal.Code)
	}
	return err.Error()
}

// TestRacesOnRedis has requests meet on three replicas, again and again. What may
// come of each is defined; and in the end everybody knows the same.
func TestRacesOnRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	var all []*gateway
	var voters []*voter
	const session = "races"
	for i := range 3 {
		all = append(all, startGateway(t, "PLENUM_REDIS_URL="+redis.URL(), "PLENUM_SESSION_KIND=estimation"))
		voters = append(voters, joinMeeting(t, session, fmt.Sprintf("voter %d", i), all[i]))
	}
	own, ann, ben := voters[0], voters[1], voters[2]
	r := rand.New(rand.NewPCG(drawSeed(t), 0))
	if got := own.ask(t, "set_options", `{"late_change":true,"countdown":1}`); got != "ok" {
		t.Fatal(got)
	}
	m := &meeting{t: t, voters: voters, r: r, round: 1}
	decks := []string{"short", "linear"} // the next one first
	races := []func(){
		func() { // two facilitators revealing
			m.vote(own, ann, ben)
			got := m.meet(m.reveal(own), m.reveal(ann), m.reveal(ben))
			m.once(got, "already_revealed")
			m.next("ok")
		},
		func() { // last vote against reveal
			m.vote(own, ann)
			m.among(m.meet(m.reveal(own), m.cast(ben, "8")), "ok ok", "ok already_revealed")
			m.next("ok")
		},
		func() { // vote against revote
			m.vote(own, ann, ben)
			m.among(m.meet(m.reveal(own)), "ok")
			m.among(m.meet(m.request(own, "revote", `{"round":%d}`, m.round), m.request(ben, "change_vote", `{"round":%d,"card":"13"}`, m.round)),
				"ok ok", "ok stale_round")
			m.round++
		},
		func() { // deck change with votes
			m.vote(own)
			deck := decks[0]
			decks[0], decks[1] = decks[1], decks[0]
			m.among(m.meet(m.request(own, "set_deck", `{"deck":%q,"confirm":true}`, deck), m.cast(ben, "8")), "ok ok", "ok stale_round")
			m.round++
		},
		func() { // a spectator switch of the last non-voter against the vote
			m.vote(own, ann)
			m.among(m.meet(m.request(own, "set_role", `{"member":%q,"role":"spectator"}`, ben.Member()), m.cast(ben, "8")), "ok ok", "ok spectator")
			m.among(m.meet(m.request(ben, "set_role", `{"role":"voter"}`)), "ok")
			m.next("ok")
		},
		func() { // countdown, fired by all replicas, against a retraction
			m.among(m.meet(m.request(own, "set_options", `{"auto_reveal":true}`)), "ok")
			m.vote(own, ann, ben)
			pause(t.Context(), time.Second-20*time.Millisecond+time.Duration(r.IntN(100))*time.Millisecond)
			got := m.meet(m.request(ann, "retract_vote", `{"round":%d}`, m.round))
			m.among(got, "ok", "already_revealed")
			m.among(m.meet(m.request(own, "set_options", `{"auto_reveal":false}`)), "ok")
			m.next("ok")
		},
	}
	for range 5 {
		for _, i := range r.Perm(len(races)) {
			races[i]()
		}
	}
	m.agree(all, session)
}

// meeting is a series of races in one session.
type meeting struct {
	t      testing.TB
	voters []*voter
	r      *rand.Rand
	round  int
}

// meet has requests meet, and returns what each was told.
func (m *meeting) meet(requests ...func() string) []string {
	told := make([]string, len(requests))
	var all sync.WaitGroup
	for i, request := range requests {
		all.Go(func() { told[i] = request() })
	}
	all.Wait()
	return told
}

func (m *meeting) request(v *voter, command, data string, args ...any) func() string {
	return func() string { return v.ask(m.t, command, data, args...) }
}

func (m *meeting) reveal(v *voter) func() string {
	return m.request(v, "reveal", `{"round":%d,"force":true}`, m.round)
}

func (m *meeting) cast(v *voter, card string) func() string {
	return m.request(v, "cast_vote", `{"round":%d,"card":%q}`, m.round, card)
}

// vote has voters vote, all at once.
func (m *meeting) vote(voters ...*voter) {
	m.t.Helper()
	var requests []func() string
	for _, v := range voters {
		requests = append(requests, m.cast(v, "5"))
	}
	if told := m.meet(requests...); slices.ContainsFunc(told, func(s string) bool { return s != "ok" }) {
		m.t.Fatalf("votes: %v", told)
	}
}

// next starts the next round.
func (m *meeting) next(want string) {
	m.t.Helper()
	m.among(m.meet(m.request(m.voters[0], "start_round", `{"confirm":true}`)), want)
	m.round++
}

// among fails the test unless an outcome is one of those that are defined.
func (m *meeting) among(told []string, defined ...string) {
	m.t.Helper()
	if got := strings.Join(told, " "); !slices.Contains(defined, got) {
		m.t.Fatalf("round %d: told %s; defined are %v", m.round, got, defined)
	}
}

// once fails the test unless one request took effect, and all others were told
// something else.
func (m *meeting) once(told []string, others string) {
	m.t.Helper()
	slices.Sort(told)
	ok := slices.Index(told, "ok")
	if ok < 0 || slices.ContainsFunc(slices.Delete(slices.Clone(told), ok, ok+1), func(s string) bool { return s != others }) {
		m.t.Fatalf("round %d: told %v; want one ok, and %s", m.round, told, others)
	}
}

// agree fails the test unless everybody knows what each replica says, and no
// round was revealed, or started, twice.
func (m *meeting) agree(all []*gateway, session string) {
	m.t.Helper()
	var members []*member
	for _, v := range m.voters {
		members = append(members, v.member)
	}
	allCaughtUp(m.t, members)
	judge(m.t, members)
	var view struct{ State json.RawMessage }
	for i, v := range m.voters {
		getJSON(m.t, all[i].URL()+"/api/sessions/"+session, &view)
		v.know(func() error { return v.mirror.Matches(view.State) })
		if v.wrong != nil {
			m.t.Errorf("%s: %v", v.name, v.wrong)
		}
	}
	counts := make(map[string]int)
	m.voters[0].look(func() {
		for _, e := range m.voters[0].events {
			if e.Event == "round.revealed" || e.Event == "round.started" {
				var d struct{ Round int }
				if err := json.Unmarshal(e.Data, &d); err != nil {
					m.t.Fatal(err)
				}
				counts[fmt.Sprintf("%s %d", e.Event, d.Round)]++
			}
		}
	})
	for what, n := range counts {
		if n != 1 {
			m.t.Errorf("%s came %d times", what, n)
		}
	}
	if len(counts) < m.round {
		m.t.Errorf("%d rounds, but only %v", m.round, counts)
	}
}
