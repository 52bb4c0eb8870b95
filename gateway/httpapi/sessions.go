package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// maxBody bounds the body that makes a session, in bytes.
const maxBody = 1 << 20

// sessions answers the requests about sessions.
type sessions struct {
	service *session.Service
	message int // most bytes of what becomes an event
	keys    auth.Keys
}

// create answers POST /api/sessions.
func (s sessions) create(w http.ResponseWriter, r *http.Request) {
	data, ok := readBody(w, r, maxBody, typeJSON)
	if !ok {
		return
	}
	var body struct {
		ID      string          `json:"id"`
		Kind    string          `json:"kind"`
		Options json.RawMessage `json:"options"`
	}
	if wire.Unmarshal(data, &body) != nil || data[0] != '{' {
		refuse(w, http.StatusBadRequest, wire.CodeBadData, `the body must be {"kind": string, "id": string, "options": any}`)
		return
	}
	snap, err := s.service.Create(r.Context(), body.ID, body.Kind, body.Options)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Location", "/api/sessions/"+snap.ID)
	tell(w, http.StatusCreated, snap)
}

// get answers GET /api/sessions/{id}.
func (s sessions) get(w http.ResponseWriter, r *http.Request) {
	id, ok := s.enter(w, r)
	if !ok {
		return
	}
	snap, err := s.service.Snapshot(r.Context(), id)
	switch {
	case err != nil:
		fail(w, err)
	case unmodified(r, snap.Position()):
		w.Header().Set("ETag", etag(snap.Position()))
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusNotModified)
	default:
		tell(w, http.StatusOK, snap)
	}
}

// patch answers PATCH /api/sessions/{id}.
func (s sessions) patch(w http.ResponseWriter, r *http.Request) {
	id, ok := s.enter(w, r)
	if !ok {
		return
	}
	data, ok := readBody(w, r, s.message, typePatch, typeJSON)
	if !ok {
		return
	}
	at, err := condition(r.Context(), r, s.service, id)
	var snap session.Snapshot
	if err == nil {
		snap, err = s.service.Patch(r.Context(), id, data, at)
	}
	if err != nil {
		fail(w, err)
		return
	}
	tell(w, http.StatusOK, snap)
}

// end answers DELETE /api/sessions/{id}.
func (s sessions) end(w http.ResponseWriter, r *http.Request) {
	id, ok := s.enter(w, r)
	if !ok {
		return
	}
	at, err := condition(r.Context(), r, s.service, id)
	if err == nil {
		err = s.service.End(r.Context(), id, at)
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// tell answers with a session, whose entity tag is its position.
func tell(w http.ResponseWriter, status int, snap session.Snapshot) {
	w.Header().Set("ETag", etag(snap.Position()))
	w.Header().Set("Cache-Control", "no-cache")
	answer(w, status, snap)
}

// enter returns the id in the path. With false the request has been refused:
// because there is no such id, or because the session keeps people out and the
// request has no key.
func (s sessions) enter(w http.ResponseWriter, r *http.Request) (id string, ok bool) {
	if id = r.PathValue("id"); !validSession(w, id) {
		return id, false
	}
	if s.keys.Allowed(r) {
		return id, true
	}
	closed, err := s.service.Closed(r.Context(), id)
	switch {
	case err != nil:
		fail(w, err)
	case closed:
		needKey(w, s.keys)
	}
	return id, err == nil && !closed
}

// fail answers with the problem that an error of the service is.
func fail(w http.ResponseWriter, err error) {
	var e *wire.Error
	switch {
	case errors.Is(err, session.ErrExists):
		refuse(w, http.StatusConflict, codeExists, err.Error())
	case errors.Is(err, session.ErrNone):
		refuse(w, http.StatusNotFound, wire.CodeNoSession, err.Error())
	case errors.Is(err, session.ErrMoved):
		refuse(w, http.StatusPreconditionFailed, codeMoved, "the session is not at the position that If-Match names; read it again")
	case errors.Is(err, session.ErrNoPatch):
		w.Header().Set("Allow", "DELETE, GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, codeNoPatch, err.Error())
	case errors.Is(err, session.ErrKeyReused):
		refuse(w, http.StatusUnprocessableEntity, codeKeyReused, err.Error())
	case errors.As(err, &e) && e.Code == wire.CodeForbidden:
		refuse(w, http.StatusForbidden, e.Code, e.Message)
	case errors.As(err, &e):
		refuse(w, http.StatusBadRequest, e.Code, e.Message)
	default:
		later(w, http.StatusServiceUnavailable, wire.CodeUnavailable, "the store is away", 0)
	}
}
