package wire

import (
	"strings"
	"testing"
)

func TestDecodeRefusesWhatBreaksOtherParsers(t *testing.T) {
	for _, c := range []struct {
		data string
		ok   bool
	}{
		{`"a"`, true},
		{strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1), true},
		{strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), false},
		{`"` + strings.Repeat("[", MaxDepth) + `"`, true},
		{`"\"` + strings.Repeat("{", MaxDepth) + `"`, true},
		{`"\ud83d\ude00"`, true},
		{`"\uD83D\uDE00 \\ud800"`, true},
		{`"\ud800"`, false},
		{`"\ud800x"`, false},
		{`"\udc00"`, false},
		{`"\ud800\ud800"`, false},
		{`"\ud83d\u0041"`, false},
		{`"\ud7ff\ue000"`, true},
		{`{"\udfff":1}`, false},
	} {
		var m Message
		err := Decode([]byte(`{"type":"publish","ref":1,"event":"e","data":`+c.data+`}`), &m)
		if (err == nil) != c.ok {
			t.Errorf("data %.60s: got %v, want ok %v", c.data, err, c.ok)
		}
	}
}
