package integration

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/webclient.js
var webClientJS string

// The JavaScript client against gateways that run, in a browser that treats
// hidden pages as people's browsers do, only sooner.
func TestWebClient(t *testing.T) {
	t.Parallel()
	shared := startBrowser(t,
		chromedp.Flag("disable-background-timer-throttling", false), chromedp.Flag("disable-renderer-backgrounding", false),
		chromedp.Flag("disable-backgrounding-occluded-windows", false),
		chromedp.Flag("enable-features", "IntensiveWakeUpThrottling:grace_period_seconds/1"))
	for name, test := range map[string]func(*testing.T, *browser){
		"commands":                   webCommands,
		"private":                    webPrivate,
		"gzip":                       webGzip,
		"too fast":                   webTooFast,
		"moves when drained":         webDrained,
		"moves when killed":          webKilled,
		"outbox":                     webOutbox,
		"silence":                    webSilence,
		"a log that lost its past":   webReset,
		"hidden":                     webHidden,
		"frozen":                     webFrozen,
		"frozen beyond the history":  webFrozenLong,
		"online":                     webOnline,
		"visible":                    webVisible,
		"tabs of one person":         webTabs,
		"tabs as people":             webTabsApart,
		"ends":                       webEnds,
		"ends when removed":          webRemoved,
		"ends when its session does": webSessionEnds,
		"tokens":                     webTokens,
		"ends when the gateway says": webRefused,
	} {
		t.Run(name, func(t *testing.T) { test(t, shared) })
	}
}

// visitor is a page with the client in it; testdata/webclient.js is what it keeps.
type visitor struct{ *tab }

// options are those of the client, as JSON, and some of testdata/webclient.js.
type options map[string]any

// visit opens a page of a gateway and joins a session. Without a new person it
// shares storage with the others.
func visit(t testing.TB, b *browser, url, session string, o options, person ...chromedp.ContextOption) *visitor {
	t.Helper()
	v := &visitor{b.tab(t, "about:blank", person...)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("a visitor of %s was told: %.4000s", session, v.text("JSON.stringify({ ...me, client: me.client.phase, talking: 0 })"))
		}
	})
	v.forgive("favicon.ico")
	v.forgive("WebSocket") // connections fail here, and the browser says so
	v.do(chromedp.Navigate(url + "/api/version"))
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.Evaluate[chromedp.Void](webClientJS),
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf("join(%q, %s)", session, text), chromedp.EvalAwaitPromise))
	return v
}

// alone visits as somebody with a browser of their own, and waits to be welcome.
func alone(t testing.TB, b *browser, url, session string, o options) *visitor {
	t.Helper()
	v := visit(t, b, url, session, o, chromedp.WithNewBrowserContext())
	v.until("a welcome", "me.client.phase === 'connected'")
	return v
}

// run runs JavaScript that is no expression.
func (v *visitor) run(js string) {
	v.t.Helper()
	v.do(chromedp.Evaluate[chromedp.Void]("{" + js + "}"))
}

// evaluated evaluates JavaScript to anything that JSON can hold.
func evaluated[T any](v *visitor, js string) (value T) {
	v.t.Helper()
	text := v.text("JSON.stringify(" + js + ")")
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		v.t.Fatalf("%s is %s: %v", js, text, err)
	}
	return value
}

// saw waits until something was said.
func (v *visitor) saw(data string) {
	v.t.Helper()
	v.until(data+" to be seen", fmt.Sprintf("me.events.some((e) => JSON.stringify(e.data) === %q)", data))
}

// settled waits until nothing is pending.
func (v *visitor) settled() {
	v.t.Helper()
	v.until("everything to be settled", "me.client.pending === 0 && me.outcomes.every((o) => o.now !== 'pending')")
}

