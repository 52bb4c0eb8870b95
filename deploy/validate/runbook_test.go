package validate

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const runbook = "docs/operations.md"

func found(pattern string, text string) (all []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// checkLinks fails the test unless all links of a document to files, and to its
// own headings, lead somewhere.
func checkLinks(t *testing.T, document string) {
	t.Helper()
	text := read(t, document)
	headings := make(map[string]bool)
	for _, title := range found(`(?m)^#+ (.*)$`, text) {
		anchor := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(title), "")
		headings[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	for _, link := range found(`\]\(([^)]+)\)`, text) {
		if anchor, ok := strings.CutPrefix(link, "#"); ok {
			if !headings[anchor] {
				t.Errorf("%s: there is no heading %s", document, link)
			}
		} else if _, err := os.Stat(filepath.Join(top, filepath.Dir(document), strings.SplitN(link, "#", 2)[0])); err != nil {
			t.Errorf("%s: a link leads nowhere: %v", document, err)
		}
	}
}

// What the runbook names exists: files, headings, tests, verbs of make,
// settings, metrics and alerts.
func TestRunbookNamesWhatExists(t *testing.T) {
	text := read(t, runbook)
	checkLinks(t, runbook)
	tests, err := exec.Command("grep", "-rhoE", `^func Test\w+`, "--include=*_test.go", filepath.Join(top, "gateway"), filepath.Join(top, "fanout")).Output()
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, where string, names []string) {
		if len(names) == 0 {
			t.Errorf("the runbook names no %s", what)
		}
		for _, name := range names {
			if !strings.Contains(where, name) {
				t.Errorf("there is no %s %s", what, name)
			}
		}
	}
	check("test", string(tests), found("`(Test\\w+)", text))
	var verbs []string
	for _, verb := range found(`make ([a-z][a-z-]+)`, text) {
		verbs = append(verbs, "\n"+verb+":")
	}
	check("verb", read(t, "Makefile"), verbs)
	check("metric", read(t, "docs/metrics.md"), found(`\b(plenum_[a-z_]+[a-z])`, text))
	check("alert", read(t, "configs/prometheus/alerts.yml"), found("`(Plenum[A-Z]\\w+)", text))
	for _, name := range found("`(PLENUM_[A-Z_]+[A-Z])[`=]", text) {
		if !strings.HasPrefix(name, "PLENUM_CLUSTER_") {
			checkSetting(t, runbook, name)
		}
	}
}
