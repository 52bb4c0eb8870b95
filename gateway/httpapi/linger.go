package httpapi

import (
	"io"
	"net/http"
)

// lingerBytes are read, and dropped, of a body whose request has been answered.
// Past them a client that will not stop finds its connection closed.
const lingerBytes = 16 << 20

// unread is a request's body that remembers whether anything of it may be left.
type unread struct {
	io.ReadCloser
	ended bool
}

func (u *unread) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	u.ended = u.ended || err != nil
	return n, err
}

// linger sends a refusal at once and drops what the client still sends. Closing
// on it would reset the connection, and the client would lose the answer (RFC
// 9112, section 9.6); net/http waits only where it does not know that the
// connection ends anyway, so not after Connection: close. The request's deadline
// bounds it.
func (u *unread) linger(control *http.ResponseController) {
	if u.ended {
		return
	}
	_ = control.EnableFullDuplex() // else it reads before it answers; a test's recorder cannot
	if control.Flush() == nil {
		_, _ = io.CopyN(io.Discard, u, lingerBytes)
	}
}
