package connection

import (
	"testing"
	"testing/synctest"
	"time"
)

// A gateway that was held up when the time for a join was over gives it again,
// once; one that was not does not. Nobody is ended whose join is there.
func TestJoinLimit(t *testing.T) {
	for name, c := range map[string]struct{ late, ends time.Duration }{
		"in time":       {0, 10 * time.Second},
		"a little late": {heldUp, 10 * time.Second},
		"held up":       {heldUp + time.Millisecond, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ended := make(chan time.Duration, 1)
				l := newJoinLimit(10*time.Second, func() { ended <- time.Since(began) })
				l.delay(c.late)
				if took := <-ended; took != c.ends {
					t.Errorf("ended after %v; want %v", took, c.ends)
				}
				l.met()
				l = newJoinLimit(10*time.Second, func() { t.Error("ended although the join was there") })
				l.delay(c.late)
				time.Sleep(c.ends - time.Second)
				l.met()
				l.met()
				time.Sleep(time.Minute)
			})
		})
	}
}

// delay has it look as if the timer came so late.
func (l *joinLimit) delay(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = l.due.Add(-late)
}
