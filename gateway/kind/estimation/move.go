package estimation

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// move is one decision under way: a copy of the state that it may change, and
// what is to be told. With an error it is let go, and nothing has happened.
type move struct {
	*state
	people []kind.Person
	at     time.Time
	by     string // the member whose command it is; empty if it comes of itself
	result kind.Result
	moved  bool // the state is another one
}

// begin starts a move. What it shares with the state is never changed in place.
func (s *state) begin(by string, people []kind.Person, at time.Time) *move {
	next := *s
	next.Facilitators = slices.Clone(s.Facilitators)
	next.Spectators = slices.Clone(s.Spectators)
	if s.Round != nil {
		r := *s.Round
		r.Votes, r.Retracted = slices.Clone(r.Votes), slices.Clone(r.Retracted)
		next.Round = &r
	}
	return &move{state: &next, people: people, at: at, by: by}
}

// done ends a move with what follows from any, and returns what it does.
func (m *move) done() kind.Result {
	m.lead()
	m.allIn()
	if m.moved {
		m.result.State = m.state
	}
	return m.result
}

func (m *move) now() int64 { return m.at.UnixMilli() }

// part notes that a part has changed.
func (m *move) part(name, value string) {
	m.moved = true
	if m.result.Parts == nil {
		m.result.Parts = make(map[string][]byte)
	}
	m.result.Parts[name] = []byte(value)
}

// say tells everyone, in the name of whose command it is.
func (m *move) say(name string, data any) {
	m.moved = true
	m.result.Events = append(m.result.Events, kind.Event{Name: name, Data: encode(data)})
}

// mention tells everyone, in nobody's name.
func (m *move) mention(name string, data any) {
	m.say(name, data)
	m.result.Events[len(m.result.Events)-1].Unsigned = true
}

// news notes that a member has something private to hear.
func (m *move) news(member string) {
	m.moved = true
	if !slices.Contains(m.result.News, member) {
		m.result.News = append(m.result.News, member)
	}
}

// token returns one that was never given.
func (m *move) token() uint64 {
	m.moved = true
	m.Token++
	return m.Token
}

func (m *move) person(id string) (kind.Person, bool) {
	i := slices.IndexFunc(m.people, func(p kind.Person) bool { return p.ID == id })
	if i < 0 {
		return kind.Person{}, false
	}
	return m.people[i], true
}

// known returns an error if there is no such member.
func (m *move) known(id string) error {
	if _, ok := m.person(id); !ok {
		return refuse(wire.CodeUnknownMember, "there is no member %q", id)
	}
	return nil
}

// name notes how the members are called whose votes are shown to everyone.
func (m *move) name(votes []vote) {
	names := maps.Clone(m.names)
	if names == nil {
		names = make(map[string]string)
	}
	for _, v := range votes {
		if p, ok := m.person(v.Member); ok {
			names[v.Member] = p.Name
		}
	}
	if !maps.Equal(names, m.names) {
		m.names = names
		m.part(partNames, string(encode(names)))
	}
}

// Do implements kind.State.
func (s *state) Do(c kind.Command) (kind.Result, error) {
	m := s.begin(c.From, c.People, c.At)
	do, ok := commands[c.Name]
	if !ok {
		return kind.Result{}, refuse(wire.CodeUnknownCommand, "estimation has no command %s", c.Name)
	}
	if err := do(m, c.Data); err != nil {
		return kind.Result{}, err
	}
	return m.done(), nil
}

// commands are all of this kind. Each checks its data, then who may, then
// whether it fits the state.
var commands = map[string]func(m *move, data json.RawMessage) error{
	"cast_vote":        (*move).castVote,
	"retract_vote":     (*move).retractVote,
	"change_vote":      (*move).changeVote,
	"reveal":           (*move).reveal,
	"cancel_countdown": (*move).cancelCountdown,
	"revote":           (*move).revote,
	"start_round":      (*move).startRound,
	"set_estimate":     (*move).setEstimate,
	"get_rounds":       (*move).getRounds,
	"add_story":        (*move).addStory,
	"edit_story":       (*move).editStory,
	"remove_story":     (*move).removeStory,
	"move_story":       (*move).moveStory,
	"import_stories":   (*move).importStories,
	"set_deck":         (*move).setDeck,
	"set_options":      (*move).setOptions,
	"start_timer":      (*move).startTimer,
	"pause_timer":      (*move).pauseTimer,
	"stop_timer":       (*move).stopTimer,
	"set_role":         (*move).setRole,
	"promote":          (*move).promote,
	"demote":           (*move).demote,
	"transfer":         (*move).transfer,
	"claim":            (*move).claim,
	"lock":             (*move).lock,
	"unlock":           (*move).unlock,
	"set_passcode":     (*move).setPasscode,
	"close":            (*move).close,
	"reopen":           (*move).reopen,
	"nudge":            (*move).nudge,
	"react":            (*move).react,
}
