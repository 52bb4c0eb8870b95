package apidoctest

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/plenum-gateway/plenum/gateway/apidoc"
)

// HTTP holds exchanges against the OpenAPI document, and remembers which of its
// answers have been seen. One goroutine uses it at a time.
type HTTP struct {
	*document
	seen map[string]bool
}

// NewHTTP reads the document.
func NewHTTP() (*HTTP, error) {
	d, err := open("openapi.json", apidoc.OpenAPI)
	return &HTTP{d, make(map[string]bool)}, err
}

// Exchange is a request and its answer.
type Exchange struct {
	Method string
	Path   string // as the document has it, such as /api/sessions/{id}
	Header http.Header
	Body   []byte
	Good   bool // the request is one that the document allows

	Status int
	Answer http.Header
	Text   []byte
}

// Routes are all methods and paths, such as "GET /api/sessions/{id}", sorted.
func (h *HTTP) Routes() (routes []string) {
	for path := range h.object("paths") {
		for method := range h.object("paths", path) {
			if method != "parameters" {
				routes = append(routes, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(routes)
	return routes
}

// Check returns what of an exchange the document does not say.
func (h *HTTP) Check(e Exchange) error {
	where := []string{"paths", e.Path, strings.ToLower(e.Method)}
	if h.object(where...) == nil {
		return fmt.Errorf("the document has no %s %s", e.Method, e.Path)
	}
	status := strconv.Itoa(e.Status)
	response := append(slices.Clone(where), "responses", status)
	if h.object(response...) == nil {
		return fmt.Errorf("%s %s has no answer %s in the document: %s", e.Method, e.Path, status, e.Text)
	}
	h.seen[e.Method+" "+e.Path+" "+status] = true
	err := errors.Join(h.checkBody(e.Answer, e.Text, response), h.checkHeaders(e.Answer, response))
	if e.Good && len(e.Body) > 0 {
		err = errors.Join(err, h.checkBody(e.Header, e.Body, append(slices.Clone(where), "requestBody")))
	}
	if err != nil {
		return fmt.Errorf("%s %s, %s: %w", e.Method, e.Path, status, err)
	}
	return nil
}

func (h *HTTP) checkBody(header http.Header, text []byte, where []string) error {
	content := append(slices.Clone(where), "content")
	if h.object(content...) == nil {
		if len(text) > 0 {
			return fmt.Errorf("there is a body: %.200s", text)
		}
		return nil
	}
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if h.object(append(content, media)...) == nil {
		return fmt.Errorf("the Content-Type is %q", media)
	}
	parts := [][]byte{text}
	if media == "application/x-ndjson" {
		parts = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	for _, part := range parts {
		var err error
		if strings.HasSuffix(media, "json") {
			err = h.valid(part, append(content, media, "schema")...)
		} else {
			err = h.validValue(string(part), append(content, media, "schema")...)
		}
		if err != nil {
			return fmt.Errorf("the body %.300s: %w", part, err)
		}
	}
	return nil
}

func (h *HTTP) checkHeaders(header http.Header, response []string) (err error) {
	all := append(slices.Clone(response), "headers")
	for name, described := range h.object(all...) {
		required, _ := described.(map[string]any)["required"].(bool)
		text := header.Get(name)
		if text == "" && required {
			err = errors.Join(err, fmt.Errorf("the header %s is missing", name))
		}
		if text != "" {
			if wrong := h.validValue(scalar(text), append(slices.Clone(all), name, "schema")...); wrong != nil {
				err = errors.Join(err, fmt.Errorf("the header %s: %w", name, wrong))
			}
		}
	}
	return err
}

// Unseen are the answers of the document that were not seen, as "GET /path 200".
func (h *HTTP) Unseen() (unseen []string) {
	for _, route := range h.Routes() {
		method, path, _ := strings.Cut(route, " ")
		for status := range h.object("paths", path, strings.ToLower(method), "responses") {
			if answer := route + " " + status; !h.seen[answer] {
				unseen = append(unseen, answer)
			}
		}
	}
	slices.Sort(unseen)
	return unseen
}
