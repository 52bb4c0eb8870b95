package integration

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A passcode is asked for in the name box, and a locked meeting says so.
func TestTheDoor(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "door", "")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	ada.opens("settings")
	ada.do(chromedp.SendKeys(chromedp.ID("passcode"), "open sesame"+kb.Enter))
	ada.until("the passcode to be set", `document.querySelector('.drawer').innerText.includes('A passcode is set')`)

	bo := &person{browser.tab(t, m.link(), chromedp.WithNewBrowserContext())}
	bo.forgive("403") // what is behind a passcode is not shown to who has no seat
	bo.until("the name box", `document.querySelector('#name') !== null`)
	bo.do(chromedp.SendKeys(chromedp.ID("name"), "Bo"+kb.Enter))
	bo.until("to be asked, with the name kept", `document.activeElement?.id === 'code' && document.querySelector('#name').value === 'Bo'`)
	bo.press("sesame" + kb.Enter)
	bo.until("to be told", `document.querySelector('#code-note')?.innerText.includes('not the passcode')`)
	bo.do(chromedp.SendKeys(chromedp.ID("code"), "open sesame"+kb.Enter))
	bo.here()
	ada.progress(0, 2)

	ada.click(`.drawer .group:nth-of-type(3) .switch input`)
	ada.until("the lock", `document.querySelector('.drawer .group:nth-of-type(3) .switch input').checked`)
	bo.do(chromedp.Reload())
	bo.here() // whoever has a seat comes back
	cy := &person{browser.tab(t, m.link(), chromedp.WithNewBrowserContext())}
	cy.forgive("403")
	cy.until("the name box", `document.querySelector('#name') !== null`)
	cy.do(chromedp.SendKeys(chromedp.ID("name"), "Cy"+kb.Enter))
	cy.until("to be told", `document.querySelector('#over-title')?.innerText === 'The meeting is locked'`)
}

// The owner sends somebody out, and hands the meeting over.
func TestRolesAndRemoval(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "roles", "")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	bo := browser.enters(t, m, "Bo", chromedp.WithNewBrowserContext())
	cy := m.colleague(t, "Cy")

	ada.seatMenu("Bo", "Make a spectator")
	bo.until("to watch", `document.querySelector('.hand.watching') !== null`)
	bo.click(".hand.watching button")
	ada.sees("Bo", "thinking")
	ada.seatMenu("Bo", "Nudge")
	bo.until("to be nudged", `document.querySelector('.notices')?.innerText.includes('Ada is waiting for your card')`)
	bo.click(".react button")
	bo.click(".emoji button")
	ada.until("the reaction at its seat", seatOf("Bo")+`.querySelector('.reaction') !== null`)

	ada.opensSeat("Bo") // and what comes behind the nudge does not move under the pointer when there is no use in it any more
	bo.picks("5")
	ada.until("the nudge to be of no use", `(([first]) => first.innerText.trim() === 'Nudge' && first.disabled)(document.querySelectorAll('.panel.menu .item'))`)
	ada.press("\x1b")
	bo.click("#retract")

	ada.seatMenu("Cy", "Remove")
	ada.click("dialog .danger")
	select {
	case <-cy.ended:
	case <-t.Context().Done():
	}
	ada.progress(0, 2)
	ada.seatMenu("Bo", "Make the owner")
	ada.click("dialog .primary")
	bo.until("to be the owner", `document.querySelector('.self .me-name small').textContent === 'owner'`)
	bo.seatMenu("Ada", "Remove for good")
	bo.click("dialog .danger")
	ada.until("to be told", `document.querySelector('#over-title')?.innerText === 'You were removed'`)
	ada.click("#again")
	ada.until("the name box", `document.querySelector('#name') !== null`)
	ada.do(chromedp.Click(chromedp.CSS("#join-form button")))
	ada.until("to be told why not", `document.querySelector('#over-title')?.innerText === 'You cannot join this meeting'`)
}

// seatMenu clicks on a person and then on what is to be done.
func (p *person) seatMenu(name, item string) {
	p.t.Helper()
	p.opensSeat(name)
	p.text(fmt.Sprintf(`[...document.querySelectorAll('.panel.menu .item')].find((b) => b.innerText.trim() === %q).click()`, item))
}

// opensSeat clicks on a person.
func (p *person) opensSeat(name string) {
	p.t.Helper()
	p.until("the seat of "+name, seatOf(name)+" !== undefined")
	p.text(seatOf(name) + ".querySelector('button').click()")
	p.until("the menu", `document.querySelector('.panel.menu') !== null`)
}

// Where only programs with a key may make sessions, the page says so, unless
// joining makes meetings.
func TestMeetingsWithoutTheAPI(t *testing.T) {
	for kind, want := range map[string]string{
		"estimation": `document.querySelector('.meeting:not(.preview) .seat.me') !== null`,
		"broadcast":  `document.querySelector('#over-title')?.innerText === 'No meeting can be made here'`,
	} {
		t.Run(kind, func(t *testing.T) {
			gateway := startGateway(t, "PLENUM_SESSION_KIND="+kind)
			browser := startBrowser(t, laptop)
			p := &person{browser.tab(t, gateway.URL())}
			p.until("the start", `document.querySelector('#create') !== null`)
			p.text(`globalThis.fetch = ((ask) => (url, o) => o?.method === 'POST' ? Promise.resolve(new Response('{}', { status: 401 })) : ask(url, o))(globalThis.fetch)`)
			p.click("#create")
			p.until("the name box", `document.querySelector('#name') !== null`)
			p.do(chromedp.SendKeys(chromedp.ID("name"), "Ada"+kb.Enter))
			p.until("the outcome", want)
		})
	}
}
