package loadtest

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// shown returns what shows the progress: a bar on a terminal, and lines
// elsewhere. close is called when the run is over.
func shown(w io.Writer, terminal bool) (show func(Progress), close func()) {
	if !terminal {
		return lines(w), func() {}
	}
	var bar *progressbar.ProgressBar
	phase := ""
	show = func(p Progress) {
		if p.Phase != phase {
			phase = p.Phase
			if bar != nil {
				_ = bar.Clear()
			}
			bar = progressbar.NewOptions(max(1, int(p.Of.Seconds())), progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(12),
				progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
		}
		bar.Describe(p.brief())
		_ = bar.Set(min(bar.GetMax()-1, int(p.Elapsed.Seconds()))) // a terminal that is gone is no reason to stop
	}
	return show, func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}

// lines shows the progress as lines: one when a phase begins, one when it can be
// seen whether it goes well, and then some now and then.
func lines(w io.Writer) func(Progress) {
	const soon, between = time.Second, 10 * time.Second
	phase, next := "", time.Duration(0)
	return func(p Progress) {
		begins := p.Phase != phase
		if !begins && p.Elapsed < next {
			return
		}
		if phase, next = p.Phase, p.Elapsed+between; begins {
			next = soon
		}
		fmt.Fprintln(w, p)
	}
}

// brief is the progress in what a line of a terminal has beside the bar.
func (p Progress) brief() string {
	return fmt.Sprintf("%s: %d/%d in, %d sent, %d failed, p99 %s", p.Phase, p.Connected, p.Users, p.Sent, p.Failed, millisText(p.P99))
}

// String is the progress in a line.
func (p Progress) String() string {
	return fmt.Sprintf("%s %v of %v: %d of %d connected, %d sent, %d failed, p50 %s, p99 %s", p.Phase,
		p.Elapsed.Round(time.Second), p.Of.Round(time.Second), p.Connected, p.Users, p.Sent, p.Failed, millisText(p.P50), millisText(p.P99))
}
