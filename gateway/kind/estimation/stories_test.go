package estimation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

func parseInto(t testing.TB, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}

// order is the ids of the stories, in order.
func (m *meeting) order() string {
	var ids []string
	for _, s := range m.state.stories {
		ids = append(ids, s.ID)
	}
	return strings.Join(ids, " ")
}

func TestAddStory(t *testing.T) {
	m := newMeeting(t, "")
	m.must("ann", "add_story", `{"title":"  Login "}`)
	m.tells(`+ stories.added {"stories":[{"id":"s1","title":"Login"}]}`)
	m.must("eye", "add_story", `{"title":"Logout","link":"https://example.org/2","before":"s1"}`)
	m.tells(`+ stories.added {"stories":[{"id":"s2","title":"Logout","link":"https://example.org/2"}],"before":"s1"}`)
	if m.order() != "s2 s1" {
		t.Errorf("order %s", m.order())
	}
	m.refused("ann", "add_story", `{"title":"x","before":"s9"}`, CodeUnknownStory)
	for _, bad := range []string{`null`, `{}`, `{"title":" "}`, `{"title":5}`, `{"title":"` + strings.Repeat("x", maxTitle+1) + `"}`, `{"title":"a\nb"}`,
		`{"title":"x","link":"javascript:alert(1)"}`, `{"title":"x","link":"https://"}`, `{"title":"x","link":"http://a/` + strings.Repeat("x", maxLink) + `"}`} {
		m.refused("ann", "add_story", bad, wire.CodeBadData)
	}
	m.must("ann", "add_story", `{"title":"`+strings.Repeat("题", maxTitle)+`"}`)
}

func TestEditStory(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login",{"title":"Logout","link":"https://example.org"}]}`)
	m.must("ann", "start_round", `{"story":"s1"}`)
	m.must("ann", "edit_story", `{"story":"s1","title":"Sign in"}`)
	m.tells(`+ story.edited {"story":{"id":"s1","title":"Sign in"}}`)
	if !strings.Contains(m.view("ben", "round"), `"title":"Sign in"`) {
		t.Errorf("round: %s", m.view("ben", "round"))
	}
	m.must("ann", "edit_story", `{"story":"s2","link":""}`)
	m.tells(`+ story.edited {"story":{"id":"s2","title":"Logout"}}`)
	m.must("ann", "edit_story", `{"story":"s2","title":"Logout"}`)
	m.tells()
	m.must("own", "set_estimate", `{"story":"s2","value":"5"}`)
	m.must("ann", "edit_story", `{"story":"s2","title":"Out"}`) // keeps its estimate
	m.tells(`+ story.edited {"story":{"id":"s2","title":"Out"}}`)
	m.refused("ann", "edit_story", `{"story":"s3","title":"x"}`, CodeUnknownStory)
	m.refused("ann", "edit_story", `{"story":"s1","title":""}`, wire.CodeBadData)
	m.refused("ann", "edit_story", `{"story":"s1","link":"x"}`, wire.CodeBadData)
	m.refused("ann", "edit_story", `3`, wire.CodeBadData)
}

func TestRemoveStory(t *testing.T) {
	m := newMeeting(t, `{"stories":["Login","Logout"]}`)
	m.must("ann", "remove_story", `{"story":"s1"}`)
	m.tells(`+ story.removed {"story":"s1"}`)
	m.must("ann", "start_round", `{"story":"s2"}`)
	m.vote("ann 5")
	m.must("ann", "remove_story", `{"story":"s2"}`) // the current one
	m.tells(`+ story.removed {"story":"s2"}`,
		`+ round.started {"round":3,"story":null,"title":"","started":1000000,"anonymous":false,"reason":"story_removed"}`)
	if !strings.Contains(m.view("ann", "history"), `"story":"s2","title":"Logout"`) {
		t.Errorf("history: %s", m.view("ann", "history"))
	}
	m.refused("ann", "remove_story", `{"story":"s2"}`, CodeUnknownStory)
	m.refused("ann", "remove_story", `""`, wire.CodeBadData)
	m.must("ann", "add_story", `{"title":"x"}`)
	if m.order() != "s3" {
		t.Errorf("an id comes again: %s", m.order())
	}
}

func TestMoveStory(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`{"story":"s1"}`, "s2 s3 s4 s1"},
		{`{"story":"s4"}`, ""},
		{`{"story":"s1","before":"s4"}`, "s2 s3 s1 s4"},
		{`{"story":"s3","before":"s1"}`, "s3 s1 s2 s4"},
		{`{"story":"s2","before":"s3"}`, ""},
		{`{"story":"s2","before":"s2"}`, ""},
	} {
		m := newMeeting(t, `{"stories":["a","b","c","d"]}`)
		m.must("ann", "move_story", c.data)
		want := []string{"+ story.moved " + c.data}
		if c.want == "" {
			c.want, want = "s1 s2 s3 s4", nil
		}
		m.tells(want...)
		if m.order() != c.want {
			t.Errorf("%s: %s; want %s", c.data, m.order(), c.want)
		}
	}
	m := newMeeting(t, `{"stories":["a"]}`)
	m.refused("ann", "move_story", `{"story":"s2"}`, CodeUnknownStory)
	m.refused("ann", "move_story", `{"story":"s1","before":"s2"}`, CodeUnknownStory)
	m.refused("ann", "move_story", `[]`, wire.CodeBadData)
}

