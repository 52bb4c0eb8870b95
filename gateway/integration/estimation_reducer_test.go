package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// tapeRecorder keeps a member's first state, and in their order all events and
// private notes behind it.
type tapeRecorder struct {
	mu      sync.Mutex
	state   json.RawMessage
	members json.RawMessage
	tape    []toldOne
	round   int // the current one, by the events
	stories []string
}

// toldOne is an event, or what was for this member alone.
type toldOne struct {
	Event   string          `json:"event"`
	Data    json.RawMessage `json:"data"`
	Private bool            `json:"private,omitempty"`
}

// listen has a client's options record.
func (r *tapeRecorder) listen(o *client.Options) {
	state, events := o.OnState, o.OnEvents
	o.OnState = func(s client.State) {
		r.mu.Lock()
		r.state, r.members, r.tape = s.State, s.Members, nil
		r.mu.Unlock()
		state(s)
	}
	o.OnEvents = func(all []wire.Event) {
		r.mu.Lock()
		for _, e := range all {
			r.note(e)
		}
		r.mu.Unlock()
		events(all)
	}
	o.OnPrivate = func(p *wire.Private) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tape = append(r.tape, toldOne{p.Event, p.Data, true})
	}
}

func (r *tapeRecorder) note(e wire.Event) {
	r.tape = append(r.tape, toldOne{Event: e.Event, Data: e.Data})
	switch e.Event {
	case "round.started":
		var d struct{ Round int }
		_ = json.Unmarshal(e.Data, &d)
		r.round = d.Round
	case "stories.added":
		var d struct{ Stories []struct{ ID string } }
		_ = json.Unmarshal(e.Data, &d)
		for _, s := range d.Stories {
			r.stories = append(r.stories, s.ID)
		}
	}
}

// knows is nil once the tape's notes tell the own card of that state.
func (r *tapeRecorder) knows(state json.RawMessage) error {
	type yours struct {
		Round int     `json:"round"`
		Card  *string `json:"card"`
	}
	var want struct {
		Round *yours `json:"round"`
		You   yours  `json:"you"`
	}
	if err := json.Unmarshal(state, &want); err != nil {
		return err
	}
	if want.Round == nil {
		return nil
	}
	var told yours
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.tape {
		if e.Event == "your_vote" {
			_ = json.Unmarshal(e.Data, &told)
		}
	}
	if told.Round != want.Round.Round {
		told.Card = nil
	}
	if card := want.You.Card; (card == nil) != (told.Card == nil) || card != nil && *card != *told.Card {
		return fmt.Errorf("the last note is of round %d, and the state's round is %d with another card", told.Round, want.Round.Round)
	}
	return nil
}

// What the page makes of an old state and the events behind it is what the
// gateway says is there now. Random people do random things, until it is asked.
func TestThePagesStateIsTheGateways(t *testing.T) {
	t.Parallel()
	gateway := startGateway(t)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r := rand.New(rand.NewPCG(drawSeed(t), uint64(i)))
			m := newMeeting(t, gateway.URL(), fmt.Sprintf("random-%d", i), `{"late_change":true,"stories":["One","Two"]}`)
			tape := &tapeRecorder{round: 1, stories: []string{"s1", "s2"}}
			all := []*member{m.colleague(t, "Ana", tape.listen)}
			for _, name := range []string{"Bo", "Cy", "Di"} {
				all = append(all, m.colleague(t, name))
			}
			done := 0
			for range 250 {
				done += anything(t, r, tape, all)
			}
			if done < 60 {
				t.Errorf("only %d of the commands took effect", done)
			}
			m.compares(t, tape, all[0])
		})
	}
}

