package loadtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// setUp sees that there is somebody to load, and makes the sessions that a join
// does not make. The errors of all targets are told together.
func (r *run) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Patience+time.Duration(len(r.sessions))*time.Second)
	defer cancel()
	if err := enoughDescriptors(len(r.members)); err != nil {
		return err
	}
	errs := make([]error, len(r.o.Targets))
	var knocks sync.WaitGroup
	for i, t := range r.o.Targets {
		knocks.Go(func() { errs[i] = r.knock(ctx, t) })
	}
	knocks.Wait()
	if err := errors.Join(errs...); err != nil || !r.o.made() {
		return err
	}
	return r.makeSessions(ctx)
}

// knock reports whether somebody listens at a target.
func (r *run) knock(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https" || u.Scheme == "wss":
		port = "443"
	default:
		port = "80"
	}
	conn, err := r.dials(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("-target %s: nobody answers there: %w", target, err)
	}
	return conn.Close()
}

// makeSessions makes all sessions through the HTTP API of the first target.
func (r *run) makeSessions(ctx context.Context) error {
	api := &http.Client{Timeout: r.o.Patience, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: r.dials,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: r.o.Insecure}}}
	defer api.CloseIdleConnections()
	address := apiURL(r.o.Targets[0])
	for _, s := range r.sessions {
		if err := r.makeSession(ctx, api, address, s.id); err != nil {
			return fmt.Errorf("making the session %s by POST %s: %w", s.id, address, err)
		}
	}
	return nil
}

// apiURL is where sessions are made, of the gateway at a target.
func apiURL(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target // it was checked
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	u.Path, u.RawQuery = "/api/sessions", ""
	return u.String()
}

func (r *run) makeSession(ctx context.Context, api *http.Client, address, id string) error {
	body, err := json.Marshal(map[string]any{"id": id, "kind": r.o.Kind})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if r.o.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+r.o.APIKey)
	}
	res, err := api.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	const enough = 500
	text, err := io.ReadAll(io.LimitReader(res.Body, enough))
	if err != nil {
		return err
	}
	switch res.StatusCode {
	case http.StatusCreated:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: %s; it wants an API key: -api-key", res.Status, text)
	case http.StatusConflict:
		return fmt.Errorf("%s: it exists; leave -session out, or name another one", res.Status)
	}
	return fmt.Errorf("%s: %s", res.Status, text)
}
