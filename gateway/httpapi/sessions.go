package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// sessions answers the requests about sessions.
type sessions struct{ service *session.Service }

// create answers POST /api/sessions.
func (s sessions) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ID      string          `json:"id"`
		Kind    string          `json:"kind"`
		Options json.RawMessage `json:"options"`
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		problem(w, http.StatusRequestEntityTooLarge, "the body may have at most 1 MiB")
		return
	}
	if err := json.Unmarshal(data, &body); err != nil {
		problem(w, http.StatusBadRequest, `the body must be {"kind": string, "id": string, "options": any}: `+err.Error())
		return
	}
	snap, err := s.service.Create(r.Context(), body.ID, body.Kind, body.Options)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Location", "/api/sessions/"+snap.ID)
	answer(w, http.StatusCreated, snap)
}

// get answers GET /api/sessions/{id}.
func (s sessions) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !wire.ValidSessionID(id) {
		problem(w, http.StatusBadRequest, "a session id has 1 to 64 characters of A-Z a-z 0-9 _ -")
		return
	}
	snap, err := s.service.Snapshot(r.Context(), id)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, snap)
}

// refuse answers with the problem that an error of the service is.
func refuse(w http.ResponseWriter, err error) {
	var e *wire.Error
	switch {
	case errors.Is(err, session.ErrExists):
		problem(w, http.StatusConflict, err.Error())
	case errors.Is(err, session.ErrNone):
		problem(w, http.StatusNotFound, err.Error())
	case errors.As(err, &e):
		problem(w, http.StatusBadRequest, e.Message)
	default:
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, "the store is away")
	}
}
