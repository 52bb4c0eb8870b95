package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, path, tag string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServes(t *testing.T) {
	for path, want := range map[string]string{
		"/":                              "text/html; charset=utf-8",
		"/?session=abc":                  "text/html; charset=utf-8",
		"/main.js":                       "text/javascript; charset=utf-8",
		"/css/base.css":                  "text/css; charset=utf-8",
		"/ui/meeting.js":                 "text/javascript; charset=utf-8",
		"/vendor/figtree-latin.woff2":    "font/woff2",
		"/vendor/preact.LICENSE.txt":     "text/plain; charset=utf-8",
		"/icon.svg":                      "image/svg+xml",
		"/client/index.js":               "text/javascript; charset=utf-8",
		"/ops":                           "text/html; charset=utf-8",
		"/ops/main.js":                   "text/javascript; charset=utf-8",
		"/client/dist/plenum.min.js":     "text/javascript; charset=utf-8",
		"/client/dist/plenum.min.js.map": "application/json",
	} {
		r := get(t, path, "")
		if got := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %d %s, want %s", path, r.StatusCode, got, want)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
		if again := get(t, path, r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %d to a browser that has it", path, again.StatusCode)
		}
	}
}

// What a browser loads is small: gzipped once, and told from the plain bytes by its tag.
func TestServesGzip(t *testing.T) {
	plain := get(t, "/client/dist/plenum.min.js", "")
	want, err := io.ReadAll(plain.Body)
	if err != nil {
		t.Fatal(err)
	}
	for accept, packed := range map[string]bool{
		"": false, "gzip": true, "deflate, gzip, br": true, "br;q=1.0, GZIP;q=0.5": true,
		"br": false, "gzip;q=0": false, "gzip; q=0.000, br": false, "xgzip": false, "identity": false,
	} {
		r := httptest.NewRequest("GET", "/client/dist/plenum.min.js", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, w.Header())
		}
		if (w.Header().Get("ETag") == plain.Header.Get("ETag")) == packed {
			t.Errorf("%q: the tag %s", accept, w.Header().Get("ETag"))
		}
		if !packed {
			continue
		}
		if size := w.Body.Len(); size > 6<<10 {
			t.Errorf("the client has %d bytes; it promises at most 6144", size)
		}
		unpacked, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: other bytes than without gzip, %v", accept, err)
		}
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		w = httptest.NewRecorder()
		if Handler().ServeHTTP(w, r); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%q: %d to a browser that has it", accept, w.Code)
		}
	}
}

func TestServesNothingElse(t *testing.T) {
	for _, path := range []string{"/client", "/client/", "/client/test/fake.js", "/client/package.json", "/client/dist/", "/client/dist/plenum.min.d.ts", "/client/README.md", "/page/index.html", "/tsconfig.json", "/test/fixture.js", "/vendor/preact.d.ts", "/ops/", "/ops/index.html", "/web.go", "/x"} {
		if r := get(t, path, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestEveryFileHasAType(t *testing.T) {
	for path, a := range load() {
		if a.contentType == "" {
			t.Errorf("%s has no content type", path)
		}
	}
}

var importing = regexp.MustCompile(`(?m)(?:^|;)(?:import|export) ?[^'"\n;]*from ?['"]([^'"]+)['"]`)

// imports are what each served module imports, by URL path.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	for url, a := range load() {
		if !strings.HasSuffix(url, ".js") {
			continue
		}
		for _, m := range importing.FindAllSubmatch(a.plain.content, -1) {
			if !strings.HasPrefix(string(m[1]), ".") {
				t.Errorf("%s imports %s, which no browser finds", url, m[1])
			}
			found[url] = append(found[url], path.Join(path.Dir(url), string(m[1])))
		}
	}
	return found
}

// Whatever a module of the page or the client imports must be served.
func TestImportsAreServed(t *testing.T) {
	assets, found := load(), 0
	for from, targets := range imports(t) {
		for _, target := range targets {
			found++
			if _, ok := assets[target]; !ok {
				t.Errorf("%s imports %s, which is not served", from, target)
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d imports only", found)
	}
}

// A browser that is told of all modules at once does not wait for each to name
// the next ones.
func TestAllModulesArePreloaded(t *testing.T) {
	index := string(load()["/"].plain.content)
	var needed []string
	all := imports(t)
	var visit func(string)
	visit = func(url string) {
		if slices.Contains(needed, url) {
			return
		}
		needed = append(needed, url)
		for _, next := range all[url] {
			visit(next)
		}
	}
	visit("/main.js")
	var named []string
	for _, m := range regexp.MustCompile(`<link rel="modulepreload" href="([^"]+)">`).FindAllStringSubmatch(index, -1) {
		named = append(named, m[1])
	}
	slices.Sort(needed)
	slices.Sort(named)
	needed = slices.DeleteFunc(needed, func(url string) bool { return url == "/main.js" })
	if !slices.Equal(named, needed) {
		t.Errorf("index.html preloads\n%s\nits modules are\n%s", strings.Join(named, "\n"), strings.Join(needed, "\n"))
	}
}

// The browser refuses inline scripts and styles; so the page must have none.
func TestPageHasNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(?:\s+[^>]*)?>\s*[^<\s]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	pages, err := filepath.Glob("*/index.html")
	if err != nil || len(pages) != 2 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	for _, name := range pages {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.Find(content); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}