// anything has one of the people do something, and reports whether it took effect.
func anything(t *testing.T, r *rand.Rand, tape *tapeRecorder, all []*member) int {
	t.Helper()
	who, other := all[r.IntN(len(all))], all[r.IntN(len(all))]
	if r.IntN(3) == 0 {
		who = all[0] // the owner may more
	}
	tape.mu.Lock()
	round, story, before := tape.round, tape.stories[r.IntN(len(tape.stories))], tape.stories[r.IntN(len(tape.stories))]
	tape.mu.Unlock()
	card := []string{"0", "1", "5", "8", "13", "?", "coffee"}[r.IntN(7)]
	on := r.IntN(2) == 0
	commands := []string{
		`cast_vote {"round":%[1]d,"card":%[2]q}`, `cast_vote {"round":%[1]d,"card":%[2]q}`, `cast_vote {"round":%[1]d,"card":%[2]q}`,
		`retract_vote {"round":%[1]d}`, `reveal {"round":%[1]d,"force":true}`, `reveal {"round":%[1]d,"force":true}`, `change_vote {"round":%[1]d,"card":%[2]q}`,
		`revote {"round":%[1]d}`, `start_round {"story":%[3]q,"confirm":true}`, `start_round {"confirm":true}`, `set_estimate {"round":%[1]d,"value":%[2]q}`,
		`set_estimate {"story":%[3]q,"value":""}`, `set_estimate {"story":%[3]q,"value":"5"}`, `add_story {"title":"New","before":%[3]q}`, `import_stories {"lines":"A\nB"}`,
		`edit_story {"story":%[3]q,"title":"Other %[2]s","link":"https://x.example/%[1]d"}`, `edit_story {"story":%[3]q,"link":""}`, `remove_story {"story":%[3]q}`,
		`move_story {"story":%[3]q,"before":%[4]q}`, `move_story {"story":%[3]q}`, `set_deck {"deck":"short","confirm":true}`, `set_deck {"deck":"fibonacci","confirm":true}`,
		`set_options {"auto_reveal":%[5]t,"countdown":0}`, `set_options {"auto_reveal":%[5]t,"countdown":10}`, `set_options {"anonymous":%[5]t}`, `cancel_countdown {"round":%[1]d}`,
		`start_timer {"seconds":600}`, `pause_timer {}`, `stop_timer {}`, `set_role {"member":%[6]q,"role":"spectator"}`, `set_role {"member":%[6]q,"role":"voter"}`,
		`set_role {"role":"voter"}`, `promote {"member":%[6]q}`, `demote {"member":%[6]q}`, `lock {}`, `unlock {}`, `set_name {"name":"Called %[2]s"}`, `close {}`, `reopen {}`, `reopen {}`, `get_rounds {"before":%[1]d}`,
	}
	line := fmt.Sprintf(commands[r.IntN(len(commands))]+"%[7]s", round, card, story, before, on, other.Member(), "")
	name, data, _ := strings.Cut(line, " ")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := who.Command(ctx, name, json.RawMessage(data))
	if ctx.Err() != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if err != nil {
		return 0
	}
	return 1
}

// compares asks the gateway for the state as that member sees it now.
func (m *meeting) compares(t *testing.T, tape *tapeRecorder, who *member) {
	t.Helper()
	now := m.colleague(t, "", func(o *client.Options) { o.Seat = who.Seat() })
	now.until(t, "a state", func() bool { return len(now.states) == 1 })
	now.look(func() { who.caughtUp(t, now.states[0].Session.Offset) })
	poll(t, "the own card", func() error { return tape.knows(now.states[0].State) }) // a note may come behind the events
	type snapshot struct {
		State   json.RawMessage `json:"state"`
		Members json.RawMessage `json:"members"`
	}
	tape.mu.Lock()
	defer tape.mu.Unlock()
	in, err := json.Marshal(struct {
		snapshot
		Tape []toldOne `json:"tape"`
		Me   string    `json:"me"`
		Want snapshot  `json:"want"`
	}{snapshot{tape.state, tape.members}, tape.tape, who.Member(), snapshot{now.states[0].State, now.states[0].Members}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/reduce.mjs")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if len(out) > 0 {
		t.Errorf("after %d events: %s", len(tape.tape), out)
	}
}
