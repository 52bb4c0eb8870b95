package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a real one, with a profile of its own.
type browser struct {
	ctx context.Context
}

func startBrowser(t testing.TB, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal(`chromium not found: run "make setup"`)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-prefers-reduced-motion", true)) // a page at rest costs nothing; drawing what moves, without a GPU, would cost most of a test
	options = append(options, flags...)
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until it is gone
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &browser{ctx}
}

// tab is one page. What the browser finds wrong with it fails the test in the
// end: exceptions, errors in the console, and breaches of the policy.
type tab struct {
	t     testing.TB
	ctx   context.Context
	close func() // the test's end does it, unless something that the page talks to ends before

	mu     sync.Mutex
	faults []string
	pardon []string // parts of faults that the test itself brings about
}

// tab opens a page. Without a new person it shares storage with the others.
func (b *browser) tab(t testing.TB, url string, person ...chromedp.ContextOption) *tab {
	t.Helper()
	p := &tab{t: t}
	ctx, cancel := chromedp.NewContext(b.ctx, append(person, chromedp.WithListener(p.hear))...)
	p.ctx = ctx
	p.close = sync.OnceFunc(func() {
		if t.Failed() {
			t.Logf("the page ends with:\n%s", p.text("document.body.innerText"))
		}
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			if !slices.ContainsFunc(p.pardon, func(part string) bool { return strings.Contains(fault, part) }) {
				t.Errorf("the browser complains: %s", fault)
			}
		}
	})
	t.Cleanup(p.close)
	p.do(chromedp.Navigate(url))
	return p
}

func (p *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text, _ := json.Marshal(e.ExceptionDetails)
		p.fault(string(text))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			text, _ := json.Marshal(e.Args)
			p.fault(string(text))
		}
	case *log.EventEntryAdded:
		if strings.Contains(e.Entry.URL, "/api/sessions/") && strings.Contains(e.Entry.Text, "404") {
			return // the page asks what there is; joining makes it
		}
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.fault(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

func (p *tab) fault(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, text)
}

// forgive lets the console have errors with such a text.
func (p *tab) forgive(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pardon = append(p.pardon, part)
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	err := chromedp.Do(p.ctx) // opens the tab, which must not end with the deadline
	if err == nil {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		err = chromedp.Do(ctx, steps...)
	}
	if err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// text evaluates JavaScript to a text; what fails is one, too.
func (p *tab) text(js string) string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("String(("+js+"))"))
	if err != nil {
		return "failed: " + err.Error()
	}
	return text
}

// until waits for JavaScript to be true.
func (p *tab) until(what, js string) {
	p.t.Helper()
	poll(p.t, what, func() error {
		if got := p.text(js); got != "true" {
			return fmt.Errorf("%s is %s", js, got)
		}
		return nil
	})
}

// shows waits until the page has a text in an element.
func (p *tab) shows(id, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("#%s to show %q", id, text),
		fmt.Sprintf("document.getElementById(%q).checkVisibility() && document.getElementById(%q).innerText.includes(%q)", id, id, text))
}

// connected waits for the connection and for so many members that are there.
func (p *tab) connected(members int) {
	p.t.Helper()
	p.shows("status", "Connected")
	p.until(fmt.Sprintf("%d members", members), fmt.Sprintf("document.getElementById('count').innerText === '%d'", members))
}

// join enters a name, as a person does.
func (p *tab) join(name string) {
	p.t.Helper()
	p.until("the name box", "document.getElementById('join').checkVisibility()")
	p.do(chromedp.Clear(chromedp.ID("name")), chromedp.SendKeys(chromedp.ID("name"), name+"\r"))
	p.shows("status", "Connected")
}

func (p *tab) say(text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.ID("text"), text+"\r"))
}

// network takes the page's network away, or gives it back.
func (p *tab) network(on bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: !on, DownloadThroughput: -1, UploadThroughput: -1}}})
	if err == nil {
		_, err = chromedp.Call(p.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: !on, DownloadThroughput: -1, UploadThroughput: -1})
	}
	if err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

func TestPage(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t)
	ada := browser.tab(t, gateway.URL())
	ada.do(chromedp.Click(chromedp.ID("create-room")))
	ada.join("Ada")
	link := ada.text("document.getElementById('link').value")
	if !strings.HasPrefix(link, gateway.URL()+"/?session=") {
		t.Fatalf("the link is %s", link)
	}

	bo := browser.tab(t, link)
	if kept := bo.text("document.getElementById('name').value"); kept != "Ada" {
		t.Errorf("the name box holds %q, want the name of last time", kept)
	}
	const name = `Bo <b>`
	bo.join(name)
	for _, p := range []*tab{ada, bo} {
		p.connected(2)
	}
	ada.shows("log", name+" joined")

	const markup = `<img src=x onerror="document.title='harm'"> & 你好 👋`
	bo.say(markup)
	ada.say("hello")
	for _, p := range []*tab{ada, bo} {
		p.shows("log", markup)
		p.shows("log", "hello")
		if n := p.text("document.querySelectorAll('#log img, #log b b, #members b').length"); n != "0" {
			t.Errorf("a text has become %s elements", n)
		}
		p.until("everything to be sent", "document.getElementById('pending').childElementCount === 0")
	}

	me := bo.text("sessionStorage.getItem(sessionStorage.key(0))")
	bo.do(chromedp.Reload())
	bo.connected(2)
	if after := bo.text("sessionStorage.getItem(sessionStorage.key(0))"); after != me || me == "" {
		t.Errorf("the reload has changed the seat")
	}
	bo.say("still here")
	ada.shows("log", "still here")
	if joined := ada.text("document.getElementById('log').innerText.split('joined').length - 1"); joined != "1" {
		t.Errorf("Ada saw somebody join %s times, want 1", joined)
	}

	// A browser keeps a page that is left, for the way back; it must not look as if somebody were there.
	bo.do(chromedp.Navigate("about:blank"))
	ada.shows("log", name+" lost the connection")
	bo.text("history.back()") // not as a step: a page that was kept does not load
	bo.connected(2)
	ada.shows("log", name+" is back")

	ada.do(chromedp.Navigate(gateway.URL() + "/?session=a%20b"))
	ada.shows("home", "does not name a session")
}

