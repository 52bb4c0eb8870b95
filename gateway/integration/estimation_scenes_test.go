package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/plenum-gateway/plenum/pkg/client"
)

const someStories = `{"lines":"Sign in with a passkey\nExport the report as PDF\nDark mode\nFaster search in large projects\nInvite guests by link"}`

// scenes are the screens of the page. The person who looks comes last.
var scenes = []scene{
	{"home", func(t *testing.T, m *meeting) string { return m.url }, func(p *person) {
		p.until("the start", "document.querySelector('#create') !== null")
	}},
	{"join", func(t *testing.T, m *meeting) string {
		twelve(t, m, 11, 7)
		return m.link()
	}, func(p *person) {
		p.until("the name box over the table", "document.querySelector('#name') !== null && document.querySelectorAll('.preview .seat').length === 11")
	}},
	{"empty", nil, func(p *person) { p.named("Ada") }},
	{"voting", func(t *testing.T, m *meeting) string {
		twelve(t, m, 11, 7)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.picks("5")
		p.holds("5")
		p.progress(7, 11)
	}},
	{"ready", func(t *testing.T, m *meeting) string {
		twelve(t, m, 11, 11)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.picks("8")
		p.progress(11, 11)
	}},
	{"countdown", func(t *testing.T, m *meeting) string {
		all := twelve(t, m, 11, 11)
		all[0].do(t, "set_options", `{"auto_reveal":true,"countdown":10}`)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.picks("8")
		p.until("the countdown", "document.querySelector('.tick') !== null")
	}},
	{"split", func(t *testing.T, m *meeting) string {
		all := twelve(t, m, 11, 11)
		all[0].do(t, "reveal", `{"round":2}`)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.revealed()
	}},
	{"unanimous", func(t *testing.T, m *meeting) string {
		all := m.colleagues(t, 5)
		for _, c := range all {
			c.votes(t, 1, "5")
		}
		all[0].do(t, "reveal", `{"round":1}`)
		all[0].do(t, "set_estimate", `{"round":1,"value":"5"}`)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.revealed()
	}},
	{"fifty", func(t *testing.T, m *meeting) string {
		fifty(t, m, 33)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.progress(33, 50)
	}},
	{"fifty-revealed", func(t *testing.T, m *meeting) string {
		all := fifty(t, m, 49)
		all[0].do(t, "reveal", `{"round":1}`)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.revealed()
	}},
	{"stories", estimated, func(p *person) { p.drawer("stories") }},
	{"history", estimated, func(p *person) {
		p.drawer("history")
		p.click(".past summary")
	}},
	{"settings", nil, func(p *person) { p.named("Ada"); p.opens("settings") }},
	{"import", nil, func(p *person) {
		p.named("Ada")
		p.opens("stories")
		p.click("#import")
		p.do(chromedp.SendKeys(chromedp.ID("import-text"), "title,link\nSign in,\n\"broken,"))
		p.click(".import [type=submit]")
		p.until("the line that cannot be read", `document.querySelector('#import-why')?.innerText.includes('line 3')`)
	}},
	{"help", nil, func(p *person) {
		p.named("Ada")
		p.do(chromedp.KeyEvent("?"))
		p.until("the help", "document.querySelector('dialog[open]') !== null")
	}},
	{"invite", func(t *testing.T, m *meeting) string {
		twelve(t, m, 3, 1)
		return m.link()
	}, func(p *person) { p.named("Ada"); p.click(".invite") }},
	{"offline", func(t *testing.T, m *meeting) string {
		twelve(t, m, 11, 6)
		return m.link()
	}, func(p *person) {
		p.named("Ada")
		p.picks("5")
		p.holds("5")
		p.network(false)
		p.until("the banner", "document.querySelector('#banner') !== null")
		p.picks("8")
		p.holds("8")
	}},
	{"closed", func(t *testing.T, m *meeting) string {
		past(t, m)[0].do(t, "close", "{}")
		return m.link()
	}, func(p *person) { p.named("Ada") }},
	{"room", func(t *testing.T, m *meeting) string { return m.url + "/?session=plain-" + m.session }, func(p *person) {
		p.named("Ada")
		p.say("Hello, everyone")
		p.shows("log", "Hello, everyone")
	}},
}

// named enters a name, and waits until the person is in.
func (p *person) named(name string) {
	p.t.Helper()
	p.until("the name box", "document.querySelector('#name') !== null")
	p.do(chromedp.SendKeys(chromedp.ID("name"), name+"\r"))
	p.until("the session", "document.querySelector('#status[data-phase=connected]') !== null && !document.querySelector('.preview')")
}

// opens the drawer.
func (p *person) opens(tab string) {
	p.t.Helper()
	if p.text(fmt.Sprintf("document.querySelector('[data-tab=%s]').checkVisibility()", tab)) == "true" {
		p.click("[data-tab=" + tab + "]")
		return
	}
	p.click("[data-tab=stories]")
	p.click("#tab-" + tab)
}

func (p *person) drawer(tab string) {
	p.t.Helper()
	p.named("Ada")
	p.opens(tab)
}

// twelve is a meeting of n people, one of whom watches, in round 2, in which so
// many have voted.
func twelve(t *testing.T, m *meeting, n, voted int) []*member {
	t.Helper()
	all := make([]*member, n)
	for i := range all {
		all[i] = m.colleague(t, fullName(i), func(o *client.Options) {
			if i == 4 {
				o.Role = "spectator"
			}
		})
	}
	all[0].do(t, "import_stories", someStories)
	var story string
	all[1].until(t, "the stories", func() bool {
		for _, e := range all[1].events {
			if e.Event == "stories.added" {
				story = between(string(e.Data), `{"stories":[{"id":"`, `"`)
			}
		}
		return story != ""
	})
	all[0].do(t, "start_round", fmt.Sprintf(`{"story":%q}`, story))
	cards := []string{"5", "8", "5", "3", "", "5", "13", "8", "5", "2", "8", "5"}
	for i, c := range all[:min(voted, n)] {
		if card := cards[i%len(cards)]; card != "" {
			c.votes(t, 2, card)
		}
	}
	return all
}

// fifty is a large meeting.
func fifty(t *testing.T, m *meeting, voted int) []*member {
	t.Helper()
	all := m.colleagues(t, 49)
	cards := []string{"5", "8", "5", "3", "13", "5", "8", "5", "2", "8", "?"}
	for i, c := range all[:voted] {
		c.votes(t, 1, cards[i%len(cards)])
	}
	return all
}

func estimated(t *testing.T, m *meeting) string {
	t.Helper()
	past(t, m)
	return m.link()
}

// past gives a meeting two rounds that are over.
func past(t *testing.T, m *meeting) []*member {
	t.Helper()
	all := twelve(t, m, 6, 6)
	all[0].do(t, "reveal", `{"round":2}`)
	all[0].do(t, "set_estimate", `{"round":2,"value":"5"}`)
	all[0].do(t, "start_round", `{"story":"s2"}`)
	for i, c := range all {
		if i != 4 {
			c.votes(t, 3, "8")
		}
	}
	all[0].do(t, "reveal", `{"round":3}`)
	all[0].do(t, "set_estimate", `{"round":3,"value":"8"}`)
	all[0].do(t, "start_round", `{"story":"s3"}`)
	all[1].votes(t, 4, "3")
	return all
}

// between returns the text between two marks.
func between(text, from, to string) string {
	_, rest, found := strings.Cut(text, from)
	if !found {
		return ""
	}
	got, _, _ := strings.Cut(rest, to)
	return got
}
