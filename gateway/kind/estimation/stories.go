package estimation

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Bounds of the list of stories.
const (
	maxStories      = 500
	maxStoriesBytes = 96 << 10 // as JSON
	maxTitle        = 200      // characters
	maxLink         = 500      // characters
)

// story is something to be estimated.
type story struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Link     string    `json:"link,omitempty"`
	Estimate *estimate `json:"estimate,omitempty"`
}

func isControl(r rune) bool { return unicode.IsControl(r) }

// check trims a story and says what is wrong with it.
func (s *story) check() error {
	s.Title, s.Link = strings.TrimSpace(s.Title), strings.TrimSpace(s.Link)
	if !validText(s.Title, maxTitle) {
		return badData("a title has 1 to %d characters, without control characters", maxTitle)
	}
	if s.Link != "" && !isLink(s.Link) {
		return badData("a link begins with http:// or https:// and has at most %d characters", maxLink)
	}
	return nil
}

func isLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && validText(text, maxLink)
}

func unknownStory(id string) error { return refuse(CodeUnknownStory, "there is no story %q", id) }

// findStory returns the index of a story; -1 if there is none.
func (s *state) findStory(id string) int {
	return slices.IndexFunc(s.stories, func(st story) bool { return st.ID == id })
}

// saveStories notes that the stories have changed. They must have been cloned.
func (m *move) saveStories() { m.part(partStories, m.storiesText()) }

// storiesText is the part that the stories are stored in; empty if there are none.
func (s *state) storiesText() string {
	if len(s.stories) == 0 {
		return ""
	}
	return string(encode(s.stories))
}

// mayEdit refuses who may not change the stories, and a closed session.
func (m *move) mayEdit() error { return first(m.may(m.Options.StoriesBy), m.notClosed()) }

// place returns the index before which a story is to go: that of before, or the end.
func (m *move) place(before string) (int, error) {
	if before == "" {
		return len(m.stories), nil
	}
	i := m.findStory(before)
	if i < 0 {
		return 0, unknownStory(before)
	}
	return i, nil
}

// addStories puts checked stories before another one, or at the end, and tells of it.
func (m *move) addStories(added []story, before string) error {
	at, err := m.place(before)
	if err != nil {
		return err
	}
	if len(m.stories)+len(added) > maxStories {
		return refuse(CodeTooMany, "a session has at most %d stories; there are %d already", maxStories, len(m.stories))
	}
	for i := range added {
		m.Serial++
		added[i].ID = "s" + strconv.Itoa(m.Serial)
	}
	m.stories = slices.Insert(slices.Clone(m.stories), at, added...)
	if err := m.boundStories(); err != nil {
		return err
	}
	m.say("stories.added", struct {
		Stories []story `json:"stories"`
		Before  string  `json:"before,omitempty"`
	}{added, before})
	return nil
}

// boundStories saves the stories, and refuses more than a session can hold.
func (m *move) boundStories() error {
	m.saveStories()
	if n := len(m.result.Parts[partStories]); n > maxStoriesBytes {
		return refuse(CodeTooMany, "the stories would take %d bytes of at most %d", n, maxStoriesBytes)
	}
	return nil
}

func (m *move) addStory(data json.RawMessage) error {
	var d struct {
		Title  string `json:"title"`
		Link   string `json:"link"`
		Before string `json:"before"`
	}
	if wire.Unmarshal(data, &d) != nil {
		return badData(`the data of add_story is {"title": string, "link": URL, "before": story}, the last two optional`)
	}
	s := story{Title: d.Title, Link: d.Link}
	if err := first(s.check(), m.mayEdit()); err != nil {
		return err
	}
	return m.addStories([]story{s}, d.Before)
}

func (m *move) editStory(data json.RawMessage) error {
	var d struct {
		Story string  `json:"story"`
		Title *string `json:"title"`
		Link  *string `json:"link"`
	}
	if wire.Unmarshal(data, &d) != nil {
		return badData(`the data of edit_story is {"story": id, "title": string, "link": URL}, the last two optional`)
	}
	if err := m.mayEdit(); err != nil {
		return err
	}
	i := m.findStory(d.Story)
	if i < 0 {
		return unknownStory(d.Story)
	}
	s := m.stories[i]
	if d.Title != nil {
		s.Title = *d.Title
	}
	if d.Link != nil {
		s.Link = *d.Link
	}
	if err := s.check(); err != nil || s == m.stories[i] {
		return err
	}
	m.stories = slices.Clone(m.stories)
	m.stories[i] = s
	if err := m.boundStories(); err != nil {
		return err
	}
	if m.Round.Story == s.ID {
		m.Round.Title = s.Title
	}
	s.Estimate = nil
	m.say("story.edited", struct {
		Story story `json:"story"`
	}{s})
	return nil
}

func (m *move) removeStory(data json.RawMessage) error {
	var d struct {
		Story string `json:"story"`
	}
	if wire.Unmarshal(data, &d) != nil {
		return badData(`the data of remove_story is {"story": id}`)
	}
	if err := m.mayEdit(); err != nil {
		return err
	}
	i := m.findStory(d.Story)
	if i < 0 {
		return unknownStory(d.Story)
	}
	m.stories = slices.Delete(slices.Clone(m.stories), i, i+1)
	m.saveStories()
	m.say("story.removed", d)
	if m.Round.Story == d.Story {
		return m.newRound("", reasonRemoved)
	}
	return nil
}

func (m *move) moveStory(data json.RawMessage) error {
	var d struct {
		Story  string `json:"story"`
		Before string `json:"before,omitempty"`
	}
	if wire.Unmarshal(data, &d) != nil {
		return badData(`the data of move_story is {"story": id, "before": story}, the last one optional`)
	}
	if err := m.mayEdit(); err != nil {
		return err
	}
	from := m.findStory(d.Story)
	if from < 0 {
		return unknownStory(d.Story)
	}
	to, err := m.place(d.Before)
	if err != nil || to == from || to == from+1 {
		return err
	}
	moved := m.stories[from]
	m.stories = slices.Delete(slices.Clone(m.stories), from, from+1)
	if to > from {
		to--
	}
	m.stories = slices.Insert(m.stories, to, moved)
	m.saveStories()
	m.say("story.moved", d)
	return nil
}
