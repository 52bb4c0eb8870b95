package estimation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// TestRandomMeetings throws random commands of random members at the kind. What
// holds at any time is checked after each step (invariant_test.go): a vote
// belongs to a round and a seat, spectators hold none, nobody sees a hidden card
// of another one, somebody leads, rounds do not repeat, what clients make of the
// events is what is stored. Here besides: nothing is erased, and nothing that
// others are told depends on a card.
func TestRandomMeetings(t *testing.T) {
	meetings, steps := 16, 120
	if testing.Short() {
		meetings = 5
	}
	for seed := range meetings {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := &random{rand.New(rand.NewPCG(uint64(seed), 4)), newMeeting(t, `{"stories":["a","b","c"]}`), 0}
			for range steps {
				r.step()
			}
		})
	}
}

// random is a meeting of people without a plan.
type random struct {
	*rand.Rand
	*meeting
	joined int
}

func pick[T any](r *random, from []T) T { return from[r.IntN(len(from))] }

func (r *random) step() {
	r.Helper()
	past, round := r.state.past, r.state.Rounds
	switch n := r.IntN(20); {
	case n == 0 && len(r.people) < 9:
		r.joined++
		id := fmt.Sprintf("m%d", r.joined)
		r.admit(kind.Join{Member: id, Name: id, Role: pick(r, []string{"", "voter", "spectator"})}) // unless it is locked
	case n == 1:
		r.leave(r.someone())
	case n == 2:
		r.remove(r.someone(), r.someone(), pick(r, []string{"", `,"ban":true`}))
	case n < 5:
		r.status(pick(r, []string{wire.StatusOnline, wire.StatusOnline, wire.StatusReconnecting, wire.StatusOffline}), r.someone())
	case n < 7:
		r.pass(time.Duration(r.IntN(40_000)) * time.Millisecond)
	case n == 7:
		r.take(r.state.Due(r.Uint64N(r.state.Token+2), r.people, r.at))
		r.settled()
	default:
		r.command()
	}
	r.kept(past)
	if r.state.Rounds < round {
		r.Fatalf("round %d comes after %d", r.state.Rounds, round)
	}
}

// someone is a member; sometimes one who is not there.
func (r *random) someone() string {
	if len(r.people) == 0 || r.IntN(30) == 0 {
		return "nobody"
	}
	return pick(r, r.people).ID
}

// kept fails the test if a past round is gone, or has changed but for its estimate.
func (r *random) kept(before []past) {
	r.Helper()
	if len(r.state.past) < len(before) {
		r.Fatalf("there were %d past rounds, and are %d", len(before), len(r.state.past))
	}
	for i, p := range before {
		was, is := p.record(), r.state.past[i].record()
		was.Estimate, is.Estimate = "", ""
		_, hiddenWas, _ := strings.Cut(p.stored, "\n")
		_, hiddenIs, _ := strings.Cut(r.state.past[i].stored, "\n")
		if string(encode(was)) != string(encode(is)) || hiddenWas != hiddenIs {
			r.Fatalf("a past round was\n%s\nand is\n%s", p.stored, r.state.past[i].stored)
		}
	}
}

// command gives a random command, most of the time one that makes sense.
func (r *random) command() {
	r.Helper()
	from := r.someone()
	if _, here := r.person(from); !here {
		return // a session refuses who has no seat
	}
	name := pick(r, likely)
	data := r.data(name)
	var lie json.RawMessage
	if name == "cast_vote" && r.state.Phase == voting {
		card := pick(r, r.state.Deck.Cards).ID
		data = fmt.Sprintf(`{"round":%d,"card":%q}`, r.state.Rounds, card)
		lie = fmt.Appendf(nil, `{"round":%d,"card":%q}`, r.state.Rounds, r.another(card))
	}
	before, people := r.state, r.people
	refusal := r.try(from, name, data)
	if lie == nil || refusal != nil || r.state.Phase != voting { // a reveal at once shows it
		return
	}
	other, err := before.Do(kind.Command{Name: name, Data: lie, From: from, People: people, At: r.at})
	if err != nil {
		r.Fatalf("with another card: %v", err)
	}
	same := func(what string, a, b any) {
		if x, y := encode(a), encode(b); string(x) != string(y) {
			r.Errorf("%s depend on the card:\n%s\n%s", what, x, y)
		}
	}
	same("events", r.told, other.Events)
	same("news", r.news, other.News)
	same("answers", r.reply, other.Reply)
	same("what passes", r.passing, other.Passing)
	r.checkSame(other.State.(*state), from)
}

