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
	ready chan struct{} // closed when member is there

	mu     sync.Mutex // guards the following
	mirror *estimationtest.Mirror
	wrong  error
}

// joinRaces joins an estimation, and returns when the voter knows it.
func joinRaces(t testing.TB, session, name string, g *gateway) *voter {
	t.Helper()
	v := &voter{ready: make(chan struct{})}
	v.member = join(t, session, name, []string{g.URL()}, func(o *client.Options) {
		onState, onEvents := o.OnState, o.OnEvents
		o.OnState = func(s client.State) {
			<-v.ready
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
	close(v.ready)
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
		voters = append(voters, joinRaces(t, session, fmt.Sprintf("voter %d", i), all[i]))
	}
	own := voters[0]
	r := rand.New(rand.NewPCG(drawSeed(t), 0))
	if got := own.ask(t, "set_options", `{"late_change":true,"countdown":1}`); got != "ok" {
		t.Fatal(got)
	}
	c := &contest{t: t, voters: voters, round: 1}
	races := c.races(r)
	for range 5 {
		for _, i := range r.Perm(len(races)) {
			races[i]()
		}
	}
	c.agree(all, session)
}

// contest is a series of races in one session.
type contest struct {
	t      testing.TB
	voters []*voter
	round  int
}

// races are all of them; each leaves a new round behind.
func (c *contest) races(r *rand.Rand) []func() {
	own, ann, ben := c.voters[0], c.voters[1], c.voters[2]
	decks := []string{"short", "linear"} // the next one first
	return []func(){
		func() { // two facilitators revealing
			c.vote(own, ann, ben)
			got := c.meet(c.reveal(own), c.reveal(ann), c.reveal(ben))
			c.once(got, "already_revealed")
			c.next("ok")
		},
		func() { // last vote against reveal
			c.vote(own, ann)
			c.among(c.meet(c.reveal(own), c.cast(ben, "8")), "ok ok", "ok already_revealed")
			c.next("ok")
		},
		func() { // vote against revote
			c.vote(own, ann, ben)
			c.among(c.meet(c.reveal(own)), "ok")
			c.among(c.meet(c.request(own, "revote", `{"round":%d}`, c.round), c.request(ben, "change_vote", `{"round":%d,"card":"8"}`, c.round)),
				"ok ok", "ok stale_round")
			c.round++
		},
		func() { // deck change with votes
			c.vote(own)
			deck := decks[0]
			decks[0], decks[1] = decks[1], decks[0]
			c.among(c.meet(c.request(own, "set_deck", `{"deck":%q,"confirm":true}`, deck), c.cast(ben, "8")), "ok ok", "ok stale_round")
			c.round++
		},
		func() { // a spectator switch of the last non-voter against the vote
			c.vote(own, ann)
			c.among(c.meet(c.request(own, "set_role", `{"member":%q,"role":"spectator"}`, ben.Member()), c.cast(ben, "8")), "ok ok", "ok spectator")
			c.among(c.meet(c.request(ben, "set_role", `{"role":"voter"}`)), "ok")
			c.next("ok")
		},
		func() { // countdown, fired by all replicas, against a retraction
			c.among(c.meet(c.request(own, "set_options", `{"auto_reveal":true}`)), "ok")
			c.vote(own, ann, ben)
			pause(c.t.Context(), time.Second-20*time.Millisecond+time.Duration(r.IntN(100))*time.Millisecond)
			got := c.meet(c.request(ann, "retract_vote", `{"round":%d}`, c.round))
			c.among(got, "ok", "already_revealed")
			c.among(c.meet(c.request(own, "set_options", `{"auto_reveal":false}`)), "ok")
			c.next("ok")
		},
	}
}

// meet has requests meet, and returns what each was told.
func (c *contest) meet(requests ...func() string) []string {
	told := make([]string, len(requests))
	var all sync.WaitGroup
	for i, request := range requests {
		all.Go(func() { told[i] = request() })
	}
	all.Wait()
	return told
}

func (c *contest) request(v *voter, command, data string, args ...any) func() string {
	return func() string { return v.ask(c.t, command, data, args...) }
}

func (c *contest) reveal(v *voter) func() string {
	return c.request(v, "reveal", `{"round":%d,"force":true}`, c.round)
}

func (c *contest) cast(v *voter, card string) func() string {
	return c.request(v, "cast_vote", `{"round":%d,"card":%q}`, c.round, card)
}

// vote has voters vote, all at once.
func (c *contest) vote(voters ...*voter) {
	c.t.Helper()
	var requests []func() string
	for _, v := range voters {
		requests = append(requests, c.cast(v, "5"))
	}
	if told := c.meet(requests...); slices.ContainsFunc(told, func(s string) bool { return s != "ok" }) {
		c.t.Fatalf("votes: %v", told)
	}
}

// next starts the next round.
func (c *contest) next(want string) {
	c.t.Helper()
	c.among(c.meet(c.request(c.voters[0], "start_round", `{"confirm":true}`)), want)
	c.round++
}

// among fails the test unless an outcome is one of those that are defined.
func (c *contest) among(told []string, defined ...string) {
	c.t.Helper()
	if got := strings.Join(told, " "); !slices.Contains(defined, got) {
		c.t.Fatalf("round %d: told %s; defined are %v", c.round, got, defined)
	}
}

// once fails the test unless one request took effect, and all others were told
// something else.
func (c *contest) once(told []string, others string) {
	c.t.Helper()
	slices.Sort(told)
	ok := slices.Index(told, "ok")
	if ok < 0 || slices.ContainsFunc(slices.Delete(slices.Clone(told), ok, ok+1), func(s string) bool { return s != others }) {
		c.t.Fatalf("round %d: told %v; want one ok, and %s", c.round, told, others)
	}
}

// agree fails the test unless everybody knows what each replica says, and no
// round was revealed, or started, twice.
func (c *contest) agree(all []*gateway, session string) {
	c.t.Helper()
	var members []*member
	for _, v := range c.voters {
		members = append(members, v.member)
	}
	allCaughtUp(c.t, members)
	judge(c.t, members)
	var view struct{ State json.RawMessage }
	for i, v := range c.voters {
		getJSON(c.t, all[i].URL()+"/api/sessions/"+session, &view)
		v.know(func() error { return v.mirror.Matches(view.State) })
		if v.wrong != nil {
			c.t.Errorf("%s: %v", v.name, v.wrong)
		}
	}
	counts := make(map[string]int)
	c.voters[0].look(func() {
		for _, e := range c.voters[0].events {
			if e.Event == "round.revealed" || e.Event == "round.started" {
				var d struct{ Round int }
				if err := json.Unmarshal(e.Data, &d); err != nil {
					c.t.Fatal(err)
				}
				counts[fmt.Sprintf("%s %d", e.Event, d.Round)]++
			}
		}
	})
	for what, n := range counts {
		if n != 1 {
			c.t.Errorf("%s came %d times", what, n)
		}
	}
	if len(counts) < c.round {
		c.t.Errorf("%d rounds, but only %v", c.round, counts)
	}
}
