package wire

import (
	"strings"
	"testing"
)

func TestCheckJSON(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, ` [1, "x"] `: true, `null`: true, `"😀"`: true, `"\ud83d\ude00"`: true,
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth):     true,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1): false,
		``: false, `{`: false, `{} {}`: false, "\"\xff\"": false, `"\ud83d"`: false, `NaN`: false, `{'a':1}`: false,
	} {
		if err := CheckJSON([]byte(text)); (err == nil) != ok {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}
