package loadtest

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// shown returns what shows the progress: a bar on a terminal, and elsewhere a
// line every ten seconds. close is called when the run is over.
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
			bar = progressbar.NewOptions(max(1, int(p.Of.Seconds())), progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20),
				progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
		}
		bar.Describe(p.String())
		_ = bar.Set(min(bar.GetMax()-1, int(p.Elapsed.Seconds()))) // a terminal that is gone is no reason to stop
	}
	return show, func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}

// lines shows the progress as lines.
func lines(w io.Writer) func(Progress) {
	const between = 10 * time.Second
	phase, next := "", time.Duration(0)
	return func(p Progress) {
		if p.Phase != phase {
			phase, next = p.Phase, 0
		}
		if p.Elapsed >= next {
			next = p.Elapsed + between
			fmt.Fprintln(w, p)
		}
	}
}

// String is the progress in a line.
func (p Progress) String() string {
	return fmt.Sprintf("%s %v of %v: %d of %d connected, %d sent, %d failed, p50 %s, p99 %s", p.Phase,
		p.Elapsed.Round(time.Second), p.Of.Round(time.Second), p.Connected, p.Users, p.Sent, p.Failed, millisText(p.P50), millisText(p.P99))
}
