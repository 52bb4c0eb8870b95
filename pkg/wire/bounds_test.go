package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestValidSessionID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "Az09_-": true, strings.Repeat("x", MaxSessionID): true,
		"": false, strings.Repeat("x", MaxSessionID+1): false, "a b": false, "a.b": false,
		"a/b": false, "é": false, "a\x00": false, "a\n": false, "{a}": false,
	} {
		if got := ValidSessionID(id); got != want {
			t.Errorf("ValidSessionID(%q) = %t", id, got)
		}
	}
}

func TestValidEvent(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "chat.message": true, "a_0-9.z": true, strings.Repeat("e", MaxEvent): true,
		"": false, strings.Repeat("e", MaxEvent+1): false, "A": false, "a b": false, "a:b": false,
		"é": false, "a\"": false, "a\\": false, "a\x7f": false,
	} {
		if got := ValidEvent(name); got != want {
			t.Errorf("ValidEvent(%q) = %t", name, got)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"Ada": "Ada", "\t Ada \u00a0": "Ada", "陈小明": "陈小明",
		strings.Repeat("é", MaxName):              strings.Repeat("é", MaxName),
		" " + strings.Repeat("😀", MaxName) + "\n": strings.Repeat("😀", MaxName),
		"": "", " ": "", strings.Repeat("x", MaxName+1): "", "a\x1bb": "", "a\u0085b": "",
		strings.Repeat("x", 5*MaxName): "",
	} {
		got, err := CheckName(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("CheckName(%q) = %q, %v", name, got, err)
		}
		if e, ok := err.(*Error); err != nil && (!ok || e.Code != CodeBadName || e.Close != 0) {
			t.Errorf("CheckName(%q) refuses with %#v", name, err)
		}
	}
}

// A refusal says what would be right.
func TestRefusalsSayWhatIsRight(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"publish","ref":"x","event":"a"}`:         "the field ref must be an integer from 1 to 9007199254740991",
		`{"type":"heartbeat","at":-1}`:                     "the field at must be an integer from 0 to 9007199254740991",
		`{"type":"publish","ref":1,"event":{}}`:            "the field event must be a string",
		`{"type":"publish","ref":1,"event":"Chat"}`:        "event must be 1 to 64 characters of a-z 0-9 _ . -",
		`{"type":"command","ref":1,"command":""}`:          "command must be 1 to 64 characters of a-z 0-9 _ . -",
		`{"type":"command","command":"a"}`:                 "a command needs a ref, a positive integer that rises",
		`{"type":"join","client":"c","since":[]}`:          `the field since must be {"epoch":string,"offset":integer from 0}`,
		`{"type":"join","client":"c","accept":{}}`:         "the field accept must be an array of strings",
		`{"type":"join","client":"c","since":{"epoch":1}}`: `the field since must be {"epoch":string,"offset":integer from 0}`,
		`[]`:    "a message must be one JSON object",
		"\xff":  "a message must be UTF-8",
		`{}`:    "the field type is missing",
		`{"a"`:  "a message must be one JSON object",
		` {} {`: "a message must be one JSON object",
	} {
		err := Decode([]byte(text), new(Message))
		if e, ok := err.(*Error); !ok || e.Message != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Code: CodeTooFast, Message: "too many messages", Close: CloseTooFast}
	if got := e.Error(); got != "too_fast: too many messages (close 4006)" {
		t.Error(got)
	}
	e.Close = 0
	if got := e.Error(); got != "too_fast: too many messages" {
		t.Error(got)
	}
}

func TestAccepts(t *testing.T) {
	j := Join{Accept: []string{"br", "gzip"}}
	if !j.Accepts("gzip") || j.Accepts("deflate") || (&Join{}).Accepts("gzip") {
		t.Error("Accepts looks at something else than Accept")
	}
}

// A decoded message is a view: it holds slices of its text, which nobody can append into.
func TestDecodedSlicesEndWhereTheyEnd(t *testing.T) {
	text := []byte(`{"type":"publish","ref":1,"event":"a","key":"k","data":{"x":1},"ephemeral":true}`)
	before := bytes.Clone(text)
	var m Message
	if err := Decode(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, s := range [][]byte{m.Publish.Event, m.Publish.Key, m.Publish.Data} {
		_ = append(s, "overwritten"...)
	}
	if !bytes.Equal(text, before) {
		t.Errorf("appending to a part of a message changed it: %s", text)
	}
}

// After a refusal the message is not left half decoded for a publish to slip through.
func TestDecodeStartsAfresh(t *testing.T) {
	var m Message
	for _, text := range []string{
		`{"type":"publish","ref":1,"event":"a","key":"k","ephemeral":true}`, `{"type":"publish","ref":2,"event":"b"}`,
	} {
		if err := Decode([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
	}
	if m.Publish.Key != nil || m.Publish.Ephemeral || string(m.Publish.Data) != "null" {
		t.Errorf("the second message took over from the first: %+v", m.Publish)
	}
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", `"`, `\`, "a\nb", "\x00", "é", "陈", "😀", "<&>", "\u2028", "\x7f"} {
		var got string
		if err := json.Unmarshal(AppendString(nil, s), &got); err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
	}
}

func TestWaitReasonFitsACloseFrame(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 1500 * time.Millisecond, time.Hour} {
		reason := WaitReason(d)
		if len(reason) > 123 || ParseWait(reason) != d {
			t.Errorf("%v: %q is read as %v", d, reason, ParseWait(reason))
		}
	}
}

func TestErrorAfterIsBounded(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`{"type":"error","code":"x","after":-5}`:                  0,
		`{"type":"error","code":"x","after":1500}`:                1500 * time.Millisecond,
		`{"type":"error","code":"x","after":9000000000000000000}`: 24 * time.Hour,
	} {
		m, err := DecodeServer([]byte(text))
		if err != nil || m.Error.After != want {
			t.Errorf("%s: %+v, %v", text, m.Error, err)
		}
	}
}
