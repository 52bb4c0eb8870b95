package integration

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A meeting as it is meant: one person makes it with one click, eleven open its
// link, they estimate two stories, revote one, and take the result home.
func TestTwelveMeetInBrowsers(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t, laptop)
	ada := &person{browser.tab(t, gateway.URL(), chromedp.WithNewBrowserContext())}
	ada.click("#create")
	ada.named("Ada <b>")
	m := &meeting{gateway.URL(), ada.text("new URLSearchParams(location.search).get('session')")}
	ada.until("the link and its code", `document.querySelector('.welcome .share-link').value === location.href && document.querySelector('.welcome .qr path') !== null`)
	ada.opens("stories")
	ada.click("#import")
	ada.do(chromedp.SendKeys(chromedp.ID("import-text"), "<i>Sign in</i>\nExport, as PDF"))
	ada.click(".import button[type=submit]")
	ada.until("two stories", `document.querySelectorAll('.story').length === 2`)
	ada.click(`.story:first-child button[title="Estimate now"]`)
	ada.click("#close-drawer")

	people := []*person{ada}
	for i := range 11 {
		people = append(people, browser.enters(t, m, fullName(i), chromedp.WithNewBrowserContext()))
	}
	for _, p := range people {
		p.until("twelve people and the story", `document.querySelectorAll('.seat').length === 12 && document.querySelector('#title').innerText.trim() === '<i>Sign in</i>'`)
		if n := p.text("document.querySelectorAll('.seat b, #title i, .story i').length"); n != "0" {
			t.Errorf("a name or a title has become %s elements", n)
		}
	}
	everybodyPicks(people, func(i int) string { return []string{"5", "5", "8", "13"}[i%4] })
	for _, p := range people {
		if shown := p.text(`document.querySelectorAll('.seat .front').length`); shown != "0" {
			t.Errorf("%s cards are shown before the reveal", shown)
		}
	}
	people[3].click("#next")
	for _, p := range people {
		p.revealed()
		p.until("who played 13", `[...document.querySelectorAll('.column.high .voters > span')].map((e) => e.innerText).sort().join() === 'Chen Wei,Gustav,Katarzyna'`)
	}
	people[5].click(`[data-do="revote"]`)
	for _, p := range people {
		p.progress(0, 12)
	}
	everybodyPicks(people, func(int) string { return "8" })
	people[7].click("#next")
	for _, p := range people {
		p.until("that all agree", `document.querySelector('.level')?.dataset.level === 'unanimous'`)
	}
	ada.click("#save")
	for _, p := range people {
		p.until("the estimate", `document.querySelector('#saved')?.innerText.includes('8')`)
	}
	people[1].click("#next")
	for _, p := range people {
		p.until("the next story", `document.querySelector('#title').innerText.trim() === 'Export, as PDF'`)
	}
	takesHome(t, ada)
}

// everybodyPicks has all of them choose a card.
func everybodyPicks(people []*person, card func(i int) string) {
	for i, p := range people {
		p.picks(card(i))
		p.holds(card(i))
	}
	for _, p := range people {
		p.progress(len(people), len(people))
	}
}

// takesHome exports what the twelve did, as CSV and as JSON.
func takesHome(t *testing.T, p *person) {
	t.Helper()
	dir := t.TempDir()
	_, err := chromedp.CallBrowser(p.ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID})
	if err != nil {
		t.Fatal(err)
	}
	p.opens("history")
	p.until("two rounds", `document.querySelectorAll('.past').length === 2`)

	p.click(".drawer .export")
	p.click(`[data-export="export.rounds"]`)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(downloaded(t, dir, "rounds*.csv"), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 1+24 || rows[1][1] != "<i>Sign in</i>" {
		t.Errorf("the CSV of rounds has %d rows: %v\n%v", len(rows), err, rows)
	}
	p.click(".drawer .export")
	p.click(`[data-export="export.json"]`)
	var all struct {
		Stories []struct{ Estimate struct{ Value string } }
		Rounds  []struct {
			Votes   map[string]string
			Results struct{ Agreement int }
		}
	}
	if err := json.Unmarshal([]byte(downloaded(t, dir, "meeting*.json")), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Rounds) != 2 || len(all.Rounds[0].Votes) != 12 || all.Rounds[1].Results.Agreement != 100 || all.Stories[0].Estimate.Value != "8" {
		t.Errorf("the JSON is %+v", all)
	}
}

