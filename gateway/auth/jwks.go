package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"
)

const (
	jwksWithin = 10 * time.Second // for the issuer to answer
	jwksMost   = 1 << 20          // bytes of its answer
	jwksPause  = 10 * time.Second // between two readings for the sake of unknown keys
)

var (
	errKeysAway   = errors.New("the keys cannot be read")
	errUnknownKey = errors.New("there is no such key")
)

// JWKS are the keys of an issuer (RFC 7517), read from it again and again. A
// token with a key that is not known has them read once more, but not more often
// than every 10 s. While the issuer is away the keys that are known stay good.
// Its methods may be called concurrently.
type JWKS struct {
	url    string
	client *http.Client
	log    *zap.Logger

	keys atomic.Pointer[keyfunc.Keyfunc]

	reading sync.Mutex // held while the keys are read for the sake of an unknown one
	read    time.Time  // when that was; guarded by reading
	failed  error      // what came of it; guarded by reading
}

// NewJWKS reads the keys for the first time.
func NewJWKS(ctx context.Context, url string, log *zap.Logger) (*JWKS, error) {
	j := &JWKS{url: url, log: log, client: &http.Client{Transport: bounded{http.DefaultTransport}}}
	return j, j.load(ctx)
}

// Run reads the keys every interval, until ctx ends.
func (j *JWKS) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := j.load(ctx); err != nil && ctx.Err() == nil {
				j.log.Error("the keys of the tokens' issuer cannot be read; those that are known stay good", zap.Error(err))
			}
		case <-ctx.Done():
			return
		}
	}
}

func (j *JWKS) load(ctx context.Context) error {
	storage, err := jwkset.NewStorageFromHTTP(j.url, jwkset.HTTPClientStorageOptions{Client: j.client, Ctx: ctx, HTTPTimeout: jwksWithin})
	if err != nil {
		return err
	}
	if all, err := storage.KeyReadAll(ctx); err != nil || len(all) == 0 {
		return errors.Join(err, errors.New("the key set has no key that can be used"))
	}
	keys, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage, UseWhitelist: []jwkset.USE{"", jwkset.UseSig}})
	if err != nil {
		return err
	}
	j.keys.Store(&keys)
	return nil
}

// keyfunc finds the key of a token.
func (j *JWKS) keyfunc(ctx context.Context) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		keys := j.keys.Load()
		key, err := (*keys).KeyfuncCtx(ctx)(token)
		if !errors.Is(err, jwkset.ErrKeyNotFound) {
			return key, err
		}
		if err := j.reread(ctx, keys); err != nil {
			return nil, fmt.Errorf("%w: %w", errKeysAway, err)
		}
		key, err = (*j.keys.Load()).KeyfuncCtx(ctx)(token)
		if errors.Is(err, jwkset.ErrKeyNotFound) {
			err = errUnknownKey
		}
		return key, err
	}
}

// reread reads the keys for the sake of one that is not among known, unless that
// was done a moment ago. Whoever waits meanwhile gets the same answer, so it does
// not end with ctx: the one who began it may go away.
func (j *JWKS) reread(ctx context.Context, known *keyfunc.Keyfunc) error {
	j.reading.Lock()
	defer j.reading.Unlock()
	if j.keys.Load() == known && (j.read.IsZero() || time.Since(j.read) >= jwksPause) {
		j.failed = j.load(context.WithoutCancel(ctx))
		j.read = time.Now()
	}
	return j.failed
}

// bounded reads only so much of an answer.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, jwksMost), res.Body}
	}
	return res, err
}
