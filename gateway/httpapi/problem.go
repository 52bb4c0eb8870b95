package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// problem is a refusal as its client sees it (RFC 9457). The type is left out: it
// is about:blank, and Code tells refusals of one status apart.
type problem struct {
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"` // one sentence for a person
	Code   wire.Code `json:"code,omitempty"`
}

// Codes of refusals that only HTTP has.
const (
	codeExists       wire.Code = "session_exists"
	codeMoved        wire.Code = "position_changed"
	codeNoPatch      wire.Code = "not_patchable"
	codeKeyReused    wire.Code = "idempotency_key_reused"
	codeBadKey       wire.Code = "bad_idempotency_key"
	codeBadQuery     wire.Code = "bad_query"
	codeEpochGone    wire.Code = "epoch_gone"
	codeMediaType    wire.Code = "unsupported_media_type"
	codeEncoding     wire.Code = "unsupported_content_encoding"
	codeKeyRequired  wire.Code = "api_key_required"
	codeKeyUnset     wire.Code = "api_keys_not_configured"
	codeBodyTimeout  wire.Code = "body_timeout"
	codeBodyBroken   wire.Code = "body_broken"
	codeNotFound     wire.Code = "not_found"
	codeWrongMethod  wire.Code = "method_not_allowed"
	codeUnclassified wire.Code = "refused"
)

// refuse answers with a problem.
func refuse(w http.ResponseWriter, status int, code wire.Code, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	send(w, status, problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: code})
}

// later is a refusal of what may be tried again.
func later(w http.ResponseWriter, status int, code wire.Code, detail string, after time.Duration) {
	seconds := int64((after + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.FormatInt(max(1, seconds), 10))
	refuse(w, status, code, detail)
}

// answer answers with JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	send(w, status, v)
}

func send(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("httpapi: " + err.Error()) // plain structs, and JSON that was stored as such
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// problems makes problems of the plain texts that others answer with: the file
// server, the WebSocket library, the multiplexer.
type problems struct {
	http.ResponseWriter
	status  int // of a plain text that is being replaced; 0 if the answer is good as it is
	wrote   bool
	refused bool
}

// Unwrap is for http.ResponseController.
func (p *problems) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *problems) WriteHeader(status int) {
	if p.wrote {
		return
	}
	if status >= 200 {
		p.wrote, p.refused = true, status >= 400
	}
	if status >= 400 && strings.HasPrefix(p.Header().Get("Content-Type"), "text/plain") {
		p.status = status
		p.Header().Del("Content-Length")
		return // with the text
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *problems) Write(text []byte) (int, error) {
	if !p.wrote {
		p.WriteHeader(http.StatusOK)
	}
	if p.status == 0 {
		return p.ResponseWriter.Write(text)
	}
	p.replace(string(text))
	return len(text), nil
}

// replace answers with the problem, once.
func (p *problems) replace(text string) {
	status := p.status
	if status == 0 {
		return
	}
	p.status = 0
	code := codeUnclassified
	if status == http.StatusNotFound {
		code = codeNotFound
	}
	refuse(p.ResponseWriter, status, code, strings.TrimSpace(text))
	p.ResponseWriter = nowhere{p.ResponseWriter}
}

// nowhere drops what comes after a problem.
type nowhere struct{ http.ResponseWriter }

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
