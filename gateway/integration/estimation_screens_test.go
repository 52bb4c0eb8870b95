package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screens is where the screenshots go; "make screenshots" gives it.
var screens = flag.String("screens", "", "keep screenshots of the page in this `directory`")

// window is one way to look at a screen.
type window struct {
	width, height int64
	theme         string
}

func (w window) String() string { return fmt.Sprintf("%d-%s", w.width, w.theme) }

var windows = []window{
	{1280, 800, "light"}, {1280, 800, "dark"}, {360, 740, "light"}, {360, 740, "dark"},
}

// tablet is between them, where columns turn into drawers.
var tablet = window{768, 1024, "light"}

// scene is a screen with what led to it.
type scene struct {
	name  string
	stage func(t *testing.T, m *meeting) (link string) // what others did before
	act   func(p *person)                              // what the person who windows does
}

// Every screen in both themes, sizes and languages: axe-core finds nothing
// serious, nothing is wider than the window, no key is shown in the place of a
// text, and no text is left in the other language.
func TestEstimationScreens(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t, laptop)
	axe := readFile(t, "testdata/axe/axe.min.js")
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			m := newMeeting(t, gateway.URL(), s.name, "")
			link := m.link()
			if s.stage != nil {
				link = s.stage(t, m)
			}
			p := &person{browser.tab(t, "about:blank", chromedp.WithNewBrowserContext())}
			p.forgive("WebSocket connection to") // one scene has no network
			p.wear(windows[0])
			p.do(chromedp.Navigate(link))
			s.act(p)
			p.text("(() => {" + axe + "})()")
			for _, w := range windows {
				p.wear(w)
				p.still()
				p.fits(w)
				p.accessible(w)
				p.touchable(w)
				if *screens != "" {
					p.shoot(filepath.Join(*screens, fmt.Sprintf("%s-%s.png", s.name, w)))
				}
			}
			p.wear(tablet)
			p.still()
			p.fits(tablet)
			p.wear(windows[len(windows)-1])
			for _, lang := range []string{"zh-CN", "en"} {
				p.speaks(lang)
				p.fits(windows[len(windows)-1])
			}
			if *screens != "" {
				p.speaks("zh-CN")
				p.wear(windows[0])
				p.still()
				p.shoot(filepath.Join(*screens, fmt.Sprintf("%s-%s-zh.png", s.name, windows[0])))
			}
		})
	}
}

// wear sets the window, the theme and less motion, before the page is there.
func (p *tab) wear(w window) {
	p.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: w.theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media)
	if err == nil {
		_, err = chromedp.Call(p.ctx, page.BringToFront, cdp.Empty{}) // what is behind draws no frames, so nothing comes to rest
	}
	if err == nil {
		p.do(chromedp.EmulateViewport(w.width, w.height))
		p.until("the theme", fmt.Sprintf("[%q, undefined].includes(document.documentElement.dataset.theme)", w.theme))
	}
	if err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// still waits for fonts and animations, so that a picture shows the end of them.
func (p *tab) still() {
	p.t.Helper()
	p.until("the page to be still", `document.fonts.status === 'loaded' && document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)`)
}

// fits checks that nothing has to be scrolled sideways, once the styles are those
// of the window's new size: that takes a frame.
func (p *tab) fits(w window) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s: nothing to be wider than the window", w), fmt.Sprintf("document.documentElement.scrollWidth <= %d", w.width))
}

// touchable checks, on a phone, that a finger which misses the middle of a button
// by 19 px still hits it, and nothing that lies on it or beside it.
func (p *tab) touchable(w window) {
	p.t.Helper()
	if w.width > 400 {
		return
	}
	if missed := p.text(missedByFingers); missed != "" {
		p.t.Errorf("%s: too small for a finger, or covered:\n%s", w, missed)
	}
}

