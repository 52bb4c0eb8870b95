package integration

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// What somebody types into the title is meant for the round in which they began:
// votes that come meanwhile do not take the box away, another round does, and
// what was typed by then is nowhere.
func TestATitleIsTypedWhileOthersAct(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "title", "")
	bo := m.colleague(t, "Bo")
	ada := startBrowser(t, laptop).enters(t, m, "Ada")
	box := func() {
		ada.click("button#title")
		ada.until("the box", `document.querySelector('.title-box') !== null`)
	}
	typed := func(keys string) { ada.do(chromedp.SendKeys(chromedp.CSS(".title-box"), keys)) }

	box()
	typed("Paym")
	bo.votes(t, 1, "8")
	ada.progress(1, 2)
	typed("ents")
	ada.text(`document.querySelector('.title-box').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))`) // without what a slow browser would give the question
	ada.until("the question", `document.querySelector('dialog')?.innerText.includes('1 card is on the table')`)
	ada.until("a stray key not to mean yes", `document.activeElement.innerText === 'Cancel'`)
	ada.press("\r")
	bo.until(t, "the story", func() bool { return seen(bo, "stories.added") })
	ada.progress(1, 2)

	bo.do(t, "start_round", `{"story":"s1","confirm":true}`)
	ada.until("the story's round", `document.querySelector('#title').innerText.includes('Payments')`)
	box()
	typed(" by")
	bo.do(t, "start_round", `{"confirm":true}`)
	ada.until("the other round", `document.querySelector('#title').innerText.includes('Quick vote')`)
	ada.until("the box to be gone", `document.querySelector('.title-box') === null`)
	bo.do(t, "start_round", `{"story":"s1","confirm":true}`)
	ada.until("the title as it was", `document.querySelector('#title').innerText.trim() === 'Payments'`)
}

// In a full session a second tab takes the place of the first, which may take it back.
func TestAReplacedTabJoinsAgain(t *testing.T) {
	gateway := startGateway(t, "PLENUM_SESSION_CAPACITY=2")
	m := newMeeting(t, gateway.URL(), "full", "")
	m.colleague(t, "Bo")
	browser := startBrowser(t, laptop)
	first := browser.enters(t, m, "Ada")
	second := &person{browser.tab(t, m.link())}
	second.here()
	for _, p := range []*person{first, second} {
		p.until("to be replaced", `document.querySelector('#again') !== null`)
		p.click("#again")
		p.here()
		p.progress(0, 2)
	}
}

// Two tabs of a person are one person, also when the session was forgotten and
// both come back to the new one at once.
func TestTabsBeginAnewTogether(t *testing.T) {
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	gateway := startGateway(t, listen)
	m := newMeeting(t, gateway.URL(), "anew", "")
	browser := startBrowser(t, laptop)
	tabs := []*person{browser.enters(t, m, "Ada")}
	for range 2 {
		tabs = append(tabs, &person{browser.tab(t, m.link())})
	}
	for _, p := range tabs {
		p.here()
		p.forgive("WebSocket connection to")
		p.forgive("/api/sessions") // one makes the session; to the others it is there already
		p.forgive("ERR_")
	}
	gateway.Kill()
	for _, p := range tabs {
		p.until("the loss", `document.querySelector('#status').dataset.phase === 'reconnecting'`)
	}
	startGateway(t, listen)
	for _, p := range tabs {
		p.here()
		p.progress(0, 1)
	}
	tabs[2].picks("8")
	for _, p := range tabs {
		p.holds("8")
		p.progress(1, 1)
		p.close() // before the gateway that was started last ends
	}
}

// A gateway that cannot make the meeting anew at once is asked again: to join
// would make a plain room of it, for everybody who has the link.
func TestAMeetingIsMadeAnewThoughRefusedAtFirst(t *testing.T) {
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	gateway := startGateway(t, listen)
	m := newMeeting(t, gateway.URL(), "refused", "")
	ada := startBrowser(t, laptop).enters(t, m, "Ada")
	ada.forgive("WebSocket connection to")
	ada.text(`(() => {
		const real = fetch;
		window.refused = 0;
		window.fetch = (...args) => (window.refused++ < 2 ? Promise.resolve(new Response('', { status: 503 })) : real(...args));
	})()`)
	gateway.Kill()
	ada.until("the loss", `document.querySelector('#status').dataset.phase === 'reconnecting'`)
	startGateway(t, listen)
	ada.until("the refusals", `window.refused > 2`)
	ada.here()
	ada.picks("8")
	ada.progress(1, 1)
	ada.close() // before the gateway that was started last ends
}

// A second click on a button that takes its time is the same wish.
func TestSecondClicks(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t, laptop)
	ada := &person{browser.tab(t, gateway.URL())}
	ada.until("the start", `document.querySelector('#create') !== null`)
	ada.text(`(() => {
		const real = fetch;
		window.made = 0;
		window.fetch = (path, options) => ((window.made += options?.method === 'POST'), real(path, options));
		for (let i = 0; i < 2; i++) document.querySelector('#create').click();
	})()`)
	ada.until("the name box", `document.querySelector('#name') !== null`)
	if n := ada.text("window.made"); n != "1" {
		t.Errorf("two clicks made %s meetings", n)
	}
	ada.drawer("stories")
	ada.click("#import")
	ada.do(chromedp.SendKeys(chromedp.ID("import-text"), "One"))
	ada.text(`(document.querySelector('form.import button[type=submit]').click(), document.querySelector('form.import button[type=submit]')?.click())`)
	ada.until("the dialog to close", `document.querySelector('dialog') === null`)
	ada.do(chromedp.SendKeys(chromedp.ID("add-story"), "Two\r"))
	ada.until("the last story", `[...document.querySelectorAll('[data-story]')].some((s) => s.innerText.includes('Two'))`)
	if n := ada.text(`document.querySelectorAll('[data-story]').length`); n != "2" {
		t.Errorf("there are %s stories", n)
	}
}

// Where the name box waits, a link with the seat of another device enters.
func TestASeatThatComesLater(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "later", "")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	seat := ada.text(`localStorage.getItem('plenum.seat.later')`)
	phone := &person{browser.tab(t, m.link(), chromedp.WithNewBrowserContext())}
	phone.until("the name box", `document.querySelector('#name') !== null`)
	phone.text(fmt.Sprintf(`location.hash = 'seat=' + encodeURIComponent(%q)`, seat))
	phone.here()
	phone.progress(0, 1)
}