// downloaded waits for a file that a page has handed out.
func downloaded(t *testing.T, dir, pattern string) (content string) {
	t.Helper()
	poll(t, pattern+" to be downloaded", func() error {
		found, err := filepath.Glob(filepath.Join(dir, "plenum-*-"+pattern))
		if err != nil || len(found) == 0 {
			return fmt.Errorf("found %v, %v", found, err)
		}
		text, err := os.ReadFile(found[0])
		content = string(text)
		return err
	})
	return content
}

// Fifty feel the same: all are in sight on a laptop, those who are waited for
// first, and the results are there with the reveal.
func TestFiftyMeetBesideABrowser(t *testing.T) {
	gateway := startGateway(t, "PLENUM_SESSION_CAPACITY=60")
	m := newMeeting(t, gateway.URL(), "fifty", "")
	all := m.colleagues(t, 50)
	browser := startBrowser(t, laptop)
	p := &person{browser.tab(t, "about:blank")}
	p.wear(windows[0])
	p.do(chromedp.Navigate(m.link()))
	p.named("Ada")
	for _, c := range all[:30] {
		c.votes(t, 1, "5")
	}
	p.progress(30, 51)
	if seen := p.text(everyoneInSight); seen != "51 of 51, scrolled 0" {
		t.Errorf("in sight are %s", seen)
	}
	if first := p.text(`[...document.querySelectorAll('.seat')].findIndex((s) => s.dataset.state === 'voted')`); first != "21" {
		t.Errorf("the first who has voted is at %s, behind 21 who have not", first)
	}
	for _, c := range all[30:] {
		c.votes(t, 1, "8")
	}
	p.picks("13")
	p.progress(51, 51)
	p.click("#next")
	p.revealed()
	all[7].until(t, "the reveal", func() bool { return seen(all[7], "round.revealed") })
	if bars := p.text(`[...document.querySelectorAll('.column')].map((c) => c.querySelector('.votes').innerText + ' ' + c.querySelector('.chip').innerText.replace(/\W/g, '')).join()`); bars != "30 5,20 8,1 13" {
		t.Errorf("the bars are %s", bars)
	}
}

// Confetti falls when all agree, for who sees it happen, and for nobody who wants
// no motion.
func TestConfettiOnUnanimityOnly(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "confetti", "")
	bo := m.colleague(t, "Bo")
	browser := startBrowser(t, laptop)
	moved, calm := browser.enters(t, m, "Ada"), browser.enters(t, m, "Cy", chromedp.WithNewBrowserContext())
	moved.moves("no-preference")
	calm.moves("reduce")
	for round, card := range []string{"8", "5"} {
		for i, p := range []*person{moved, calm} {
			p.picks([]string{"5", card}[i])
			p.holds([]string{"5", card}[i])
		}
		bo.votes(t, round+1, "5")
		bo.do(t, "reveal", fmt.Sprintf(`{"round":%d}`, round+1))
		for i, p := range []*person{moved, calm} {
			p.revealed()
			want := fmt.Sprint(i == 0 && card == "5")
			if fell := p.text(`document.querySelector('canvas.confetti') !== null`); fell != want {
				t.Errorf("round %d, person %d: confetti is %s, want %s", round+1, i, fell, want)
			}
		}
		bo.do(t, "revote", fmt.Sprintf(`{"round":%d}`, round+1))
		for _, p := range []*person{moved, calm} {
			p.progress(0, 3)
		}
	}
}

// moves sets whether the person wants motion.
func (p *person) moves(wish string) {
	p.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: wish}}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// everyoneInSight counts the seats within the window.
const everyoneInSight = `(() => {
	const seats = [...document.querySelectorAll('.seat')].map((s) => s.getBoundingClientRect());
	const hand = document.querySelector('.hand').getBoundingClientRect();
	const { scrollHeight, clientHeight } = document.querySelector('.stage');
	return seats.filter((r) => r.top >= 0 && r.bottom <= hand.top + 20 && r.right <= innerWidth).length + ' of ' + seats.length + ', scrolled ' + (scrollHeight - clientHeight);
})()`

// seen reports whether a member was told of an event. Call it with the member locked.
func seen(m *member, event string) bool { return timesSeen(m, event) > 0 }

// timesSeen is how often a member was told of an event. Call it with the member locked.
func timesSeen(m *member, event string) int {
	n := 0
	for _, e := range m.events {
		if e.Event == event {
			n++
		}
	}
	return n
}
