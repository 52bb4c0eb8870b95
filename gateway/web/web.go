// Package web is the page and the JavaScript client under it, and the page of
// operators, embedded in the program. Nothing is built: what stands in page, ops
// and client is what a browser gets, under a policy that allows no inline script and no other host.
// The client's bundle, client/dist, is made by "make generate" and committed.
package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

//go:embed page/*.html page/*.js page/*.svg page/app/*.js page/css page/lang page/model page/ui
//go:embed page/vendor/*.js page/vendor/*.txt page/vendor/*.woff2 client/*.js client/dist/*.js client/dist/*.map
//go:embed ops
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
	".map":   "application/json",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// asset is one file as it is served.
type asset struct {
	contentType   string
	plain, packed body // packed is gzip
}

// body is the bytes of an answer. Their tag tells them from all others.
type body struct {
	content []byte
	tag     string
}

func newBody(content []byte) body {
	sum := sha256.Sum256(content)
	return body{content, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// Handler serves the page at /, the operators' at /ops, and the client at /client/.
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
		h.Set("Vary", "Accept-Encoding")
		b := a.plain
		if takesGzip(r) {
			b = a.packed
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("ETag", b.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.content))
	})
}

// takesGzip reports whether a request's Accept-Encoding names gzip and does not
// forbid it (RFC 9110, section 12.5.3).
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(weight, "q=0.") != "" || weight == ""
		}
	}
	return false
}

// load returns what is embedded, by URL path. It is read and packed once, and
// must not be changed.
var load = sync.OnceValue(func() map[string]asset {
	assets := make(map[string]asset)
	pack := newPacker()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		url := "/" + strings.TrimPrefix(name, "page/")
		if folder, ok := strings.CutSuffix(url, "/index.html"); ok {
			url = cmp.Or(folder, "/")
		}
		packed, err := pack(content)
		assets[url] = asset{contentTypes[path.Ext(name)], newBody(content), newBody(packed)}
		return err
	})
	if err != nil {
		panic(err) // it is embedded
	}
	return assets
})

// newPacker returns what gzips one content after the other: a writer is much
// larger than what it writes here.
func newPacker() func(content []byte) ([]byte, error) {
	w, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic(err) // for an unknown level
	}
	return func(content []byte) ([]byte, error) {
		var b bytes.Buffer
		w.Reset(&b)
		_, err := w.Write(content)
		err = errors.Join(err, w.Close())
		return b.Bytes(), err
	}
}