// likely are all commands, those of a meeting that goes on more often.
var likely = func() (names []string) {
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	for range 12 {
		names = append(names, "cast_vote")
	}
	return append(names, "cast_vote", "retract_vote", "reveal", "reveal", "change_vote", "revote", "start_round", "set_options", "set_options")
}()

func (r *random) data(name string) string {
	story := fmt.Sprintf("s%d", r.IntN(r.state.Serial+2))
	round := r.state.Rounds - r.IntN(6)/5
	switch name {
	case "cast_vote", "change_vote":
		return fmt.Sprintf(`{"round":%d,"card":%q}`, round, pick(r, r.state.Deck.Cards).ID)
	case "reveal":
		return fmt.Sprintf(`{"round":%d,"force":%v}`, round, r.IntN(2) == 0)
	case "start_round":
		return pick(r, []string{`{}`, `{"confirm":true}`, fmt.Sprintf(`{"story":%q,"confirm":true}`, story)})
	case "set_estimate":
		return pick(r, []string{fmt.Sprintf(`{"story":%q,"value":"5"}`, story), fmt.Sprintf(`{"round":%d,"value":%q}`, r.IntN(r.state.Rounds)+1, pick(r, []string{"", "½", "XL"}))})
	case "add_story":
		return fmt.Sprintf(`{"title":"Story <%d>"}`, r.IntN(100))
	case "edit_story":
		return fmt.Sprintf(`{"story":%q,"title":"Other %d"}`, story, r.IntN(100))
	case "move_story":
		return fmt.Sprintf(`{"story":%q,"before":"s%d"}`, story, r.IntN(r.state.Serial+1))
	case "import_stories":
		return pick(r, []string{`{"lines":"x\ny"}`, `{"csv":"title,points\na,5\nb,"}`, `{"csv":"\"a"}`})
	case "set_deck":
		return pick(r, []string{`{"deck":"tshirt","confirm":true}`, `{"deck":"short"}`, `{"cards":["1","2","many","?"],"confirm":true}`})
	case "set_options":
		return pick(r, []string{`{"auto_reveal":true}`, `{"auto_reveal":false}`, `{"countdown":0}`, `{"countdown":2}`, `{"anonymous":true}`, `{"anonymous":false}`,
			`{"late_change":true}`, `{"reveal_by":"facilitators"}`, `{"settings_by":"everyone"}`, `{"flow_by":"owner"}`, `{"flow_by":"everyone","reveal_by":"everyone"}`})
	case "start_timer":
		return pick(r, []string{`{"seconds":20}`, `{}`})
	case "set_role":
		return fmt.Sprintf(`{"role":%q,"member":%q}`, pick(r, []string{"voter", "voter", "spectator"}), r.someone())
	case "promote", "demote", "transfer", "nudge":
		return fmt.Sprintf(`{"member":%q}`, r.someone())
	case "set_passcode":
		return `{"passcode":""}`
	case "react":
		return `{"emoji":"🎉"}`
	case "get_rounds":
		return fmt.Sprintf(`{"before":%d}`, r.IntN(20)+1)
	case "retract_vote", "revote", "cancel_countdown", "remove_story":
		return fmt.Sprintf(`{"round":%d,"story":%q}`, round, story)
	}
	return "null"
}