// The embedded log is gone with its process: nobody has a seat in it any more.
func TestPageJoinsAnewWhenItsSessionIsGone(t *testing.T) {
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	gateway := startGateway(t, listen)
	browser := startBrowser(t)
	ada := browser.tab(t, gateway.URL()+"/?session=gone")
	ada.join("Ada")
	bo := browser.tab(t, gateway.URL()+"/?session=gone")
	bo.join("Bo")
	for _, p := range []*tab{ada, bo} {
		p.connected(2)
		p.forgive("WebSocket connection to") // nobody listens for a while, and the browser says so
	}

	gateway.Kill()
	for _, p := range []*tab{ada, bo} {
		p.shows("banner", "What you send is kept")
	}
	ada.say("sent while nobody was there")
	ada.shows("pending", "sent while nobody was there")

	startGateway(t, listen)
	for _, p := range []*tab{ada, bo} {
		p.connected(2)
		p.until("the banner to go", "!document.getElementById('banner')?.checkVisibility()")
	}
	ada.shows("log", "sent while nobody was there")
	ada.until("everything to be sent", "document.getElementById('pending').childElementCount === 0")
	bo.say("hello again")
	ada.shows("members", "Bo")
	ada.shows("log", "hello again")
}

func TestPageSurvivesItsNetwork(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t)
	ada := browser.tab(t, gateway.URL()+"/?session=network")
	ada.join("Ada")
	bo := browser.tab(t, gateway.URL()+"/?session=network", chromedp.WithNewBrowserContext())
	bo.join("Bo")
	bo.connected(2)

	bo.forgive("WebSocket connection to")
	bo.network(false)
	bo.shows("banner", "What you send is kept")
	bo.say("from the tunnel")
	ada.say("are you there?")
	ada.shows("log", "are you there?")
	bo.network(true)
	for _, p := range []*tab{ada, bo} {
		p.shows("log", "from the tunnel")
		p.shows("log", "are you there?")
		p.connected(2)
	}
}

// What two people hear while every replica is replaced once, as it is done in a
// deploy, and as it happens in a crash.
func TestPageWhileReplicasComeAndGo(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, g *gateway){
		"drained": func(t *testing.T, g *gateway) { g.Term(); g.Wait(t) },
		"killed":  func(_ *testing.T, g *gateway) { g.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			redis, both := replicas(t)
			proxy := startNginx(t, both...)
			browser := startBrowser(t)
			ada := browser.tab(t, proxy.URL()+"/?session=rolling")
			ada.join("Ada")
			bo := browser.tab(t, proxy.URL()+"/?session=rolling")
			bo.join("Bo")
			for _, p := range []*tab{ada, bo} {
				p.connected(2)
				p.notePhases()
				if name == "killed" {
					p.forgive("WebSocket connection to")
				}
			}
			ada.text(counting)
			for _, g := range both {
				end(t, g)
				startGateway(t, "PLENUM_LISTEN="+g.Addr, "PLENUM_REDIS_URL="+redis.URL()).awaitReady(t, 200)
				said := ada.text("globalThis.said")
				for _, p := range []*tab{ada, bo} {
					p.until("what was said after that", heard+".at(-1) > "+said+" + 10")
				}
			}
			said := ada.text("clearInterval(globalThis.talk), globalThis.said")
			for _, p := range []*tab{ada, bo} {
				p.until("everything that was said", heard+".length >= "+said)
				if all := p.text(heard + ".every((n, i) => n === i) && " + heard + ".length === " + said); all != "true" {
					t.Errorf("of 0 to %s the page shows %s", said, p.text(heard))
				}
				if phases := p.text("globalThis.phases"); name == "drained" && strings.Contains(phases, "reconnecting") {
					t.Errorf("a drained connection was lost: %s", phases)
				}
				p.close() // before the replicas that were started last end
			}
		})
	}
}

// counting says 0, 1, 2 and so on, as a person would who types that fast, for a
// minute at most: the page shows no more than its last 500 lines.
const counting = `globalThis.said = 0, globalThis.talk = setInterval(() => {
	if (globalThis.said >= 450) return;
	document.getElementById('text').value = globalThis.said++;
	document.getElementById('compose').requestSubmit();
}, 140)`

// heard is the numbers on the page.
const heard = `[...document.querySelectorAll('#log .say .text')].map((e) => Number(e.innerText))`

// notePhases has the page note every phase of its connection.
func (p *tab) notePhases() {
	p.t.Helper()
	p.text(`(globalThis.phases = [], new MutationObserver(() => globalThis.phases.push(document.getElementById('status').dataset.phase))
		.observe(document.getElementById('status'), { attributeFilter: ['data-phase'] }))`)
}
