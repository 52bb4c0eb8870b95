// Package web is the page and the JavaScript client under it, embedded in the
// program. Nothing is built: what stands in page and in client is what a
// browser gets, under a policy that allows no inline script and no other host.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed page/*.html page/*.js page/*.svg page/app/*.js page/css page/lang page/model page/ui
//go:embed page/vendor/*.js page/vendor/*.txt page/vendor/*.woff2 client/*.js
var files embed.FS

// policy is the Content-Security-Policy. The gateway's own WebSocket is named by
// scheme, because 'self' does not cover it in older browsers.
const policy = "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes are all that is embedded. The machine's own table is not asked:
// a module with another type does not run.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// asset is one file as it is served.
type asset struct {
	content     []byte
	contentType string
	tag         string
}

// Handler serves the page at / and the client at /client/.
func Handler() http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "no-cache") // ask each time; the tag makes the answer small
		h.Set("ETag", a.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
	})
}

// load reads what is embedded, by URL path.
func load() map[string]asset {
	assets := make(map[string]asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		url := "/" + strings.TrimPrefix(name, "page/")
		if url == "/index.html" {
			url = "/"
		}
		assets[url] = asset{content, contentTypes[path.Ext(name)], `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		panic(err) // it is embedded
	}
	return assets
}
