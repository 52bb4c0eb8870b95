package estimation

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// importStories adds many stories at once: all of them, or none.
func (m *move) importStories(data json.RawMessage) error {
	var d struct {
		CSV   *string `json:"csv"`
		Lines *string `json:"lines"`
	}
	if wire.Unmarshal(data, &d) != nil || (d.CSV == nil) == (d.Lines == nil) {
		return badData(`the data of import_stories is {"csv": text} or {"lines": text}`)
	}
	if err := m.mayEdit(); err != nil {
		return err
	}
	var found []story
	var err error
	if d.CSV != nil {
		found, err = readCSV(*d.CSV)
	} else {
		found, err = readLines(*d.Lines)
	}
	if err != nil {
		return err
	}
	return m.addStories(found, "")
}

// readLines reads a title from each line that has one.
func readLines(text string) (found []story, err error) {
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		if found, err = collect(found, story{Title: line}, n); err != nil {
			return nil, err
		}
	}
	return atLeastOne(found)
}

// collect adds what was read in a line, if it is anything.
func collect(found []story, s story, line int) ([]story, error) {
	if strings.TrimSpace(s.Title) == "" {
		return found, nil
	}
	if err := s.check(); err != nil {
		return nil, refuse(CodeBadCSV, "line %d: %s", line, says(err))
	}
	if len(found) == maxStories {
		return nil, refuse(CodeTooMany, "a session has at most %d stories", maxStories)
	}
	return append(found, s), nil
}

func atLeastOne(found []story) ([]story, error) {
	if len(found) == 0 {
		return nil, refuse(CodeBadCSV, "there is no story in it")
	}
	return found, nil
}

// columns says in which column is what; -1: in none.
type columns struct{ title, key, link, estimate int }

// headers are what columns are called, in lower case.
var headers = map[string]func(c *columns) *int{
	"title": titleOf, "summary": titleOf, "story": titleOf, "name": titleOf, "标题": titleOf, "故事": titleOf, "名称": titleOf,
	"key": keyOf, "id": keyOf, "issue key": keyOf, "编号": keyOf,
	"link": linkOf, "url": linkOf, "链接": linkOf,
	"estimate": estimateOf, "points": estimateOf, "story points": estimateOf, "估点": estimateOf,
}

func titleOf(c *columns) *int    { return &c.title }
func keyOf(c *columns) *int      { return &c.key }
func linkOf(c *columns) *int     { return &c.link }
func estimateOf(c *columns) *int { return &c.estimate }

// header reads a record as a header. It reports false if it is none: nothing in
// it is called a title.
func header(record []string) (c columns, ok bool) {
	c = columns{-1, -1, -1, -1}
	for i, cell := range record {
		if of := headers[strings.ToLower(strings.TrimSpace(cell))]; of != nil && *of(&c) < 0 {
			*of(&c) = i
		}
	}
	return c, c.title >= 0
}

// readCSV reads RFC 4180, with commas, semicolons, or tabs.
func readCSV(text string) (found []story, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator(text), -1, true
	c := columns{title: 0, key: -1, link: 1, estimate: -1}
	headed := false
	for start := true; ; start = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return atLeastOne(found)
		}
		if err != nil {
			return nil, csvError(err)
		}
		if start {
			if named, ok := header(record); ok {
				c, headed = named, true
				continue
			}
		}
		line, _ := r.FieldPos(0)
		if found, err = collect(found, c.read(record, headed), line); err != nil {
			return nil, err
		}
	}
}

func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return refuse(CodeBadCSV, "line %d: %v", p.StartLine, p.Err)
	}
	return refuse(CodeBadCSV, "%v", err)
}

// read makes a story of a record. Without a header the second column is the link
// only if it is one.
func (c columns) read(record []string, headed bool) story {
	cell := func(i int) string {
		if i < 0 || i >= len(record) {
			return ""
		}
		return strings.Join(strings.Fields(record[i]), " ") // cells may have line breaks
	}
	s := story{Title: cell(c.title)}
	if key := cell(c.key); key != "" && s.Title != "" {
		s.Title = key + " " + s.Title
	}
	if link := cell(c.link); headed || isLink(link) {
		s.Link = link
	}
	if value := cell(c.estimate); value != "" && utf8.RuneCountInString(value) <= maxEstimate {
		s.Estimate = &estimate{Value: value}
	}
	return s
}

// separator is the one of comma, semicolon, and tab that the first line has most
// of, outside of quotes.
func separator(text string) rune {
	counts, quoted := map[rune]int{}, false
	for _, r := range text {
		if r == '"' {
			quoted = !quoted
		} else if r == '\n' && !quoted {
			break
		} else if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}
