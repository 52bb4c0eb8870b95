package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// etag is a position as an entity tag (RFC 9110, section 8.8.3).
func etag(at wire.Position) string {
	return `"` + at.Epoch + "-" + strconv.FormatUint(at.Offset, 10) + `"`
}

// tags splits a list of entity tags. Ours have no commas.
func tags(lines []string) (found []string) {
	for tag := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			found = append(found, tag)
		}
	}
	return found
}

// position is the position that a strong entity tag stands for.
func position(tag string) (at wire.Position, ok bool) {
	text, found := strings.CutPrefix(tag, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	cut := strings.LastIndexByte(text, '-')
	if !found || !closed || cut < 1 {
		return at, false
	}
	offset, err := strconv.ParseUint(text[cut+1:], 10, 64)
	return wire.Position{Epoch: text[:cut], Offset: offset}, err == nil
}

// unmodified reports whether If-None-Match names a position (RFC 9110, section
// 13.1.2).
func unmodified(r *http.Request, at wire.Position) bool {
	for _, tag := range tags(r.Header.Values("If-None-Match")) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag(at) {
			return true
		}
	}
	return false
}

// condition is the position at which If-Match (RFC 9110, section 13.1.1) lets a
// change happen; nil is any. It is session.ErrMoved if there is none. Of several
// it is the one where the session stands.
func condition(ctx context.Context, r *http.Request, service *session.Service, id string) (*wire.Position, error) {
	lines := r.Header.Values("If-Match")
	if len(lines) == 0 {
		return nil, nil
	}
	named := tags(lines)
	if len(named) == 1 {
		if named[0] == "*" {
			return nil, nil
		}
		if at, ok := position(named[0]); ok {
			return &at, nil
		}
	}
	now, err := service.Snapshot(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, tag := range named {
		if at, ok := position(tag); ok && at == now.Position() {
			return &at, nil
		}
	}
	return nil, session.ErrMoved
}
