package integration

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Who has switched JavaScript off is told, and sees no empty page.
func TestPageWithoutJavaScript(t *testing.T) {
	gateway := startGateway(t)
	p := startBrowser(t).tab(t, "about:blank")
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(gateway.URL() + "/?session=plain"))
	p.until("a notice", `(() => {
		const p = document.querySelector('noscript p');
		return p && p.innerText.includes('JavaScript') && p.getBoundingClientRect().height > 10;
	})()`)
}
