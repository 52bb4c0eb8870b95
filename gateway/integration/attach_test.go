package integration

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	attachWalkers = 10 // who come and go at the same time
	attachVisits  = 40 // connections of each
)

// Whoever comes, goes, and comes back on the other replica while events flow
// without pause sees all of them behind its position, and none twice.
func TestAttachWhileEventsFlow(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_RATE=1000", "PLENUM_HISTORY=100000", "PLENUM_SESSION_CAPACITY=1000")
	speakers := make([]*member, 4)
	for i := range speakers {
		speakers[i] = join(t, "busy", fmt.Sprintf("speaker %d", i), []string{both[i%2].URL()})
		speakers[i].welcomed(t, 1)
	}
	stop, talks := chatter(t, speakers, 5*time.Millisecond)

	seed := drawSeed(t)
	walkers := make([]*walker, attachWalkers)
	var walking sync.WaitGroup
	for i := range walkers {
		w := &walker{t: t, name: fmt.Sprintf("walker %d", i), both: both, head: &speakers[0].seen,
			random: rand.New(rand.NewPCG(seed, uint64(i)))}
		walkers[i] = w
		walking.Go(w.walk)
	}
	walking.Wait()
	stop()
	if err := talks(); err != nil {
		t.Error(err)
	}
	for _, m := range speakers {
		m.quiet(t)
	}
	head := allCaughtUp(t, speakers)
	c := judge(t, speakers)
	neverLost(t, speakers)
	resumes := 0
	for _, w := range walkers {
		if w.err != nil {
			t.Errorf("%s: %v", w.name, w.err)
		}
		for i, l := range w.visits {
			c.witness(fmt.Sprintf("%s, visit %d", w.name, i), l.welcome.Session.Offset, l.events)
			if l.welcome.Resumed {
				resumes++
			}
		}
	}
	t.Logf("%d visits, %d of them resumes, among %d events", attachWalkers*attachVisits, resumes, head)
	if resumes < attachWalkers*attachVisits/3 {
		t.Errorf("only %d visits were resumes", resumes)
	}
}

// walker comes and goes.
type walker struct {
	t      testing.TB
	name   string
	both   []*gateway
	head   *atomic.Uint64 // how far somebody who stays has come
	random *rand.Rand

	seat   string
	at     wire.Position
	visits []*ledger
	err    error
}

func (w *walker) walk() {
	for i := range attachVisits {
		if err := w.visit(i); err != nil {
			w.err = fmt.Errorf("visit %d: %w", i, err)
			return
		}
	}
}

// visit joins, or resumes where the last visit ended, stays for some events,
// and goes in one of the ways in which people go.
func (w *walker) visit(i int) error {
	j := newcomer(w.name)
	if w.seat != "" {
		j = joinMessage{Client: j.Client, Seat: w.seat}
		switch w.random.IntN(10) {
		case 0: // with a snapshot
		case 1, 2: // from further back than it has come
			j.Since = &wire.Position{Epoch: w.at.Epoch, Offset: w.random.Uint64N(w.at.Offset)}
		default:
			j.Since = &w.at
		}
	}
	before := w.head.Load()
	p, m, err := joinPeer(w.t, w.both[i%2].Addr, "busy", j)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := w.check(j, m, before); err != nil {
		return err
	}
	// At least what happened until the welcome, and some more.
	for until := max(before, m.Session.Offset) + w.random.Uint64N(30); p.ledger.at.Offset < until; {
		if _, err := p.await("frame"); err != nil {
			return err
		}
	}
	w.visits = append(w.visits, &p.ledger)
	w.seat, w.at = m.You.Seat, p.ledger.at
	if w.random.IntN(6) > 0 {
		return nil // cut, in the middle of whatever is under way
	}
	w.seat = ""
	if err := p.send([]byte(`{"type":"leave"}`)); err != nil {
		return err
	}
	if e := p.end(); e.code != wire.CloseNormal {
		return fmt.Errorf("leaving: %w", e)
	}
	return nil
}

// check holds a welcome against what was asked for. What somebody had seen
// before is in it, or comes behind it.
func (w *walker) check(j joinMessage, m *told, before uint64) error {
	switch {
	case m.Resumed != (j.Since != nil):
		return fmt.Errorf("joined with since %v, and the welcome says resumed %v", j.Since, m.Resumed)
	case m.Resumed && m.position() != *j.Since:
		return fmt.Errorf("resumed at %v instead of %v", m.position(), *j.Since)
	case !m.Resumed && m.Session.Offset < before:
		return fmt.Errorf("a snapshot at %d, when somebody had seen %d", m.Session.Offset, before)
	case m.Resumed && len(m.Members)+len(m.State) > 0:
		return errors.New("an exact replay needs no snapshot")
	}
	return nil
}