// caughtUp waits until everybody has applied the same.
func caughtUp(visitors ...*visitor) {
	first, others := visitors[0], visitors[1:]
	first.t.Helper()
	const position = "JSON.stringify(me.client.position)"
	poll(first.t, "everybody to have applied the same", func() error {
		want := first.text(position)
		for _, v := range others {
			if got := v.text(position); got != want {
				return fmt.Errorf("one is at %s, another at %s", want, got)
			}
		}
		return nil
	})
}

// record is what a visitor was told, as far as it is judged here.
type record struct {
	States []struct {
		Session struct{ Offset uint64 }
		Reason  string
		Behind  int // so many events came before it
	}
	Events []struct {
		Offset      uint64
		Event, From string
		Data        json.RawMessage
	}
	Outcomes []struct{ Now, Data json.RawMessage }
	Welcomes []struct {
		Replica string
		Resumed bool
	}
}

// judge checks that a visitor has seen all events between its snapshots in
// order, each once, and that what it asked for has the outcome that it was told.
// It returns what was said, by member.
func (v *visitor) judge() (r record, said map[string][]string) {
	v.t.Helper()
	r = evaluated[record](v, "{ ...me, sockets: [] }")
	me := v.text("me.client.member")
	said = make(map[string][]string)
	mine := make(map[string]string)
	at := uint64(0)
	for i, e := range r.Events {
		for _, s := range r.States {
			if s.Behind == i {
				at = s.Session.Offset
			}
		}
		if e.Offset != at+1 {
			v.t.Errorf("event %d follows event %d", e.Offset, at)
		}
		at = e.Offset
		if e.Event != "said" {
			continue
		}
		said[e.From] = append(said[e.From], string(e.Data))
		if e.From == me {
			mine[fmt.Sprint(e.Offset)] = string(e.Data)
		}
	}
	for _, o := range r.Outcomes {
		if data, ok := mine[string(o.Now)]; len(r.States) == 1 && (!ok || data != string(o.Data)) {
			v.t.Errorf("%s was settled with %s; that is %s", o.Data, o.Now, data)
		}
	}
	return r, said
}

// all is what somebody says who counts.
func all(n int) (numbers []string) {
	for i := range n {
		numbers = append(numbers, fmt.Sprint(i))
	}
	return numbers
}

// A session of another kind than broadcast, its state, and every way to settle.
func webCommands(t *testing.T, b *browser) {
	g := startGateway(t, "PLENUM_SESSION_KIND=document")
	ada := alone(t, b, g.URL(), "commands", options{"name": "Ada"})
	ada.run(`me.command('replace', { a: 1, b: 2 }); me.command('patch', { b: null }); me.command('patch', 'no object');
		me.command('fly'); me.command('set_name', { name: '' }); me.command('set_name', { name: 'Ada L' }); me.command('set_name', { name: 'Ada L' })`)
	ada.settled()
	outcomes := evaluated[[]any](ada, "me.outcomes.map((o) => o.now)")
	for i, want := range []string{"offset", "offset", "bad_data", "unknown_command", "bad_name", "offset", "offset"} {
		if n, ok := outcomes[i].(float64); want == "offset" && !(ok && n > 0) || want != "offset" && outcomes[i] != want {
			t.Errorf("command %d has the outcome %v, want %s", i, outcomes[i], want)
		}
	}
	bo := alone(t, b, g.URL(), "commands", options{"name": "Bo"})
	if state := bo.text("JSON.stringify(me.states[0].state)"); state != `{"a":1}` {
		t.Errorf("the document is %s", state)
	}
	for _, v := range []*visitor{ada, bo} {
		v.until("the members", `me.client.members.list.map((m) => m.name).join() === 'Ada L,Bo'`)
	}
	if errors := ada.text("me.errors.join()"); errors != "" {
		t.Errorf("refusals that have a ref were told as errors: %s", errors)
	}
}

