package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// In the middle of a round the replica dies that serves somebody. Seat, role and
// hidden vote are back, and what was clicked meanwhile counts.
func TestAVoteOutlivesItsReplica(t *testing.T) { outlives(t) }

// BenchmarkAVoteOutlivesItsReplica reports how long a person waits for that.
func BenchmarkAVoteOutlivesItsReplica(b *testing.B) {
	var took []time.Duration
	for range b.N {
		took = append(took, outlives(b))
	}
	slices.Sort(took)
	tellQuantiles(b, "back", took)
	b.ReportMetric(0, "ns/op")
}

// outlives returns the time from the sight of the loss until all is back.
func outlives(t testing.TB) (took time.Duration) {
	_, both := replicas(t)
	proxy := startNginx(t, both...)
	m := newMeeting(t, proxy.URL(), "crash", "")
	bo := m.colleague(t, "Bo")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	ada.forgive("WebSocket connection to")
	bo.do(t, "promote", fmt.Sprintf(`{"member":%q}`, memberOf(ada)))
	ada.until("the role", `document.querySelector('.seat.me svg') !== null`)
	ada.picks("5")
	ada.holds("5")
	ada.progress(1, 2)

	seat, replica := ada.text("localStorage.getItem('plenum.seat.crash')"), ada.text("document.querySelector('#status').dataset.replica")
	for _, g := range both {
		if strings.Contains(g.log.String(), fmt.Sprintf("%q:%q", "replica", replica)) {
			g.Kill()
		}
	}
	ada.until("the loss to be seen", `document.querySelector('#status').dataset.phase === 'reconnecting' || document.querySelector('#status').dataset.replica !== '`+replica+`'`)
	began := time.Now()
	ada.picks("8")
	ada.until("another replica", `document.querySelector('#status').dataset.phase === 'connected' && document.querySelector('#status').dataset.replica !== '`+replica+`'`)
	ada.holds("8")
	ada.until("the role and the vote", `document.querySelector('.seat.me svg') !== null && document.querySelector('.seat.me').dataset.state === 'voted'`)
	took = time.Since(began)
	if now := ada.text("localStorage.getItem('plenum.seat.crash')"); now != seat {
		t.Error("the seat is another one")
	}
	ada.until("nothing to wait", `document.querySelector('#banner') === null && document.querySelector('.hint').innerText.includes('You voted 8')`)
	bo.votes(t, 1, "8")
	ada.progress(2, 2)
	ada.click("#next")
	ada.until("that both played 8", `document.querySelector('.level')?.dataset.level === 'unanimous'`)
	return took
}

// memberOf is the member that a page is.
func memberOf(p *person) string { return p.text("document.querySelector('.seat.me').dataset.member") }

// Two tabs and a phone are one person: one seat, one vote, which all three show.
func TestTwoTabsAndAPhoneCountOnce(t *testing.T) {
	gateway := startGateway(t)
	m := newMeeting(t, gateway.URL(), "once", "")
	browser := startBrowser(t, laptop)
	first := browser.enters(t, m, "Ada")
	second := &person{browser.tab(t, m.link())}
	second.here()
	second.click(".self")
	second.click(".me-panel .item:nth-of-type(2)") // go on on the phone
	second.until("the code", `document.querySelector('dialog .qr') !== null`)
	link := second.await(`import('/app/storage.js').then(() => location.origin + '/?session=once#seat=' + encodeURIComponent(localStorage.getItem('plenum.seat.once')))`)
	phone := &person{browser.tab(t, link, chromedp.WithNewBrowserContext())}
	phone.here()
	if at := phone.text("location.href"); at != m.link() {
		t.Errorf("the address of the phone is %s; a seat must not be passed on", at)
	}
	all := []*person{first, second, phone}
	for _, p := range all {
		p.progress(0, 1)
	}
	phone.picks("8")
	for _, p := range all {
		p.holds("8")
		p.progress(1, 1)
	}
	first.do(chromedp.Reload())
	first.here()
	first.holds("8")
	phone.close()
	first.click("#retract")
	for _, p := range []*person{first, second} {
		p.progress(0, 1)
	}
}

