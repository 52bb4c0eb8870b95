package validate

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// tracked are the files of the repository whose names end as given, by their
// paths from the top.
func tracked(t *testing.T, ends ...string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".build", ".run", "node_modules"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(path, end) }) {
			paths = append(paths, strings.TrimPrefix(filepath.ToSlash(path), top+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// Patterns of what stands in documents.
const (
	code     = "`([^`\n]+)`"
	heading  = `(?m)^(#+) (.*)$`
	link     = `\]\(([^)\s]+)\)`
	verb     = "(?m)(?:`|^ {4,}|&& )make ([a-z][a-z-]*)"
	testName = "`((?:Test|Benchmark|Fuzz)\\w+)`"
	setting  = "`(PLENUM_[A-Z_]+[A-Z])[`=]"
	metric   = `\b(plenum_[a-z_]+[a-z])\b`
	alert    = "`(Plenum[A-Z]\\w+)"
)

// found is what the first group of a pattern finds, in order.
func found(pattern string, text string) (all []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// prose is a text without its fenced blocks.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```\n?").ReplaceAllString(text, "")
}

// document is a page of Markdown.
type document struct {
	path string // from the top
	text string
}

func documents(t *testing.T) (all []document) {
	t.Helper()
	for _, path := range tracked(t, ".md") {
		all = append(all, document{path, read(t, path)})
	}
	if len(all) < 15 {
		t.Fatalf("there are only the documents %v", all)
	}
	return all
}

// targets are the links that stay in the repository.
func (d document) targets() (links []string) {
	for _, l := range found(link, regexp.MustCompile(code).ReplaceAllString(prose(d.text), "")) {
		if !strings.Contains(l, "://") {
			links = append(links, l)
		}
	}
	return links
}

// anchors are what a link to a heading may end with.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, m := range regexp.MustCompile(heading).FindAllStringSubmatch(prose(text), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[2])
		name := anchor
		for n := 1; names[name]; n++ {
			name = anchor + "-" + strconv.Itoa(n)
		}
		names[name] = true
	}
	return names
}

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, d := range documents(t) {
		links += len(d.targets())
		checkLinks(t, d.path)
	}
	if links < 100 {
		t.Errorf("found only %d links", links)
	}
}

// checkLinks fails the test unless all links of a document to files, and to
// headings in them, lead somewhere.
func checkLinks(t *testing.T, path string) {
	t.Helper()
	for _, l := range (document{path, read(t, path)}).targets() {
		file, anchor, _ := strings.Cut(l, "#")
		target := path
		if file != "" {
			target = filepath.Join(filepath.Dir(path), file)
		}
		if _, err := os.Stat(filepath.Join(top, target)); err != nil {
			t.Errorf("%s: the link %s leads nowhere", path, l)
		} else if anchor != "" && !anchors(read(t, target))[anchor] {
			t.Errorf("%s: %s has no heading #%s", path, target, anchor)
		}
	}
}

// What documents name exists: verbs of make, tests, settings, metrics, alerts and
// source files.
func TestDocumentsNameWhatExists(t *testing.T) {
	tests := ""
	for _, path := range tracked(t, "_test.go") {
		tests += read(t, path)
	}
	source := regexp.MustCompile(`^\w[\w./-]*\.(go|lua)$`)
	sources := "/" + strings.Join(tracked(t, ".go", ".lua"), "\n/") + "\n"
	count := make(map[string]int)
	check := func(d document, what string, where string, before string, names []string, after string) {
		for _, name := range names {
			count[what]++
			if !strings.Contains(where, before+name+after) {
				t.Errorf("%s: there is no %s %s", d.path, what, name)
			}
		}
	}
	for _, d := range documents(t) {
		check(d, "verb of make", read(t, "Makefile"), "\n", found(verb, d.text), ":")
		check(d, "test", tests, "\nfunc ", found(testName, d.text), "(")
		check(d, "metric", read(t, "docs/metrics.md"), "`", found(metric, d.text), "")
		if strings.HasPrefix(d.path, "docs/") { // elsewhere a class of JavaScript is named like that
			check(d, "alert", read(t, "configs/prometheus/alerts.yml"), "alert: ", found(alert, d.text), "\n")
		}
		files := slices.DeleteFunc(found(code, prose(d.text)), func(s string) bool { return !source.MatchString(s) })
		check(d, "file", sources, "/", files, "\n")
		for _, name := range found(setting, d.text) {
			count["setting"]++
			if !strings.HasPrefix(name, "PLENUM_CLUSTER_") {
				checkSetting(t, d.path, name)
			}
		}
	}
	for what, least := range map[string]int{"verb of make": 30, "test": 50, "metric": 60, "alert": 20, "file": 80, "setting": 80} {
		if count[what] < least {
			t.Errorf("found only %d names of a %s", count[what], what)
		}
	}
}