// What only one member is told, and what it gets back when it comes again.
func webPrivate(t *testing.T, b *browser) {
	g := startGateway(t, "PLENUM_SESSION_KIND=estimation")
	ada := alone(t, b, g.URL(), "private", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "private", options{"name": "Bo", "role": "spectator"})
	bo.run("me.command('cast_vote', { round: 1, card: '5' })")
	ada.run(`me.command('cast_vote', { round: 1, card: '13' }); me.command('cast_vote', { round: 2, card: '8' });
		me.command('set_passcode', { passcode: 'open sesame' })`)
	for _, v := range []*visitor{ada, bo} {
		v.settled()
	}
	if got := ada.text("me.outcomes.map((o) => o.now > 0 || o.now).join()"); got != "true,stale_round,true" {
		t.Errorf("Ada's commands: %s", got)
	}
	if got := bo.text("me.outcomes[0].now"); got != "spectator" {
		t.Errorf("a spectator's vote: %s", got)
	}
	ada.until("the own vote", `JSON.stringify(me.notes) === '[{"event":"your_vote","data":{"round":1,"card":"13"}}]'`)
	caughtUp(ada, bo)
	if heard := bo.text("JSON.stringify([me.notes, me.events])"); strings.Contains(heard, `"13"`) || !strings.Contains(heard, "vote.state") {
		t.Errorf("Bo heard %s", heard)
	}
	tablet := alone(t, b, g.URL(), "private", options{"seat": ada.text("me.client.seat")})
	if card := tablet.text("me.states[0].state.you.card"); card != "13" {
		t.Errorf("Ada's vote is %s on her tablet", card)
	}
	for end, o := range map[string]options{
		"passcode_required 4502": {"name": "Cy"},
		"passcode_wrong 4502":    {"name": "Cy", "passcode": "sesame"},
		"bad_role 4508":          {"name": "Cy", "passcode": "open sesame", "role": "king"},
	} {
		visit(t, b, g.URL(), "private", o, chromedp.WithNewBrowserContext()).ended(end)
	}
	alone(t, b, g.URL(), "private", options{"name": "Cy", "passcode": "open sesame"})
}

// Frames that are compressed and frames that are not, in one order.
func webGzip(t *testing.T, b *browser) {
	g := startGateway(t)
	ada := alone(t, b, g.URL(), "gzip", options{"name": "Ada"})
	bo := alone(t, b, g.URL(), "gzip", options{"name": "Bo"})
	ada.run("for (let i = 0; i < 16; i++) me.publish(i % 3 ? i : '好 '.repeat(5000))")
	ada.settled()
	ada.run("for (let i = 0; i < 8; i++) me.publish(i % 2 ? i : 'x'.repeat(60_000))")
	ada.settled()
	caughtUp(ada, bo)
	for _, v := range []*visitor{ada, bo} {
		if _, said := v.judge(); len(said[ada.text("me.client.member")]) != 24 {
			t.Errorf("24 were said, and seen %d", len(said[ada.text("me.client.member")]))
		}
		if packed := evaluated[int](v, "me.sockets[0].packed"); packed == 0 {
			t.Error("no message was compressed")
		}
	}
}

// More than the gateway takes: it refuses, and closes when that does not help.
func webTooFast(t *testing.T, b *browser) {
	for burst, n := range map[int]int{12: 40, 5: 20} {
		t.Run(fmt.Sprintf("burst of %d", burst), func(t *testing.T) {
			g := startGateway(t, "PLENUM_RATE=20", fmt.Sprintf("PLENUM_RATE_BURST=%d", burst))
			ada := alone(t, b, g.URL(), "fast", options{"name": "Ada"})
			bo := alone(t, b, g.URL(), "fast", options{"name": "Bo"})
			ada.run(fmt.Sprintf("for (let i = 0; i < %d; i++) me.publish(i)", n))
			ada.settled()
			caughtUp(ada, bo)
			for _, v := range []*visitor{ada, bo} {
				_, said := v.judge()
				got, want := said[ada.text("me.client.member")], all(n)
				slices.Sort(got) // what is refused may be overtaken
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("of 0 to %d was seen %v", n-1, got)
				}
			}
			t.Logf("closed with %s", ada.text("me.sockets.map((s) => s.code ?? 'nothing').join()"))
		})
	}
}
