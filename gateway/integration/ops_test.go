package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// operatorKey is an API key.
const operatorKey = "an-operator-key-of-32-characters!"

// operate is a request with the API key; into may be nil.
func operate(t testing.TB, g *gateway, method, path string, into any) (status int) {
	t.Helper()
	request, err := http.NewRequest(method, g.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+operatorKey)
	res, err := requests.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	if into != nil {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatalf("%s %s: %d, %v", method, path, res.StatusCode, err)
		}
	}
	return res.StatusCode
}

// sessionList is GET /api/ops/sessions.
type sessionList struct {
	Sessions []struct {
		ID          string
		Online      int
		Connections int
		Replicas    []string
	}
}

// An operator asks any replica, and gets an answer for all of them.
func TestOperatorsSeeTheWholeFleet(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_API_KEYS="+operatorKey)
	shared := append(everyone(t, 2, "shared", []string{both[0].URL()}), everyone(t, 2, "shared", []string{both[1].URL()})...)
	everyone(t, 1, "only-second", []string{both[1].URL()})

	var list sessionList
	poll(t, "both sessions to be listed by the first replica", func() error {
		operate(t, both[0], "GET", "/api/ops/sessions", &list)
		if len(list.Sessions) != 2 || list.Sessions[1].Connections != 4 || len(list.Sessions[1].Replicas) != 2 {
			return fmt.Errorf("listed are %+v", list)
		}
		return nil
	})
	if s := list.Sessions[0]; s.ID != "only-second" || s.Replicas[0] != "second" {
		t.Errorf("%+v", s)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := lookOn(t, ctx, both[1], "shared")
	if line := next(); line.Type != "start" {
		t.Errorf("%+v", line)
	}
	if err := shared[0].say(0); err != nil {
		t.Fatal(err)
	}
	for line := next(); len(line.Events) == 0 || line.Events[0].Event != "test.said"; line = next() {
	}

	var detail struct{ Members []wire.Member }
	operate(t, both[0], "GET", "/api/ops/sessions/shared", &detail)
	if status := operate(t, both[0], "DELETE", "/api/ops/sessions/shared/members/"+detail.Members[3].Member, nil); status != 204 {
		t.Errorf("removing answered %d", status)
	}
	shared[0].until(t, "the removed member to be told of", func() bool {
		return slices.ContainsFunc(shared[0].events, func(e wire.Event) bool {
			return e.Event == "member.left" && strings.Contains(string(e.Data), detail.Members[3].Member)
		})
	})
	cancel()
}

// lookOn reads lines of a session's tap.
func lookOn(t testing.TB, ctx context.Context, g *gateway, session string) (next func() told) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", g.URL()+"/api/ops/sessions/"+session+"/tap", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+operatorKey)
	res, err := http.DefaultTransport.RoundTrip(request)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("looking on: %v, %v", res, err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewReader(res.Body)
	return func() (line told) {
		t.Helper()
		text, err := lines.ReadBytes('\n')
		if err = errors.Join(err, json.Unmarshal(text, &line)); err != nil {
			t.Fatalf("looking on: %q, %v", text, err)
		}
		return line
	}
}

// An operator drains a replica from another one; its members move and miss
// nothing, it takes nobody in until it is told to, and it goes on running.
func TestOperatorsDrainAReplica(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_API_KEYS="+operatorKey, "PLENUM_DRAIN_TIMEOUT=8s")
	urls := []string{both[1].URL(), both[0].URL()}
	members := everyone(t, 5, "moving", urls)
	awaitFleet(t, both[0], "both replicas", func(f *fleetFigures) bool { return len(f.Replicas) == 2 })
	if status := operate(t, both[0], "POST", "/api/ops/replicas/second/drain", nil); status != http.StatusAccepted {
		t.Fatalf("draining answered %d", status)
	}
	awaitFleet(t, both[0], "the second replica to be empty", func(f *fleetFigures) bool {
		return len(f.Replicas) == 2 && f.Replicas[1].Replica.Draining && f.Replicas[1].Figures.Connections.Open == 0
	})
	both[1].awaitReady(t, http.StatusServiceUnavailable)
	allTalk(t, members, 3, 5*time.Millisecond)
	allCaughtUp(t, members)
	judge(t, members)
	for _, m := range members {
		m.look(func() {
			if len(m.breaks) > 0 || m.replicas[len(m.replicas)-1] != "first" {
				t.Errorf("%s was on %v and lost connections: %v", m.name, m.replicas, m.breaks)
			}
		})
	}

	if status := operate(t, both[0], "POST", "/api/ops/replicas/first/drain", nil); status != http.StatusConflict {
		t.Errorf("draining the only one that serves answered %d", status)
	}
	if status := operate(t, both[0], "DELETE", "/api/ops/replicas/second/drain", nil); status != http.StatusAccepted {
		t.Errorf("having it serve again answered %d", status)
	}
	both[1].awaitReady(t, http.StatusOK)
	newcomer := everyone(t, 1, "moving", []string{both[1].URL()})
	newcomer[0].welcomed(t, 1)
	both[1].Term()
	if code := both[1].Wait(t); code != 0 {
		t.Errorf("the replica ended with %d", code)
	}
}

// The operators' page, in a browser, on two replicas.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_API_KEYS="+operatorKey)
	members := append(everyone(t, 3, "planning", []string{both[0].URL()}), everyone(t, 2, "planning", []string{both[1].URL(), both[0].URL()})...)
	everyone(t, 1, "retro", []string{both[0].URL()})
	awaitFleet(t, both[0], "both replicas and all sessions", func(f *fleetFigures) bool {
		return len(f.Replicas) == 2 && f.Figures.Sessions.Active == 2 && f.Figures.Sessions.Members["online"] == 6
	})
	page := startBrowser(t).tab(t, both[0].URL()+"/ops")
	page.shows("fleet", "2 replicas")
	page.shows("tiles", "Members online\n6")
	page.shows("replicas", "second")
	page.until("the charts to have lines", "document.querySelectorAll('#charts .chart path.line').length >= 3")
	page.shows("sessions-note", "needs an API key")

	page.forgive("401") // the browser tells of each refused request
	page.do(chromedp.Click(chromedp.ID("key-open")), chromedp.SendKeys(chromedp.ID("key-text"), "a wrong key\r"))
	page.shows("key-note", "does not take this key")
	page.do(chromedp.SendKeys(chromedp.ID("key-text"), operatorKey+"\r"))
	page.shows("sessions", "planning")
	everyone(t, 1, "standup", []string{both[1].URL(), both[0].URL()})
	page.shows("sessions", "standup") // without another search
	page.do(chromedp.SendKeys(chromedp.ID("query"), "plan\r"))
	page.until("the search to leave one session", "document.getElementById('sessions').tBodies[0].rows.length === 1")

	page.choose("#sessions button")
	page.shows("members", "member 2")
	page.choose("#tap")
	page.shows("tape", "Watching from")
	if err := members[0].say(0); err != nil {
		t.Fatal(err)
	}
	page.shows("tape", "said")
	page.looksGood("ops")

	page.choose("#members button")
	page.choose("#confirm-yes")
	page.until("one member less", "document.querySelectorAll('#members > li').length === 4")

	second := fmt.Sprintf("[data-replica=%q]", page.text("[...document.querySelectorAll('.replica')].find((r) => r.innerText.includes('second')).querySelector('button').dataset.replica"))
	page.choose(second)
	page.choose("#confirm-yes")
	page.shows("replicas", "drained")
	page.choose(second)
	page.until("both to serve", "!document.getElementById('replicas').innerText.includes('drain')")

	page.choose("#end")
	page.choose("#confirm-yes")
	page.until("the session to be gone", "document.getElementById('sessions').hidden && document.getElementById('detail').hidden")

	before := page.text("getComputedStyle(document.body).backgroundColor")
	page.choose("#theme")
	page.until("other colours", fmt.Sprintf("getComputedStyle(document.body).backgroundColor !== %q", before))

	both[0].signal(syscall.SIGSTOP) // it takes requests, and does not answer
	page.shows("fleet", "no answer for")
	both[0].signal(syscall.SIGCONT)
	page.shows("fleet", "2 replicas")
}

