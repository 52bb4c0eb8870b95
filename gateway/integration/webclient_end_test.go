package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Two tabs and a phone that have one seat are one member, for as long as one of
// them is there; and when one of them leaves, all have left.
func webTabs(t *testing.T, b *browser) {
	g := startGateway(t)
	witness := alone(t, b, g.URL(), "tabs", options{"name": "Witness"})
	one := visit(t, b, g.URL(), "tabs", options{"name": "Ada", "storage": "localStorage"})
	one.until("a welcome", "me.client.phase === 'connected'")
	two := visit(t, b, g.URL(), "tabs", options{"name": "Ada again", "storage": "localStorage"})
	two.until("a welcome", "me.client.phase === 'connected'")
	phone := alone(t, b, g.URL(), "tabs", options{"seat": one.text("me.client.seat")})
	devices := []*visitor{one, two, phone}

	ids := make(map[string]bool)
	for _, v := range devices {
		v.run("me.publish('hello')")
		v.settled()
		ids[v.text("me.client.id")] = true
		if kept := v.text("JSON.stringify({ ...localStorage, ...sessionStorage })"); len(kept) > 2 && containsID(kept, v) {
			t.Errorf("the client's id is kept: %s", kept)
		}
	}
	if len(ids) != 3 {
		t.Errorf("three clients have %d ids", len(ids))
	}
	caughtUp(append(devices, witness)...)
	_, said := witness.judge()
	if got := said[one.text("me.client.member")]; len(said) != 1 || len(got) != 3 {
		t.Errorf("one member says hello three times: %v", said)
	}

	// Another one goes with the first tab; when that shows, the tab would have, too.
	gone := alone(t, b, g.URL(), "tabs", options{"name": "Gone"})
	one.run("me.client.close()")
	gone.run("me.client.close()")
	witness.until("the other one to be away", "me.client.members.list.some((m) => m.name === 'Gone' && m.status === 'reconnecting')")
	if here := witness.text("me.client.members.list.filter((m) => m.status === 'online').map((m) => m.name).join()"); here != "Witness,Ada" {
		t.Errorf("there are %s", here)
	}

	two.run("me.client.leave().then(() => (me.hasLeft = true))")
	two.until("the leave", "me.hasLeft && me.client.phase === 'closed' && localStorage.length === 0")
	phone.ended("1000")
	witness.until("Ada to be gone", "!me.client.members.list.some((m) => m.name === 'Ada')")
}

func containsID(text string, v *visitor) bool {
	return v.text(fmt.Sprintf("%q.includes(me.client.id)", text)) == "true"
}

// With a storage of their own, tabs are people of their own, and stay who they
// are over a reload.
func webTabsApart(t *testing.T, b *browser) {
	g := startGateway(t)
	o := options{"name": "Ada", "storage": "sessionStorage"}
	one := visit(t, b, g.URL(), "apart", o)
	two := visit(t, b, g.URL(), "apart", o)
	for _, v := range []*visitor{one, two} {
		v.until("two members", "me.client.members.list.length === 2")
	}
	before := one.text("me.client.member")
	one.do(chromedp.Reload())
	one.do(chromedp.Evaluate[chromedp.Void](webClientJS))
	one.run("join('apart', { storage: 'sessionStorage' })")
	one.until("a welcome", "globalThis.me?.client.phase === 'connected'")
	if after := one.text("me.client.member"); after != before {
		t.Errorf("before the reload %s, then %s", before, after)
	}
}

// ended waits for an end that is final, with a close code, and sees that the
// client rests.
func (v *visitor) ended(close string) {
	v.t.Helper()
	v.until("the end", "me.client.phase === 'closed'")
	last := evaluated[struct {
		Phase, Code string
		Close       int
	}](v, "me.statuses.at(-1)")
	if got := fmt.Sprint(last.Close); got != close && last.Code+" "+got != close {
		v.t.Errorf("ended with %s %d, want %s", last.Code, last.Close, close)
	}
	if n := evaluated[int](v, "me.sockets.filter((s) => s.socket.readyState < 2).length"); n != 0 {
		v.t.Errorf("%d sockets are open", n)
	}
	if phases := v.text("me.statuses.map((s) => s.phase).join()"); phases != "connected,closed" && phases != "closed" {
		v.t.Errorf("before that it was %s", phases)
	}
}

