package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/limit"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// guard is who may use a route.
type guard int

const (
	open     guard = iota // everybody, at any rate
	read                  // who may read sessions, see [Access]
	write                 // who may change sessions
	operator              // who has an API key
)

// route is one line of the table in [Routes].
type route struct {
	pattern string // method and path, as http.ServeMux has them; without a method it is all that no other line has
	guard   guard
	serve   http.HandlerFunc
}

// Access is who may use the HTTP API. Its zero value lets everybody do
// everything but what operators do.
type Access struct {
	Keys auth.Keys
	// Members tells that members have to prove who they are. Then reading and
	// writing over HTTP needs a key too: it must not be a way around that.
	Members bool
	// Reading needs a key also where members need no token.
	KeyToRead bool
	Origins   auth.Origins  // of pages that may write
	Proxies   limit.Proxies // that are believed for whom they ask
	Rates     *Rates        // nil: no limit
}

// Rates are limits of requests of one API key, or of one address without a key.
type Rates = limit.Rates[Caller]

// Caller is what a rate is counted for.
type Caller struct {
	key     int // index of the API key, from 1; 0 without one
	address netip.Prefix
}

const (
	bodyWithin  = 15 * time.Second // for a client to send a body
	takenWithin = 30 * time.Second // for a client to take an answer; a route that streams sets its own
)

// handler answers the routes of a table. Paths that it lacks get 404, methods
// 405; all refusals are problems.
func (a Access) handler(table []route) http.Handler {
	paths := make(map[string]map[string]route)
	for _, r := range table {
		method, path, ok := strings.Cut(r.pattern, " ")
		if !ok {
			method, path = "", r.pattern
		}
		if paths[path] == nil {
			paths[path] = make(map[string]route)
		}
		paths[path][method] = r
	}
	mux := http.NewServeMux()
	for path, methods := range paths {
		mux.HandleFunc(path, a.methods(methods))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &problems{ResponseWriter: w}
		now, control := time.Now(), http.NewResponseController(w)
		_ = control.SetWriteDeadline(now.Add(takenWithin)) // a test's recorder has no deadlines
		body := &unread{ReadCloser: r.Body, ended: r.ContentLength == 0}
		if !body.ended {
			_ = control.SetReadDeadline(now.Add(bodyWithin))
			r = r.WithContext(r.Context()) // a copy: net/http goes by the type of its own request's body
			r.Body = body
		}
		mux.ServeHTTP(p, r)
		p.replace("there is nothing here")
		if p.refused {
			body.linger(control)
		}
	})
}

// methods answers the methods of one path.
func (a Access) methods(methods map[string]route) http.HandlerFunc {
	var allowed []string
	for method := range methods {
		if method == "" {
			continue
		}
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		found, ok := methods[method]
		if !ok {
			found, ok = methods[""]
		}
		if !ok {
			w.Header().Set("Allow", allow)
			refuse(w, http.StatusMethodNotAllowed, codeWrongMethod, "this path has the methods "+allow)
			return
		}
		if a.admits(w, r, found.guard) {
			found.serve(w, r)
		}
	}
}

// admits reports whether a request may use a route, and refuses it if not.
func (a Access) admits(w http.ResponseWriter, r *http.Request, g guard) bool {
	if g == open {
		return true
	}
	key := a.Keys.Which(r)
	if !a.inTime(w, r, key) {
		return false
	}
	if key < 0 && a.needsKey(g) {
		needKey(w, a.Keys)
		return false
	}
	if safe := r.Method == http.MethodGet || r.Method == http.MethodHead; !safe && !a.Origins.Allow(r) {
		refuse(w, http.StatusForbidden, wire.CodeOrigin, "pages of this origin may not write here; PLENUM_ORIGINS names those that may")
		return false
	}
	return true
}

// needKey refuses a request for want of an API key.
func needKey(w http.ResponseWriter, keys auth.Keys) {
	if !keys.Configured() {
		refuse(w, http.StatusForbidden, codeKeyUnset, "this needs an API key, and the gateway has none: set PLENUM_API_KEYS")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="plenum"`)
	refuse(w, http.StatusUnauthorized, codeKeyRequired, "this needs a valid API key: Authorization: Bearer <key>")
}

func (a Access) needsKey(g guard) bool {
	switch g {
	case read:
		return a.Members || a.KeyToRead
	case write:
		return a.Members || a.Keys.Configured()
	}
	return true
}

// inTime counts a request, and refuses it if it is past the rate.
func (a Access) inTime(w http.ResponseWriter, r *http.Request, key int) bool {
	if a.Rates == nil {
		return true
	}
	caller := Caller{key: key + 1}
	if key < 0 {
		caller.address = limit.Group(a.Proxies.Client(r))
	}
	wait := a.Rates.Take(caller, time.Now())
	if wait == 0 {
		return true
	}
	later(w, http.StatusTooManyRequests, wire.CodeSlowDown, "more requests than one API key, or one address without a key, may send", wait)
	return false
}
