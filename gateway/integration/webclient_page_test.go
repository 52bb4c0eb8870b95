package integration

import (
	"fmt"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// impatient gateways cut a connection that is silent for five seconds.
var impatient = []string{"PLENUM_HEARTBEAT_INTERVAL=1s", "PLENUM_HEARTBEAT_TIMEOUT=4s", "PLENUM_HEARTBEAT_MISSES=1", "PLENUM_GRACE=3s"}

// never has a client wait for a minute between two attempts, so that one which
// comes back within the test's patience has not waited.
const never = 600

// window minimizes the window, or brings it back.
func (v *visitor) window(state cdpbrowser.WindowState) {
	v.t.Helper()
	w, err := chromedp.Call(v.ctx, cdpbrowser.GetWindowForTarget, cdpbrowser.GetWindowForTargetParams{})
	if err == nil {
		_, err = chromedp.Call(v.ctx, cdpbrowser.SetWindowBounds, cdpbrowser.SetWindowBoundsParams{
			WindowID: w.WindowID, Bounds: &cdpbrowser.Bounds{WindowState: state}})
	}
	if err != nil {
		v.t.Fatalf("the browser: %v", err)
	}
}

// freeze has the browser stop everything that the page does, or go on.
func (v *visitor) freeze(state page.SetWebLifecycleStateState) {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state}); err != nil {
		v.t.Fatalf("the browser: %v", err)
	}
}

// hide minimizes the window, and waits until the page's timers are as good as
// stopped for longer than an impatient gateway waits.
func (v *visitor) hide() {
	v.t.Helper()
	v.run("globalThis.ticked = performance.now(); setInterval(() => (globalThis.ticked = performance.now()), 50)")
	v.window(cdpbrowser.WindowStateMinimized)
	v.until("timers to stop", "document.visibilityState === 'hidden' && performance.now() - ticked > 8000")
}

// A hidden page keeps its connection: it answers the gateway, whatever its
// timers do. And it comes back by itself when its replica is gone.
func webHidden(t *testing.T, b *browser) {
	redis, both := replicas(t, impatient...)
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	g := startGateway(t, append([]string{listen, "PLENUM_REDIS_URL=" + redis.URL()}, impatient...)...)
	ada := alone(t, b, both[0].URL(), "hidden", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "hidden", options{"name": "Bo"})
	bo.hide()
	ada.run("me.publish('while hidden')")
	bo.saw(`"while hidden"`)
	if n := evaluated[int](bo, "me.sockets.length"); n != 1 {
		t.Errorf("the hidden page has made %d connections", n)
	}
	if changed := ada.text("me.events.filter((e) => e.event === 'member.changed').length"); changed != "0" {
		t.Errorf("somebody seemed to be away: %s", ada.text("JSON.stringify(me.events)"))
	}
	if skew := evaluated[int](bo, "me.client.skew"); skew > 1 || skew < -1000*int(patience.Seconds()) {
		t.Errorf("the gateway's clock is this machine's, and %d ms ahead", skew)
	}

	g.Kill()
	bo.until("the loss to be noticed", "me.client.phase === 'reconnecting'")
	ada.run("me.publish('while gone')")
	ada.settled()
	startGateway(t, append([]string{listen, "PLENUM_REDIS_URL=" + redis.URL()}, impatient...)...)
	bo.saw(`"while gone"`)
	if hidden := bo.text("document.visibilityState"); hidden != "hidden" {
		t.Errorf("the page is %s", hidden)
	}
	caughtUp(ada, bo)
	bo.judge()
	bo.close() // before its gateway
}

// thaw lets a page go on and waits until it is where another one is.
func thaw(t *testing.T, v, other *visitor) {
	t.Helper()
	v.freeze(page.SetWebLifecycleStateStateActive)
	v.until("the page to be woken", "me.woken > 0")
	caughtUp(other, v)
	v.until("a new connection", "me.client.phase === 'connected' && me.sockets.length > 1")
	t.Logf("welcome again %s ms after waking", v.text("Math.round(me.sockets.findLast((s) => s.welcomed).welcomed - me.woken)"))
}

// awayFor freezes a page until it is offline for the others, and has them do
// something then.
func awayFor(v, other *visitor, meanwhile string) {
	v.t.Helper()
	v.freeze(page.SetWebLifecycleStateStateFrozen)
	other.until("the frozen one to be offline", "me.client.members.list.some((m) => m.status === 'offline')")
	other.run(meanwhile)
	other.settled()
}