// Without a network the page says so, keeps what is clicked, and sends it when
// the network is back.
func TestClicksOutliveTheNetwork(t *testing.T) {
	gateway := startGateway(t)
	way := startCable(t, gateway.Addr)
	m := newMeeting(t, gateway.URL(), "tunnel", "")
	bo := m.colleague(t, "Bo")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, &meeting{way.URL(), m.session}, "Ada")
	ada.forgive("WebSocket connection to")
	ada.forgive("ERR_")
	ada.picks("5")
	ada.holds("5")

	way.pull()
	ada.until("the banner", `document.querySelector('#banner')?.innerText.includes('your vote is kept')`)
	ada.picks("13")
	ada.until("the click to wait", `document.querySelector('#banner .count')?.innerText === '1 click waits'`)
	ada.holds("13")
	bo.votes(t, 1, "5")
	way.plug()
	ada.progress(2, 2)
	ada.until("the banner to go", `document.querySelector('#banner') === null`)
	bo.do(t, "reveal", `{"round":1}`)
	ada.revealed()
	ada.until("the card that was clicked", `document.querySelector('.seat.me .front')?.innerText === '13'`)
}

// A tab that the browser has frozen is right at once when it goes on.
func TestAFrozenTabCatchesUp(t *testing.T) {
	gateway := startGateway(t, impatient...)
	m := newMeeting(t, gateway.URL(), "frozen", "")
	bo := m.colleague(t, "Bo")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	ada.forgive("WebSocket connection to")
	ada.picks("5")
	ada.holds("5")
	me := memberOf(ada)
	freeze := func(state page.SetWebLifecycleStateState) {
		if _, err := chromedp.Call(ada.ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state}); err != nil {
			t.Fatal(err)
		}
	}
	freeze(page.SetWebLifecycleStateStateFrozen)
	bo.until(t, "Ada to be away", func() bool {
		for _, e := range bo.events {
			if e.Event == "member.changed" && strings.Contains(string(e.Data), me) && strings.Contains(string(e.Data), "offline") {
				return true
			}
		}
		return false
	})
	bo.votes(t, 1, "8")
	bo.do(t, "reveal", `{"round":1}`)
	bo.do(t, "start_round", `{}`)
	bo.votes(t, 2, "3")
	freeze(page.SetWebLifecycleStateStateActive)
	ada.progress(1, 2)
	ada.sees("Bo", "voted")
	ada.picks("2")
	ada.progress(2, 2)
	ada.opens("history")
	ada.until("the round that was missed", `document.querySelectorAll('.past').length === 1`)
}

// The embedded log is gone with its process. The page makes the meeting anew,
// of the same kind, under the same name, and what was clicked goes there.
func TestAMeetingIsMadeAnewWhenItIsGone(t *testing.T) {
	listen := fmt.Sprintf("PLENUM_LISTEN=127.0.0.1:%d", freePort(t))
	gateway := startGateway(t, listen)
	m := newMeeting(t, gateway.URL(), "gone", "")
	browser := startBrowser(t, laptop)
	ada := browser.enters(t, m, "Ada")
	bo := browser.enters(t, m, "Bo", chromedp.WithNewBrowserContext())
	for _, p := range []*person{ada, bo} {
		p.forgive("WebSocket connection to")
		p.forgive("409") // both make it; one is quicker
	}
	gateway.Kill()
	for _, p := range []*person{ada, bo} {
		p.until("the banner", `document.querySelector('#banner') !== null`)
	}
	bo.picks("5") // in a round that will never be told of it
	startGateway(t, listen)
	for _, p := range []*person{ada, bo} {
		p.here()
	}
	ada.sees("Bo", "voted")
	ada.picks("8")
	for _, p := range []*person{ada, bo} {
		p.progress(2, 2)
	}
	for _, p := range []*person{ada, bo} {
		p.close() // before the gateway that was started last ends
	}
}
