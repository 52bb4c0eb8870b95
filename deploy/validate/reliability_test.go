package validate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the page on reliability names stands in the package whose
// directory comes before it.
func TestReliabilityNamesTestsWhereTheyAre(t *testing.T) {
	const tests, packages = 80, 10 // or the page is written in a way that is not understood here
	named, seen := 0, make(map[string]bool)
	dir := ""
	for _, word := range found(code, read(t, "docs/reliability.md")) {
		switch {
		case regexp.MustCompile(`^(fanout|gateway|pkg)(/[a-z]+)*$`).MatchString(word):
			dir = word
		case regexp.MustCompile(testName).MatchString("`" + word + "`"):
			named++
			seen[dir] = true
			if !strings.Contains(testsOf(t, dir), "\nfunc "+word+"(") {
				t.Errorf("there is no %s in %q", word, dir)
			}
		}
	}
	if named < tests || len(seen) < packages {
		t.Errorf("it names %d tests of %d packages; there were %d of %d at least", named, len(seen), tests, packages)
	}
}

// testsOf is the source of all tests of a package.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