// Joins that a gateway refuses for good.
func webEnds(t *testing.T, b *browser) {
	g := startGateway(t, "PLENUM_SESSION_CAPACITY=1")
	elsewhere := startGateway(t)
	for end, o := range map[string]options{
		"seat_unknown 4508":     {"name": "Ada", "seat": "0123456789abcdef0123456789abcdef"},
		"bad_name 4508":         {"name": ""},
		"unknown_protocol 4507": {"name": "Ada", "protocols": []string{"plenum.v9"}},
		"origin_forbidden 4502": {"name": "Ada", "url": elsewhere.URL() + "/api/websocket"},
	} {
		t.Run(end, func(t *testing.T) {
			v := visit(t, b, g.URL(), "ends", o, chromedp.WithNewBrowserContext())
			v.run("me.publish('never')")
			v.ended(end)
			v.until("the outcome", "me.outcomes[0].now === 'closed'")
		})
	}
	t.Run("bad_session 4508", func(t *testing.T) {
		visit(t, b, g.URL(), "no id", options{"name": "Ada"}, chromedp.WithNewBrowserContext()).ended("bad_session 4508")
	})
	alone(t, b, g.URL(), "full", options{"name": "Ada"})
	t.Run("session_full 4509", func(t *testing.T) {
		visit(t, b, g.URL(), "full", options{"name": "Bo"}, chromedp.WithNewBrowserContext()).ended("session_full 4509")
	})
}

// Where joins make no sessions there must be one.
func webRefused(t *testing.T, b *browser) {
	g := startGateway(t, "PLENUM_SESSION_CREATE=api")
	visit(t, b, g.URL(), "none", options{"name": "Ada"}, chromedp.WithNewBrowserContext()).ended("no_such_session 4503")
}

// Who is removed forgets the seat, and can come as somebody new.
func webRemoved(t *testing.T, b *browser) {
	g := startGateway(t)
	ada := alone(t, b, g.URL(), "removed", options{"name": "Ada"})
	o := options{"name": "Bo", "storage": "localStorage"}
	bo := alone(t, b, g.URL(), "removed", o)
	bo.until("a seat", "localStorage.length === 1")
	bo.run("me.command('remove_member', { member: me.client.members.list[0].member })")
	bo.settled()
	if outcome := bo.text("me.outcomes[0].now"); outcome != "forbidden" {
		t.Errorf("somebody else than the owner removes: %s", outcome)
	}
	ada.run("me.command('remove_member', { member: me.client.members.list[1].member })")
	ada.settled()
	bo.ended("removed 4505")
	bo.until("the seat to be forgotten", "localStorage.length === 0")
	bo.run("join('removed', { name: 'Bo', storage: 'localStorage' })")
	bo.until("a welcome", "me.client.phase === 'connected' && me.client.members.list.length === 2")
}

// The session is ended by a backend: everybody hears of it.
func webSessionEnds(t *testing.T, b *browser) {
	g := startGateway(t)
	ada := alone(t, b, g.URL(), "over", options{"name": "Ada"})
	r, err := http.NewRequest(http.MethodDelete, g.URL()+"/api/sessions/over", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := requests.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	ada.ended("session_ended 4504")
	if events := ada.text("me.events.map((e) => e.event).join()"); !strings.HasSuffix(events, "session.ended") {
		t.Errorf("told of %s", events)
	}
}

// Who has another token in time keeps the connection; who has none comes back
// with the next one.
func webTokens(t *testing.T, b *browser) {
	m := newMint(t)
	g := startGateway(t, "PLENUM_AUTH_ALGORITHM=RS256", "PLENUM_AUTH_KEY_FILE="+m.file, "PLENUM_AUTH_LEEWAY=0s",
		"PLENUM_HEARTBEAT_INTERVAL=1s", "PLENUM_HEARTBEAT_TIMEOUT=30s")
	for end, token := range map[string]string{
		"not_authenticated 4501": "rubbish",
		"forbidden 4502":         m.token("cy", claim("session", "elsewhere")),
	} {
		visit(t, b, g.URL(), "tokens", options{"name": "Cy", "token": token}, chromedp.WithNewBrowserContext()).ended(end)
	}
	ends := time.Now().Add(15 * time.Second).Unix()
	ada := alone(t, b, g.URL(), "tokens", options{"name": "Ada", "tokens": []any{m.token("ada", claim("exp", ends)), m.token("ada")}})
	bo := alone(t, b, g.URL(), "tokens", options{"name": "Bo", "tokens": []any{m.token("bo", claim("exp", ends)), nil, m.token("bo")}})
	bo.until("the end of the token", "me.statuses.some((s) => s.close === 4005)")
	bo.until("a welcome with the next one", "me.client.phase === 'connected'")
	if errors := bo.text("me.errors.join()"); errors != "token,token_expired" {
		t.Errorf("Bo was told of %s", errors)
	}
	ada.until("the end of the token", fmt.Sprintf("Date.now() > %d", (ends+2)*1000))
	ada.run("me.publish('still here')")
	ada.settled()
	caughtUp(ada, bo)
	for v, connections := range map[*visitor]int{ada: 1, bo: 2} {
		if r, _ := v.judge(); len(r.Welcomes) != connections || len(r.States) != 1 {
			t.Errorf("welcomes: %+v; want %d, and replays", r.Welcomes, connections)
		}
	}
	if errors := ada.text("me.errors.join()"); errors != "" {
		t.Errorf("Ada was told of %s", errors)
	}
}
