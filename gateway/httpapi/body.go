package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Media types of bodies.
const (
	typeJSON  = "application/json"
	typePatch = "application/merge-patch+json" // RFC 7396
)

// readBody reads a JSON body of at most so many bytes. With false it has been
// refused. A body is never decompressed: it would cost more than it took to send.
func readBody(w http.ResponseWriter, r *http.Request, most int, types ...string) ([]byte, bool) {
	if encoding := strings.Join(r.Header.Values("Content-Encoding"), ", "); encoding != "" && !strings.EqualFold(encoding, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		refuse(w, http.StatusUnsupportedMediaType, codeEncoding, "a body must come as it is, without Content-Encoding")
		return nil, false
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || !slices.Contains(types, media) {
		if slices.Contains(types, typePatch) {
			w.Header().Set("Accept-Patch", strings.Join(types, ", "))
		}
		refuse(w, http.StatusUnsupportedMediaType, codeMediaType, "the Content-Type must be "+strings.Join(types, " or "))
		return nil, false
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		refuse(w, http.StatusRequestEntityTooLarge, wire.CodeTooBig, "the body may have at most "+strconv.Itoa(most)+" bytes")
		return nil, false
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusRequestTimeout, codeBodyTimeout, "the body must come within "+bodyWithin.String())
		return nil, false
	case err != nil:
		refuse(w, http.StatusBadRequest, codeBodyBroken, "the body broke off")
		return nil, false
	}
	if err := wire.CheckJSON(data); err != nil {
		refuse(w, http.StatusBadRequest, wire.CodeMalformed, "the body cannot be taken: "+err.(*wire.Error).Message)
		return nil, false
	}
	return bytes.Trim(data, " \t\r\n"), true // a value that is told apart by its first byte
}