// Frozen until the gateway has given it up, a page is right at once when it wakes.
func webFrozen(t *testing.T, b *browser) {
	g := startGateway(t, impatient...)
	ada := alone(t, b, g.URL(), "frozen", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "frozen", options{"name": "Bo", "random": never})
	awayFor(bo, ada, "for (let i = 0; i < 30; i++) me.publish(i)")
	thaw(t, bo, ada)
	r, said := bo.judge()
	if len(r.States) != 1 || len(said[ada.text("me.client.member")]) != 30 {
		t.Errorf("30 were said: %v", said)
	}
	ada.until("Bo to be back", "me.client.members.list.every((m) => m.status === 'online')")
	bo.run("me.publish('back')")
	bo.settled()
	ada.saw(`"back"`)
}

// What is older than the history comes as a state.
func webFrozenLong(t *testing.T, b *browser) {
	g := startGateway(t, append([]string{"PLENUM_SESSION_KIND=document", "PLENUM_HISTORY=3"}, impatient...)...)
	ada := alone(t, b, g.URL(), "frozen", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "frozen", options{"name": "Bo", "random": never})
	awayFor(bo, ada, "for (let i = 0; i < 20; i++) me.command('patch', { ['f' + i]: i })")
	thaw(t, bo, ada)
	r, _ := bo.judge()
	if len(r.States) != 2 || r.States[1].Reason != "snapshot" {
		t.Fatalf("no new snapshot: %+v", r.States)
	}
	if n := bo.text("Object.keys(me.states[1].state).length"); n != "20" {
		t.Errorf("the document has %s fields, want 20", n)
	}
}

// The network is back: nobody waits any more.
func webOnline(t *testing.T, b *browser) {
	g := startGateway(t)
	way := startCable(t, g.Addr)
	ada := alone(t, b, g.URL(), "online", options{"name": "Ada"})
	bo := alone(t, b, way.URL(), "online", options{"name": "Bo", "random": never})
	way.pull()
	bo.network(false)
	bo.until("the loss to be noticed", "me.client.phase === 'reconnecting' && !navigator.onLine && me.sockets[0].closed > 0")
	ada.run("me.publish('meanwhile')")
	way.plug()
	bo.network(true)
	bo.saw(`"meanwhile"`)
	bo.judge()
}

// Somebody looks at the page again: nobody waits any more.
func webVisible(t *testing.T, b *browser) {
	redis, both := replicas(t)
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	g := startGateway(t, listen, "PLENUM_REDIS_URL="+redis.URL())
	ada := alone(t, b, both[0].URL(), "visible", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "visible", options{"name": "Bo", "random": never})
	bo.window(cdpbrowser.WindowStateMinimized)
	bo.until("the page to be hidden", "document.visibilityState === 'hidden'")
	g.Kill()
	bo.until("the loss to be noticed", "me.client.phase === 'reconnecting'")
	ada.run("me.publish('meanwhile')")
	startGateway(t, listen, "PLENUM_REDIS_URL="+redis.URL())
	bo.window(cdpbrowser.WindowStateNormal)
	bo.saw(`"meanwhile"`)
	bo.judge()
	bo.close() // before its gateway
}

// The example in the client's README is the first thing that somebody tries.
func TestClientExample(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t)
	_, code, _ := strings.Cut(readFile(t, "../web/client/README.md"), "```js\n")
	code, _, found := strings.Cut(code, "```")
	// What is evaluated is no module, so it cannot import as one does.
	code = strings.Replace(code, "import { connect, seatsIn } from '/client/dist/plenum.min.js';",
		"const { connect, seatsIn } = await import('/client/dist/plenum.min.js');", 1)
	if !found || !strings.Contains(code, "await import") {
		t.Fatal("the README has no such example")
	}
	var people []*tab
	for range 2 {
		p := browser.tab(t, gateway.URL()+"/?session=demo", chromedp.WithNewBrowserContext())
		p.text("document.body.innerHTML = '<button>0</button>'")
		p.text("(async () => {" + code + "})()")
		people = append(people, p)
	}
	press := "document.querySelector('button').click()"
	shows := func(text string) {
		for _, p := range people {
			p.until("the counter to show "+text, fmt.Sprintf("document.querySelector('button').innerText === %q", text))
		}
	}
	shows("0 by 2")
	people[0].text(press)
	people[1].text(press)
	shows("2 by 2")
}