func TestImport(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"lines", "lines:\ufeffLogin\r\n\n  Logout  \n", `Login|Logout`},
		{"lines with commas and quotes", "lines:a, \"b\"\n=1+1", `a, "b"|=1+1`},
		{"nothing in lines", "lines: \n ", `bad_csv: there is no story in it`},
		{"a long line", "lines:a\n" + strings.Repeat("x", 201), `bad_csv: line 2: a title has 1 to 200 characters, without control characters`},
		{"plain", "csv:Login\nLogout\n", `Login|Logout`},
		{"RFC 4180", "csv:\"a, \"\"b\"\"\",https://example.org/1\r\n\"two\r\nlines\",no link\r\n", `a, "b"@https://example.org/1|two lines`},
		{"header", "csv:Issue key,Summary,Story Points,URL,Assignee\nA-1,Login,5,https://example.org,Zoe\nA-2,Logout,,,", `A-1 Login@https://example.org=5|A-2 Logout`},
		{"header in Chinese", "csv:编号;标题;估点;链接\n1;登录;8;http://example.org/登录\n", `1 登录@http://example.org/登录=8`},
		{"tabs", "csv:title\turl\nA, B; C\thttps://example.org\n", `A, B; C@https://example.org`},
		{"semicolons in quotes", "csv:\"a;b;c\",https://example.org\n", `a;b;c@https://example.org`},
		{"a mark before the header", "csv:\ufefftitle,x\nLogin,y\n", `Login`},
		{"empty titles are skipped", "csv:title,key\n,A-1\nLogin,\n", `Login`},
		{"an estimate that is none", "csv:title,points\nLogin,far too long\n", `Login`},
		{"a header alone", "csv:title,link\n", `bad_csv: there is no story in it`},
		{"an open quote", "csv:Login\n\"Logout\nmore\n", `bad_csv: line 2: extraneous or missing " in quoted-field`},
		{"a bare quote", "csv:Login\nLog\"out\n", `bad_csv: line 2: bare " in non-quoted-field`},
		{"a bad link under a header", "csv:title,link\nok,https://example.org\nLogin,javascript:alert(1)\n", `bad_csv: line 3: a link begins with http:// or https:// and has at most 500 characters`},
		{"too many", "lines:" + strings.Repeat("x\n", maxStories+1), `too_many: a session has at most 500 stories`},
		{"as many as there may be", "lines:" + strings.Repeat("x\n", maxStories), strings.Repeat("x|", maxStories-1) + "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMeeting(t, "")
			how, text, _ := strings.Cut(c.data, ":")
			if e := m.try("ann", "import_stories", string(encode(map[string]string{how: text}))); e != nil {
				if got := string(e.Code) + ": " + e.Message; got != c.want {
					t.Errorf("refused: %s; want %s", got, c.want)
				}
				return
			}
			var got []string
			for _, s := range m.state.stories {
				text := s.Title
				if s.Link != "" {
					text += "@" + s.Link
				}
				if s.Estimate != nil {
					text += "=" + s.Estimate.Value
				}
				got = append(got, text)
			}
			if joined := strings.Join(got, "|"); joined != c.want {
				t.Errorf("%s; want %s", joined, c.want)
			}
			if len(m.told) != 1 || m.told[0].Name != "stories.added" || m.told[0].Unsigned {
				t.Errorf("told %s", m.events())
			}
		})
	}
	m := newMeeting(t, "")
	for _, bad := range []string{`null`, `{}`, `{"csv":"a","lines":"b"}`, `{"lines":["a"]}`} {
		m.refused("ann", "import_stories", bad, wire.CodeBadData)
	}
}

func TestStoriesAreBounded(t *testing.T) {
	m := trustedMeeting(t, "")
	for range maxStories / 50 {
		m.must("ann", "import_stories", string(encode(map[string]string{"lines": strings.Repeat("x\n", 50)})))
	}
	m.refused("ann", "add_story", `{"title":"one more"}`, CodeTooMany)

	// Fewer, but large.
	m = trustedMeeting(t, "")
	large := strings.Repeat("题", maxTitle)
	n := 0
	for ; m.try("ann", "add_story", fmt.Sprintf(`{"title":%q}`, large)) == nil; n++ {
	}
	m.refused("ann", "add_story", fmt.Sprintf(`{"title":%q}`, large), CodeTooMany)
	if size := len(m.parts[partStories]); size > maxStoriesBytes || n < maxStoriesBytes/(3*maxTitle)-10 {
		t.Errorf("%d stories in %d bytes", n, size)
	}
	room := maxStoriesBytes - len(m.parts[partStories])
	m.must("ann", "edit_story", `{"story":"s1","title":"short"}`)
	m.must("ann", "edit_story", fmt.Sprintf(`{"story":"s1","title":%q}`, large))
	if got := maxStoriesBytes - len(m.parts[partStories]); got != room {
		t.Errorf("%d bytes are free; want %d", got, room)
	}
}

func TestStoriesBelongToAMeetingThatIsOn(t *testing.T) {
	m := newMeeting(t, `{"stories":["a"]}`)
	m.must("own", "close", "")
	for command, data := range map[string]string{"add_story": `{"title":"x"}`, "edit_story": `{"story":"s1","title":"x"}`, "remove_story": `{"story":"s1"}`,
		"move_story": `{"story":"s1"}`, "import_stories": `{"lines":"x"}`} {
		m.refused("own", command, data, CodeClosed)
	}
}
