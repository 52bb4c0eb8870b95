package validate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const reliability = "docs/reliability.md"

// Every test that the page on reliability names exists, in the package whose
// directory stands before it; and so do its files, headings, metrics, settings and
// verbs of make.
func TestReliabilityNamesWhatExists(t *testing.T) {
	text := read(t, reliability)
	checkLinks(t, reliability)
	const tests, packages = 80, 10 // or the page is written in a way that is not understood here
	named, seen := 0, make(map[string]bool)
	dir := ""
	for _, word := range found("`([^`\n]+)`", text) {
		switch {
		case regexp.MustCompile(`^(fanout|gateway|pkg)(/[a-z]+)*$`).MatchString(word):
			dir = word
		case regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]\w*$`).MatchString(word):
			named++
			seen[dir] = true
			if !strings.Contains(testsOf(t, dir), "\nfunc "+word+"(") {
				t.Errorf("%s: there is no %s in %q", reliability, word, dir)
			}
		case regexp.MustCompile(`^(fanout|gateway|pkg)/.*\.\w+$`).MatchString(word):
			if _, err := os.Stat(filepath.Join(top, word)); err != nil {
				t.Errorf("%s: %v", reliability, err)
			}
		case strings.HasPrefix(word, "plenum_"):
			if !strings.Contains(read(t, "docs/metrics.md"), "`"+word+"`") {
				t.Errorf("%s: there is no metric %s", reliability, word)
			}
		case strings.HasPrefix(word, "PLENUM_"):
			name, _, _ := strings.Cut(word, "=")
			checkSetting(t, reliability, name)
		}
	}
	if named < tests || len(seen) < packages {
		t.Errorf("%s names %d tests of %d packages; there were %d of %d at least", reliability, named, len(seen), tests, packages)
	}
	for _, verb := range found(`make ([a-z][a-z-]+)`, text) {
		if !strings.Contains(read(t, "Makefile"), "\n"+verb+":") {
			t.Errorf("%s: make has no verb %s", reliability, verb)
		}
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
