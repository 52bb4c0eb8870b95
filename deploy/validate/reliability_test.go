package validate

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the page on reliability names is in the package whose directory
// stands before it.
func TestReliabilityNamesTestsWhereTheyAre(t *testing.T) {
	const page = "docs/reliability.md"
	directory := regexp.MustCompile(`^(fanout|gateway|pkg)(/[a-z]+)*$`)
	name := regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]\w*$`)
	named, seen, dir := 0, make(map[string]bool), ""
	for _, word := range found(code, read(t, page)) {
		switch {
		case directory.MatchString(word):
			dir = word
		case name.MatchString(word):
			named++
			seen[dir] = true
			if !strings.Contains(testsOf(t, dir), "\nfunc "+word+"(") {
				t.Errorf("%s: there is no %s in %q", page, word, dir)
			}
		}
	}
	if named < 80 || len(seen) < 10 {
		t.Errorf("%s names only %d tests of %d packages, or it is written in a way that is not understood here", page, named, len(seen))
	}
}

// testsOf is the source of all tests of a package.
func testsOf(t *testing.T, dir string) (text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text += read(t, strings.TrimPrefix(filepath.ToSlash(file), top+"/"))
	}
	return text
}
