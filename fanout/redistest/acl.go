package redistest

import (
	"os"
	"strings"
	"testing"
)

// DocumentedUser returns the line that makes a Redis user as it stands in a
// document ("user NAME on >PASSWORD …"), with a password in it: an option for
// [Start], so that a test holds the document itself against what is asked of
// Redis. If there is no such line, the test fails.
func DocumentedUser(t testing.TB, document, name, password string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "user "+name+" ") {
			return strings.Replace(line, ">PASSWORD", ">"+password, 1)
		}
	}
	t.Fatalf("%s has no line that begins with: user %s", document, name)
	return ""
}

// Denied returns the commands, keys and channels that the server has refused to
// its users for want of rights, whether or not somebody noticed.
func (s *Server) Denied() (what []string, err error) {
	log, err := s.Do("ACL", "LOG")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(log, "\n") // names and values in turn
	for i, line := range lines[:len(lines)-1] {
		if line == "object" {
			what = append(what, lines[i+1])
		}
	}
	return what, nil
}

// denied is what several servers have refused.
func denied(servers ...*Server) (all []string, err error) {
	for _, s := range servers {
		what, err := s.Denied()
		if err != nil {
			return nil, err
		}
		all = append(all, what...)
	}
	return all, nil
}
