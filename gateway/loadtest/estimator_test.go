package loadtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// sits returns an estimator whose client is not connected: what it sends waits.
func sits(leads bool, t *table) *estimator {
	c := client.New(client.Options{URLs: []string{"ws://plenum.test"}, Session: "s", Name: "Ada"})
	return &estimator{client: c, table: t, leads: leads, rand: rand.New(rand.NewPCG(1, 2))}
}

func told(name, data string) *wire.Event {
	return &wire.Event{Event: name, Data: json.RawMessage(data)}
}

func newTable() *table { return &table{dues: make(map[moment]time.Duration)} }

// Whoever leads votes, reveals, and starts the next round, each once; the others
// vote, and think better of it until the reveal.
func TestEstimatorsGoThroughRounds(t *testing.T) {
	table := newTable()
	lead, other := sits(true, table), sits(false, table)
	if _, err := lead.send(0); err != errNothing {
		t.Errorf("it does something before it knows the round: %v", err)
	}
	for _, e := range []*estimator{lead, other} {
		e.replaced(json.RawMessage(`{"phase":"voting","round":{"round":7}}`))
	}
	step := func(e *estimator, due time.Duration, wants error) {
		t.Helper()
		if _, err := e.send(due); err != wants {
			t.Errorf("at %v: %v, not %v", due, err, wants)
		}
	}
	measured := func(e *estimator, event *wire.Event, due time.Duration) {
		t.Helper()
		if got, ok := e.due(event); !ok || got != due {
			t.Errorf("%s %s was due at %v, %v; want %v", event.Event, event.Data, got, ok, due)
		}
	}
	step(lead, 1, nil)
	step(other, 2, nil)
	step(other, 3, nil) // another card
	step(lead, 4, nil)  // reveals
	measured(other, told("vote.state", fmt.Sprintf(`{"member":%q,"voted":true}`, lead.client.Member())), 1)
	for _, e := range []*estimator{lead, other} {
		measured(e, told("round.revealed", `{"round":7,"votes":{}}`), 4)
	}
	step(other, 5, errNothing)
	step(lead, 6, nil)        // starts the next one
	step(lead, 7, errNothing) // which is under way
	measured(other, told("round.started", `{"round":8,"story":null}`), 6)
	step(other, 8, nil)
	if pending := lead.client.Pending(); pending != 3 {
		t.Errorf("it has asked %d times, not for its vote, the reveal and the next round", pending)
	}
}

func TestOnlyWhatWasAskedForIsMeasured(t *testing.T) {
	e := sits(false, newTable())
	for _, event := range []*wire.Event{told("round.revealed", `{"round":3}`), told("round.started", `{"round":4}`), told("vote.state", `{"member":"m","voted":true}`),
		told("vote.state", `{"member":"m","voted":false}`), told("round.revealed", `"?"`), told("member.joined", `{"member":"m"}`)} {
		if due, ok := e.due(event); ok {
			t.Errorf("%s was due at %v", event.Event, due)
		}
	}
	if at := stage(e.at.Load()); at != stageOf(4, false) {
		t.Errorf("it is in round %d", at.round())
	}
}

// What is asked for again, because nothing came of it, was due when it was asked
// for first.
func TestTheTableKeepsTheFirstMomentOfSomeRounds(t *testing.T) {
	table := newTable()
	table.put(moment{revealed, 1, ""}, 5)
	table.put(moment{revealed, 1, ""}, 50)
	if due, ok := table.take(moment{revealed, 1, ""}); !ok || due != 5 {
		t.Errorf("due at %v, %v", due, ok)
	}
	for round := range uint64(1000) {
		table.put(moment{started, round, ""}, 1)
		table.put(moment{voted, round, "m"}, 1)
	}
	if n := len(table.dues); n > 500 {
		t.Errorf("it keeps %d moments", n)
	}
	if _, ok := table.take(moment{voted, 950, "m"}); !ok {
		t.Error("it has forgotten a round that is not long ago")
	}
}

func TestWhoIsTooLateIsAnswered(t *testing.T) {
	e, s := sits(false, newTable()), new(speaker)
	for code, want := range map[wire.Code]bool{"stale_round": true, "already_revealed": true, "not_in_deck": false, wire.CodeSlowDown: false} {
		refusal := &wire.Error{Code: code}
		if e.answered(refusal) != want || s.answered(refusal) {
			t.Errorf("%s is an answer: %v, and to a speaker: %v", code, e.answered(refusal), s.answered(refusal))
		}
	}
}
