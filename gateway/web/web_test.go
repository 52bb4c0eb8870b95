package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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
		"/":                "text/html; charset=utf-8",
		"/?session=abc":    "text/html; charset=utf-8",
		"/main.js":         "text/javascript; charset=utf-8",
		"/css/base.css":       "text/css; charset=utf-8",
		"/icon.svg":        "image/svg+xml",
		"/client/index.js": "text/javascript; charset=utf-8",
		"/ops":             "text/html; charset=utf-8",
		"/ops/main.js":     "text/javascript; charset=utf-8",

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
	for _, path := range []string{"/client", "/client/", "/client/test/fake.js", "/client/package.json", "/client/dist/", "/client/dist/plenum.min.d.ts", "/client/README.md", "/page/index.html", "/ops/", "/ops/index.html", "/web.go", "/x"} {
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

// Whatever a module of the page or the client imports must be served.
func TestImportsAreServed(t *testing.T) {
	assets := load()
	imports := regexp.MustCompile(`(?m)^(?:import|export) [^'"\n;]*from '([^']+)'`)
	found := 0
	for path, a := range assets {
		if !strings.HasSuffix(path, ".js") || strings.HasSuffix(path, ".min.js") {
			continue
		}
		for _, m := range imports.FindAllSubmatch(a.plain.content, -1) {
			found++
			target := filepath.Join(filepath.Dir(path), string(m[1]))
			if _, ok := assets[target]; !ok {
				t.Errorf("%s imports %s, which is not served", path, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d imports only", found)
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
