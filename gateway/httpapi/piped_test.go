package httpapi

import (
	"io"
	"net/http"
)

// piped is a response that somebody reads while it is written.
type piped struct {
	*io.PipeWriter
	from   *io.PipeReader
	header http.Header
}

func newPiped() *piped {
	r, w := io.Pipe()
	return &piped{w, r, make(http.Header)}
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(int)     {}
func (p *piped) Flush()              {}
