package loadtest

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// estimator takes part in estimation rounds: it votes once in each, and then now
// and then thinks better of it. The first member of a session leads: it reveals,
// and starts the next round. So a round takes three of its moments.
type estimator struct {
	client *client.Client
	table  *table
	leads  bool

	// Of the goroutine that sends.
	rand  random
	voted uint64 // the last round that it voted in
	moved stage  // where it has led on from

	at atomic.Uint64 // a stage: as far as the client has come
}

// stage is a round's number, and whether it is revealed; 0 while it is not known.
type stage uint64

func stageOf(round uint64, revealed bool) stage {
	if revealed {
		return stage(round<<1 | 1)
	}
	return stage(round << 1)
}

func (s stage) round() uint64  { return uint64(s) >> 1 }
func (s stage) revealed() bool { return s&1 == 1 }

// cards are some of the deck that a session has unless it is told otherwise.
var cards = []string{"1", "2", "3", "5", "8", "13"}

func (e *estimator) send(due time.Duration) (asked, error) {
	now := stage(e.at.Load())
	switch round := now.round(); {
	case round == 0:
		return asked{}, errNothing
	case !now.revealed() && e.voted != round:
		e.table.put(moment{voted, round, e.client.Member()}, due)
		e.voted = round
		return e.vote(round)
	// What it has led on from without an effect it tries again only when nothing is under way.
	case e.leads && (e.moved != now || e.client.Pending() == 0):
		e.moved = now
		if !now.revealed() {
			e.table.put(moment{revealed, round, ""}, due)
			return e.ask("reveal", map[string]any{"round": round, "force": true})
		}
		e.table.put(moment{started, round + 1, ""}, due)
		return e.ask("start_round", map[string]any{})
	case !now.revealed():
		return e.vote(round) // another card, which the others are not told
	}
	return asked{}, errNothing
}

func (e *estimator) vote(round uint64) (asked, error) {
	return e.ask("cast_vote", map[string]any{"round": round, "card": cards[e.rand.IntN(len(cards))]})
}

func (e *estimator) ask(command string, data any) (a asked, err error) {
	a.ref, err = e.client.Ask(command, data)
	return a, err
}

func (e *estimator) due(event *wire.Event) (time.Duration, bool) {
	var data struct {
		Round  uint64 `json:"round"`
		Member string `json:"member"`
		Voted  bool   `json:"voted"`
	}
	switch event.Event {
	case "vote.state", "round.revealed", "round.started":
		if json.Unmarshal(event.Data, &data) != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	switch {
	case event.Event == "round.revealed":
		e.at.Store(uint64(stageOf(data.Round, true)))
		return e.table.take(moment{revealed, data.Round, ""})
	case event.Event == "round.started":
		e.at.Store(uint64(stageOf(data.Round, false)))
		return e.table.take(moment{started, data.Round, ""})
	case !data.Voted:
		return 0, false
	}
	return e.table.take(moment{voted, stage(e.at.Load()).round(), data.Member})
}

func (e *estimator) replaced(state json.RawMessage) {
	var s struct {
		Phase string `json:"phase"`
		Round *struct {
			Round uint64 `json:"round"`
		} `json:"round"`
	}
	if json.Unmarshal(state, &s) == nil && s.Round != nil {
		e.at.Store(uint64(stageOf(s.Round.Round, s.Phase == "revealed")))
	}
}

func (e *estimator) answered(refusal *wire.Error) bool {
	switch refusal.Code {
	case "stale_round", "already_revealed", "not_revealed", "no_votes":
		return true
	}
	return false
}

// table says of a session when that was due which its events tell of: they do not
// carry it themselves. Its methods may be called concurrently.
type table struct {
	mu   sync.Mutex
	dues map[moment]time.Duration // guarded by mu
}

// moment is what an event tells of.
type moment struct {
	what   byte
	round  uint64
	member string // of a vote
}

const (
	voted    = 'v'
	revealed = 'r'
	started  = 's'
)

// put notes when something was due, for the first time.
func (t *table) put(m moment, due time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.dues[m]; again {
		return
	}
	t.dues[m] = due
	const kept = 100 // rounds; nobody is further behind who comes without a snapshot
	if m.what == started && m.round%kept == 0 {
		for old := range t.dues {
			if old.round+kept < m.round {
				delete(t.dues, old)
			}
		}
	}
}

// take returns when it was due.
func (t *table) take(m moment) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	due, ok := t.dues[m]
	return due, ok
}