// missedByFingers looks at what is on top, and there at what is in sight.
const missedByFingers = `(() => {
	const top = ['dialog[open]', '.panel', '.center.over', '.drawer', 'body'].map((s) => document.querySelector(s)).find(Boolean);
	const rect = (e) => e?.getBoundingClientRect();
	return [...top.querySelectorAll('button, a, summary, select, input:not(.hidden)')].flatMap((e) => {
		const target = e.closest('label') ?? e, { x, y, width, height } = rect(target);
		const scroller = rect(e.closest('.drawer-panel, .stage, .scroll, dialog')) ?? { top: 0, bottom: innerHeight };
		const end = Math.min(innerHeight, scroller.bottom, e.closest('.table') ? rect(document.querySelector('.hand'))?.top ?? Infinity : Infinity);
		const [cx, cy] = [x + width / 2, y + height / 2];
		if (!e.checkVisibility({ visibilityProperty: true }) || !width || cy - 19 < Math.max(0, scroller.top) || cy + 19 > end) return [];
		const lost = [[0, 0], [0, -19], [0, 19], [-19, 0], [19, 0]].filter(([dx, dy]) => !target.contains(document.elementFromPoint(cx + dx, cy + dy)));
		return lost.length ? [(e.id || e.className || e.type) + ' ' + (e.ariaLabel ?? e.innerText) + ': ' + Math.round(width) + '×' + Math.round(height) + ', missed at ' + lost.join(' and ')] : [];
	}).join('\n');
})()`

// accessible has axe-core look at the page, which must have been loaded.
func (p *tab) accessible(w window) {
	p.t.Helper()
	found := p.await(`axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then((r) => JSON.stringify({
		passes: r.passes.length, problems: r.violations.filter((v) => ['serious', 'critical', 'moderate'].includes(v.impact)).map((v) => ({id: v.id, impact: v.impact, help: v.help,
		nodes: v.nodes.slice(0, 4).map((n) => n.target.join(' ') + ': ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''))}))}))`)
	var report struct {
		Passes   int
		Problems []struct {
			ID, Impact, Help string
			Nodes            []string
		}
	}
	if err := json.Unmarshal([]byte(found), &report); err != nil || report.Passes < 10 {
		p.t.Fatalf("axe-core did not look: %v: %s", err, found)
	}
	for _, problem := range report.Problems {
		p.t.Errorf("%s: %s: %s (%s)\n  %s", w, problem.Impact, problem.Help, problem.ID, strings.Join(problem.Nodes, "\n  "))
	}
}

// await evaluates a promise.
func (p *tab) await(js string) string {
	p.t.Helper()
	p.text("void (globalThis.awaited = undefined, (async () => " + js + ")().then((v) => { globalThis.awaited = [v] }, (e) => { globalThis.awaited = ['failed: ' + e] }))")
	p.until("the promise", "Boolean(globalThis.awaited)")
	return p.text("globalThis.awaited[0]")
}

func (p *tab) shoot(path string) {
	p.t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		p.t.Fatal(err)
	}
	var small bytes.Buffer // the browser compresses in a hurry
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, picture); err != nil {
		p.t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, small.Bytes(), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// speaks chooses a language, and looks for what is not in it.
func (p *tab) speaks(lang string) {
	p.t.Helper()
	p.await(fmt.Sprintf("import('/app/prefs.js').then((m) => m.speak(%q))", lang))
	p.until("the language", fmt.Sprintf("document.documentElement.lang === %q", lang))
	if keys := p.await(keysShown); keys != "" {
		p.t.Errorf("%s: the page shows %s", lang, keys)
	}
	if left := p.await(fmt.Sprintf(textsOfOther, lang)); left != "" {
		p.t.Errorf("%s: texts of the other language: %s", lang, left)
	}
}

// keysShown are the keys of texts that stand on the page.
const keysShown = `import('/lang/en.js').then(({ en }) => {
	const shown = document.documentElement.outerHTML;
	return Object.keys(en).filter((key) => new RegExp('[^\\w./-]' + key.replaceAll('.', '\\.') + '[^\\w./-]').test(shown.replace(/data-export="[^"]*"/g, ''))).join(', ');
})`

// textsOfOther are whole texts of the other language that stand on the page by themselves.
const textsOfOther = `Promise.all([import('/lang/en.js'), import('/lang/zh-cn.js')]).then(([{ en }, { zhCN }]) => {
	const [own, other] = %q === 'en' ? [en, zhCN] : [zhCN, en];
	const texts = new Set(Object.entries(other).filter(([k, s]) => k !== 'join.placeholder' && typeof s === 'string' && !Object.values(own).includes(s)).map(([, s]) => s));
	const shown = [...document.querySelectorAll('body *')].flatMap((e) => [e.ariaLabel, e.title, e.placeholder, e.childElementCount ? '' : e.innerText?.trim()]);
	return shown.filter((s) => s && texts.has(s)).join('; ');
})`
