package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Bounds of a page of events.
const (
	pageDefault = 100
	pageMost    = 1000
)

// maxKey bounds an Idempotency-Key.
const maxKey = 255

// published answers POST /api/sessions/{id}/events.
type published struct {
	wire.Position
	Repeated bool `json:"repeated"` // the event had been published before, with the same Idempotency-Key
}

// publish answers POST /api/sessions/{id}/events.
func (s sessions) publish(w http.ResponseWriter, r *http.Request) {
	id, ok := s.enter(w, r)
	if !ok {
		return
	}
	key, ok := idempotencyKey(w, r)
	if !ok {
		return
	}
	data, ok := readBody(w, r, s.message, typeJSON)
	if !ok {
		return
	}
	var body struct {
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data"`
	}
	if wire.Unmarshal(data, &body) != nil || data[0] != '{' {
		refuse(w, http.StatusBadRequest, wire.CodeBadData, `the body must be {"event": string, "data": any}`)
		return
	}
	if body.Data == nil {
		body.Data = json.RawMessage("null")
	}
	p, err := s.service.Publish(r.Context(), id, body.Event, body.Data, key)
	if err != nil {
		fail(w, err)
		return
	}
	status := http.StatusCreated
	if p.Repeated {
		status = http.StatusOK
	}
	answer(w, status, published{p.Position, p.Repeated})
}

// idempotencyKey is the key of a request, or empty. With false it has been refused.
func idempotencyKey(w http.ResponseWriter, r *http.Request) (key string, ok bool) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", true
	}
	if key, ok = keys[0], len(keys) == 1 && len(keys[0]) > 0 && len(keys[0]) <= maxKey; ok {
		for _, c := range []byte(key) {
			ok = ok && c >= ' ' && c < 0x7f
		}
	}
	if !ok {
		refuse(w, http.StatusBadRequest, codeBadKey, "Idempotency-Key must be one value of 1 to 255 printable ASCII characters")
	}
	return key, ok
}

// page is a part of a session's history.
type page struct {
	wire.Position                 // where the session stands
	Events        json.RawMessage `json:"events"`
	Complete      bool            `json:"complete"`       // no event is missing between after and the first one
	Next          string          `json:"next,omitempty"` // where more events are
}

// history answers GET /api/sessions/{id}/events.
func (s sessions) history(w http.ResponseWriter, r *http.Request) {
	id, ok := s.enter(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	after, err := number(query, "after", 0, 0, wire.MaxRef)
	limit, limitErr := number(query, "limit", pageDefault, 1, pageMost)
	if err != nil || limitErr != nil {
		refuse(w, http.StatusBadRequest, codeBadQuery, "after must be an offset, from 0; limit from 1 to "+strconv.Itoa(pageMost))
		return
	}
	h, err := s.service.History(r.Context(), id, after, int(limit))
	if err != nil {
		fail(w, err)
		return
	}
	if epoch := query.Get("epoch"); epoch != "" && epoch != h.Epoch {
		refuse(w, http.StatusGone, codeEpochGone, "the log has lost its past: what came after that offset is not known; begin anew without epoch")
		return
	}
	p := page{Position: h.Position, Events: h.Events, Complete: h.Complete, Next: next(id, h, limit)}
	if p.Next != "" {
		w.Header().Set("Link", "<"+p.Next+`>; rel="next"`)
	}
	w.Header().Set("Cache-Control", "no-cache")
	answer(w, http.StatusOK, p)
}

// next is where the events behind a page are; empty if there are none yet.
func next(id string, h session.History, limit uint64) string {
	if h.Last == 0 || h.Last >= h.Offset {
		return ""
	}
	query := url.Values{"after": {strconv.FormatUint(h.Last, 10)}, "limit": {strconv.FormatUint(limit, 10)}, "epoch": {h.Epoch}}
	return "/api/sessions/" + id + "/events?" + query.Encode()
}

// number reads a parameter of the query.
func number(query url.Values, name string, missing, least, most uint64) (uint64, error) {
	if !query.Has(name) {
		return missing, nil
	}
	n, err := strconv.ParseUint(query.Get(name), 10, 64)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}
