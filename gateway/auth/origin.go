package auth

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Origins are patterns of the origins whose pages may connect, beside the
// gateway's own: with "://" they match scheme and host, else the host; "*" is
// everyone.
type Origins []string

// Allow reports whether a request comes from no page, from a page of the
// gateway itself, or from one whose origin matches.
func (o Origins) Allow(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return slices.Contains(o, "*")
	}
	if u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, pattern := range o {
		target := u.Host
		if strings.Contains(pattern, "://") {
			target = u.Scheme + "://" + u.Host
		}
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(target)); ok || pattern == "*" {
			return true
		}
	}
	return false
}
