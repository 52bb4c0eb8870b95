package document

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The examples of RFC 7396, appendix A, where the patch is an object.
func TestPatchIsAMergePatch(t *testing.T) {
	for _, c := range []struct{ document, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		result, err := state(c.document).Do(kind.Command{Name: "patch", Data: json.RawMessage(c.patch)})
		if err != nil {
			t.Errorf("%s with %s: %v", c.document, c.patch, err)
			continue
		}
		if !same(t, result.State.Encode(), []byte(c.want)) {
			t.Errorf("%s with %s is %s, want %s", c.document, c.patch, result.State.Encode(), c.want)
		}
		if e := result.Events; len(e) != 1 || e[0].Name != "document.patched" || string(e[0].Data) != c.patch {
			t.Errorf("events %v", e)
		}
	}
}

func TestReplace(t *testing.T) {
	result, err := state(`{"a":1}`).Do(kind.Command{Name: "replace", Data: json.RawMessage(`[1]`)})
	if err != nil || string(result.State.View("")) != `[1]` || result.Events[0].Name != "document.replaced" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestRefusals(t *testing.T) {
	large := `{"a":"` + strings.Repeat("x", MaxSize) + `"}`
	for _, c := range []struct {
		name, data string
		code       wire.Code
	}{
		{"patch", `[1]`, wire.CodeBadData},
		{"patch", `null`, wire.CodeBadData},
		{"patch", large, wire.CodeBadData},
		{"replace", large, wire.CodeBadData},
		{"explode", `{}`, wire.CodeUnknownCommand},
	} {
		before := state(`{"a":1}`)
		_, err := before.Do(kind.Command{Name: c.name, Data: json.RawMessage(c.data)})
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Message == "" {
			t.Errorf("%s %.20s: %v", c.name, c.data, err)
		}
		if string(before) != `{"a":1}` {
			t.Errorf("%s %.20s changed the state", c.name, c.data)
		}
	}
}

func TestOptions(t *testing.T) {
	for options, want := range map[string]string{"": "{}", "null": "{}", `{"document":[1]}`: "[1]"} {
		s, err := Kind{}.New(json.RawMessage(options))
		if err != nil || string(s.Encode()) != want {
			t.Errorf("%q: %v, %v", options, s, err)
		}
	}
	if _, err := (Kind{}).New(json.RawMessage(`[]`)); err == nil {
		t.Error("an array was taken as options")
	}
	if _, err := (Kind{}).Decode([]byte("{")); err == nil {
		t.Error("half a document was decoded")
	}
}

// A state does not share memory with the command that made it.
func TestStateKeepsItsOwnBytes(t *testing.T) {
	data := []byte(`{"a":1}`)
	result, err := state(`{}`).Do(kind.Command{Name: "replace", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	copy(data, `{"b":2}`)
	if string(result.State.Encode()) != `{"a":1}` {
		t.Errorf("the state became %s", result.State.Encode())
	}
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("not JSON: %s or %s", a, b)
	}
	return reflect.DeepEqual(x, y)
}
