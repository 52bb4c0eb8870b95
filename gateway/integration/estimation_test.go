package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/plenum-gateway/plenum/pkg/client"
)

// meeting is a session of the kind estimation.
type meeting struct {
	url     string // of the gateway, or of nginx
	session string
}

// newMeeting makes one, as a program does. Options are JSON, or empty.
func newMeeting(t testing.TB, url, session, options string) *meeting {
	t.Helper()
	body := fmt.Sprintf(`{"kind":"estimation","id":%q,"options":%s}`, session, orNull(options))
	res, err := requests.Post(url+"/api/sessions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		text := new(bytes.Buffer)
		_, _ = text.ReadFrom(res.Body)
		t.Fatalf("making a meeting: %s: %s", res.Status, text)
	}
	return &meeting{url, session}
}

// link is what people open.
func (m *meeting) link() string { return m.url + "/?session=" + m.session }

// colleague takes part with the Go client.
func (m *meeting) colleague(t testing.TB, name string, change ...func(*client.Options)) *member {
	t.Helper()
	c := join(t, m.session, name, []string{m.url}, change...)
	c.welcomed(t, 1)
	return c
}

// colleagues are n people with names of their own.
func (m *meeting) colleagues(t testing.TB, n int) []*member {
	t.Helper()
	all := make([]*member, n)
	for i := range all {
		all[i] = join(t, m.session, fullName(i), []string{m.url})
	}
	for _, c := range all {
		c.welcomed(t, 1)
	}
	return all
}

// fullName is a name for the i-th person, such as people have in several places.
func fullName(i int) string {
	names := []string{"Ana", "Bo", "Chen Wei", "Dmitri", "Elif", "Farah", "Gustav", "Hiroko", "Imani", "José", "Katarzyna", "Lars",
		"Mei", "Noah", "Olu", "Priya", "Quentin", "Rosa", "Şule", "Tomasz", "Uma", "Viktor", "Wren", "Ximena", "Yusuf", "Zoë"}
	name := names[i%len(names)]
	if i >= len(names) {
		name += fmt.Sprintf(" %c.", 'A'+i%7)
	}
	return name
}

// do asks the session's kind, and waits until it took effect.
func (m *member) do(t testing.TB, command, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := m.Command(ctx, command, json.RawMessage(data)); err != nil {
		t.Fatalf("%s: %s %s: %v", m.name, command, data, err)
	}
}

// votes puts a card on the table.
func (m *member) votes(t testing.TB, round int, card string) {
	t.Helper()
	m.do(t, "cast_vote", fmt.Sprintf(`{"round":%d,"card":%q}`, round, card))
}

// laptop is the window that people have unless a test says otherwise.
var laptop = chromedp.WindowSize(1280, 900)

// person takes part with a browser.
type person struct{ *tab }

// enters opens the meeting's link, and enters a name if there is none yet.
func (b *browser) enters(t testing.TB, m *meeting, name string, options ...chromedp.ContextOption) *person {
	t.Helper()
	p := &person{b.tab(t, m.link(), options...)}
	p.until("the name box", "document.querySelector('#name') !== null")
	p.do(chromedp.Clear(chromedp.ID("name")), chromedp.SendKeys(chromedp.ID("name"), name+"\r"))
	p.here()
	return p
}

// here waits until the person sits at the table, connected.
func (p *person) here() {
	p.t.Helper()
	p.until("the table", `document.querySelector('.meeting:not(.preview) #status')?.dataset.phase === 'connected'`)
}

// picks clicks a card of the hand.
func (p *person) picks(card string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`.playing-card[data-card="%s"]`, card))
}

// click waits until there is something to click, and clicks it as a person
// does. It tries again what a redraw has moved.
func (p *person) click(selector string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// holds waits until the own card is on the table, for oneself.
func (p *person) holds(card string) {
	p.t.Helper()
	p.until("card "+card, fmt.Sprintf(`document.querySelector('.playing-card[aria-checked=true]')?.dataset.card === %q`, card))
}

// sees waits until the seat of somebody is in a state.
func (p *person) sees(name, state string) {
	p.t.Helper()
	p.until(name+" to be "+state, seatOf(name)+`?.dataset.state === `+fmt.Sprintf("%q", state))
}

// seatOf is the JavaScript for the seat of somebody.
func seatOf(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.seat')].find((s) => s.querySelector('.name > span').innerText === %q)`, name)
}

// progress waits for so many of so many to have voted.
func (p *person) progress(voted, voters int) {
	p.t.Helper()
	p.until("progress", fmt.Sprintf(`document.querySelector('.progress b')?.innerText === '%d/%d'`, voted, voters))
}

// revealed waits for the results.
func (p *person) revealed() {
	p.t.Helper()
	p.until("the results", `document.querySelector('.results .bars li') !== null`)
}

func orNull(json string) string {
	if json == "" {
		return "null"
	}
	return json
}