// While a session's detail is on its way, nothing of another one is shown.
func TestOperatorsPageShowsOneSession(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "PLENUM_API_KEYS="+operatorKey)
	everyone(t, 2, "planning", []string{g.URL()})
	everyone(t, 1, "retro", []string{g.URL()})
	page := startBrowser(t).tab(t, g.URL()+"/ops")
	page.do(chromedp.Click(chromedp.ID("key-open")), chromedp.SendKeys(chromedp.ID("key-text"), "\u200b"+operatorKey+"\r")) // copied with what nobody sees
	page.shows("sessions", "retro")
	page.choose("tr[data-session=planning] button")
	page.shows("members", "member 1")
	page.text(`(() => {
		const real = fetch;
		window.fetch = (path, options) => (String(path).includes('/sessions/retro') ? new Promise(() => {}) : real(path, options));
	})()`)
	page.choose("tr[data-session=retro] button")
	page.shows("detail-title", "retro")
	page.until("no members", "document.getElementById('members').childElementCount === 0")
}

// choose waits for an element that is shown and can be pressed, and presses it.
// What comes every 2 s may move it meanwhile, so it is not aimed at.
func (p *tab) choose(selector string) {
	p.t.Helper()
	p.until(selector+" to be there", fmt.Sprintf("(document.querySelector(%[1]q)?.checkVisibility() && !document.querySelector(%[1]q).disabled) ?? false", selector))
	p.text(fmt.Sprintf("document.querySelector(%q).click()", selector))
}

// looksGood checks a page in both themes and sizes, and keeps pictures if they are
// asked for.
func (p *tab) looksGood(name string) {
	p.t.Helper()
	p.text("(() => {" + readFile(p.t, "testdata/axe/axe.min.js") + "})()")
	for _, l := range append(windows, window{1280, 2000, "dark"}, window{1280, 2000, "light"}) {
		p.wear(l)
		p.still()
		p.fits(l)
		p.accessible(l)
		if *screens != "" {
			p.shoot(filepath.Join(*screens, fmt.Sprintf("%s-%s-%d.png", name, l, l.height)))
		}
	}
}
