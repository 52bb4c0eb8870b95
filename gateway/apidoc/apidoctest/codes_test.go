package apidoctest

import (
	"regexp"
	"strings"
	"testing"
)

// Whoever has only the document is told every code that there is.
func TestEveryCodeIsTold(t *testing.T) {
	m, err := NewMessages()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		table, entry string
		told         any
	}{
		{"error.go", ` Code = "([a-z_]+)"`, m.at("components", "messages", "error", "payload", "properties", "code", "description")},
		{"close.go", `Close[A-Za-z]+ +CloseCode = (4[0-9]+)`, m.at("info", "description")},
	} {
		codes := regexp.MustCompile(c.entry).FindAllStringSubmatch(string(read(t, "../../../pkg/wire/"+c.table)), -1)
		if len(codes) < 15 {
			t.Fatalf("%s has only %d codes", c.table, len(codes))
		}
		told, _ := c.told.(string)
		for _, code := range codes {
			if !strings.Contains(told, code[1]+" ") {
				t.Errorf("the document does not tell %s of %s", code[1], c.table)
			}
		}
	}
}