// Every page is reached from the README, and the pages that code names are there.
func TestEveryDocumentIsFound(t *testing.T) {
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		linked := document{readme, read(t, readme)}.targets()
		for _, path := range tracked(t, ".md") {
			if strings.HasPrefix(path, "docs/") && !slices.Contains(linked, path) {
				t.Errorf("%s does not link %s", readme, path)
			}
		}
	}
	const page = `\b(docs/[a-z0-9/-]+\.md)\b`
	for _, path := range append(tracked(t, ".go", ".js", ".lua", ".yml", ".yaml", ".conf", ".env", ".service"), "Makefile", "deploy/Dockerfile") {
		for _, named := range found(page, read(t, path)) {
			if _, err := os.Stat(filepath.Join(top, named)); err != nil {
				t.Errorf("%s names %s, which there is not", path, named)
			}
		}
	}
}

// The README in Chinese says what the one in English says: the same sections with
// tables of the same length, commands, links, settings, tests and figures.
func TestReadmesAreInStep(t *testing.T) {
	english, chinese := document{"README.md", read(t, "README.md")}, document{"README.zh-CN.md", read(t, "README.zh-CN.md")}
	shape := func(d document) (lines []string) {
		for line := range strings.Lines(prose(d.text)) {
			if m := regexp.MustCompile(heading).FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				lines = append(lines, m[1])
			} else if strings.HasPrefix(line, "|") {
				lines = append(lines, "|")
			}
		}
		return lines
	}
	const figures, command = `\| ([0-9.]+) `, `(?m)^    ((?:make|deploy/)\S*(?: [^ \n]+)*)`
	once := func(all []string) []string {
		slices.Sort(all)
		return slices.Compact(all)
	}
	targets := func(d document) (links []string) {
		for _, link := range d.targets() {
			if !strings.HasPrefix(link, "README") {
				links = append(links, strings.Replace(link, "-zh.png", ".png", 1)) // the same picture
			}
		}
		return once(links)
	}
	for what, in := range map[string]func(document) []string{
		"sections and rows": shape,
		"commands":          func(d document) []string { return found(command, d.text) },
		"links":             targets,
		"settings":          func(d document) []string { return once(found(setting, d.text)) },
		"tests":             func(d document) []string { return found(testName, d.text) },
		"figures":           func(d document) []string { return found(figures, d.text) },
	} {
		one, other := in(english), in(chinese)
		if len(one) < 5 {
			t.Errorf("%s has the %s %q only", english.path, what, one)
		}
		if !slices.Equal(one, other) {
			t.Errorf("%s: in English\n%q\nin Chinese\n%q", what, one, other)
		}
	}
}

// An anchor is what the pages where documents are read make of a heading.
func TestAnchors(t *testing.T) {
	got := slices.Sorted(maps.Keys(anchors("# To change …, look at …\n## `GET /api/stats`\n## Notes\n```\n# no heading\n```\n## Notes\n## 运行与测试\n")))
	want := []string{"get-apistats", "notes", "notes-1", "to-change--look-at-", "运行与测试"}
	if !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}
