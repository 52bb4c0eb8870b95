package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// From the link to a vote it takes two inputs: Enter, for the name is kept from
// last time, and a card.
func TestTwoInputsFromLinkToVote(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t, laptop)
	before := browser.enters(t, newMeeting(t, gateway.URL(), "before", ""), "Ada")
	before.close()
	m := newMeeting(t, gateway.URL(), "now", `{"stories":["Sign in"]}`)
	bo := m.colleague(t, "Bo")
	bo.do(t, "start_round", `{"story":"s1"}`)
	bo.votes(t, 2, "5")

	ada := &person{browser.tab(t, m.link())}
	ada.until("story, people and the name behind one box",
		`document.activeElement?.id === 'name' && document.activeElement.value === 'Ada' && document.querySelector('#title')?.innerText === 'Sign in' && document.querySelectorAll('.seat').length === 1`)
	ada.text(`globalThis.inputs = 0, ['keydown', 'pointerdown'].forEach((e) => addEventListener(e, () => globalThis.inputs++, true))`)
	ada.do(chromedp.KeyEvent(kb.Enter))
	ada.here()
	ada.picks("8")
	ada.progress(2, 2)
	if n := ada.text("globalThis.inputs"); n != "2" {
		t.Errorf("it took %s inputs", n)
	}
}

// Whoever has no mouse makes a meeting, joins, votes, reveals and goes on.
func TestKeyboardAlone(t *testing.T) {
	gateway := startGateway(t)
	browser := startBrowser(t, laptop)
	p := &person{browser.tab(t, gateway.URL())}
	p.until("the start", `document.querySelector('#create') !== null`)
	p.tabTo("#create")
	p.press(kb.Enter)
	p.until("the name box", `document.activeElement?.id === 'name'`)
	p.press("Ada" + kb.Enter)
	p.here()

	p.press("13")
	p.until("13 to be chosen, and not to be voted", focusOn("13")+` && document.querySelector('.progress b').innerText === '0/1'`)
	p.press(kb.ArrowLeft)
	p.until("8 to be chosen", focusOn("8"))
	p.press(kb.Enter)
	p.holds("8")
	p.press(kb.Home + kb.ArrowLeft)
	p.until("the way around", focusOn("coffee"))
	p.press("5 ")
	p.holds("5")
	p.progress(1, 1)

	p.press("?")
	p.until("the help", `document.querySelector('dialog[open] kbd') !== null`)
	p.press(kb.Escape)
	p.until("the help to be gone", `document.querySelector('dialog') === null`)
	p.press("r")
	p.revealed()
	p.tabTo("#save")
	p.press(kb.Enter)
	p.until("the estimate", `document.querySelector('#saved') !== null`)
	p.press("n")
	p.progress(0, 1)

	p.tabTo("[data-tab=stories]")
	p.press(kb.Enter)
	p.tabTo("#add-story")
	p.press("Sign in" + kb.Enter)
	p.until("the story", `document.querySelectorAll('.story').length === 1`)
	p.press("r13?") // a text is a text
	p.until("the text", `document.querySelector('#add-story').value === 'r13?' && document.querySelector('dialog') === null`)
	p.press(kb.Escape)
	p.until("the drawer to be closed, and the focus where it was", `document.querySelector('.drawer') === null && document.activeElement.dataset.tab === 'stories'`)
}

func focusOn(card string) string {
	return fmt.Sprintf(`document.activeElement?.dataset.card === %q`, card)
}

// press types keys.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// tabTo presses Tab until an element has the focus, as somebody does who looks for it.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	for range 60 {
		if p.text(fmt.Sprintf("document.activeElement?.matches(%q) ?? false", selector)) == "true" {
			if p.text(`getComputedStyle(document.activeElement).outlineStyle`) == "none" {
				p.t.Errorf("%s has the focus, and nobody sees it", selector)
			}
			return
		}
		p.press(kb.Tab)
	}
	p.t.Fatalf("60 times Tab did not lead to %s", selector)
}

// What happens is told to who does not see it, one thing at a time, in words.
func TestAScreenReaderIsTold(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "told", "")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	told := func(text string) {
		t.Helper()
		ada.until("to be told "+text, fmt.Sprintf(`document.querySelector('#live').innerText.includes(%q)`, text))
	}
	bo := m.colleague(t, "Bo")
	told("Bo joined")
	bo.votes(t, 1, "5")
	told("Bo voted, 1 of 2")
	ada.picks("5")
	told("Ada voted, 2 of 2")
	bo.do(t, "reveal", `{"round":1}`)
	told("Revealed. Median 5, 100 percent agree")
	if n := ada.text(`document.querySelectorAll('[aria-live], [role=status], [role=alert]').length`); n != "1" {
		t.Errorf("there are %s live regions", n)
	}
	names := ada.text(`[...document.querySelectorAll('.people > li')].map((li) => li.innerText.replace(/\s+/g, ' ').trim()).join('; ')`)
	if !strings.Contains(names, "Bo , card 5") {
		t.Errorf("the list of people reads %q", names)
	}
}
