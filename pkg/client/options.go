package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Options say what a [Client] connects to and whom it tells. Only URLs, Session
// and, for a new seat, Name are required. The callbacks are called one at a
// time, from the goroutine of [Client.Run]; one that blocks stops the client
// from reading. They may call every method that does not wait.
type Options struct {
	// URLs are the addresses of gateways, or of what stands before them: ws,
	// wss, http or https. Without a path they get /api/websocket. The first is
	// drawn at random; every further connection takes the next in turn.
	URLs    []string
	Session string

	Name     string         // display name
	Seat     string         // the secret of an earlier welcome, to come back as the same member
	Since    *wire.Position // with Seat: what this program has applied already
	Role     string         // where the session's kind has roles
	Passcode string         // where the session asks for one

	// Token returns a token, where the operator asks for one. It is called
	// before every join, and when the gateway says that the one in use is about
	// to end: the new one takes its place without a new connection. Its context
	// ends with Timeout. It is called by other goroutines than the callbacks.
	Token func(ctx context.Context) (string, error)

	Gzip       bool         // take large messages compressed
	Header     http.Header  // of the handshake
	HTTPClient *http.Client // for proxies, TLS and own dialing; clients may share one

	Outbox     int           // most requests that wait to be settled; 256 if 0
	Retry      bool          // send again, under a new ref and behind the others, what is refused with retry:true
	MaxMessage int64         // most bytes of a received message, decompressed; 16 MiB if 0
	Timeout    time.Duration // for a handshake until the welcome, and past two heartbeats until silence is death; 10 s if 0
	Backoff    Backoff
	Rand       func() float64 // from [0,1), for jitter and the first address; must be safe for concurrent use

	OnStatus  func(Status)
	OnWelcome func(*wire.Welcome)
	// OnState replaces all that is known: its session's offset is where the
	// next events continue.
	OnState func(State)
	// OnEvents gets events in offset order, none missing, each once, over all
	// reconnects, and between them ephemeral ones (Offset 0), which may be
	// missed. The slice and its contents are the callee's to keep.
	OnEvents  func([]wire.Event)
	OnPrivate func(*wire.Private)
	// OnSettled tells the outcome of each publish and command.
	OnSettled func(Settled)
	// OnError tells of a refusal that belongs to no request (a [*wire.Error]),
	// and of a gateway that broke the protocol ([ErrProtocol]), after which the
	// client connects anew.
	OnError func(error)
}

// Backoff bounds the waits before a connection is tried again. Each is drawn
// evenly from 0 to a bound: First after a connection that worked, then Min,
// doubled with each failure, up to Max.
type Backoff struct {
	First time.Duration // 100 ms if 0
	Min   time.Duration // 200 ms if 0
	Max   time.Duration // 5 s if 0
}

// storeAway is the least wait after [wire.CloseStoreAway].
const storeAway = 5 * time.Second

// wait returns how long to wait after a number of failures in a row, the last
// of which is err.
func (b Backoff) wait(failures int, err error, random func() float64) time.Duration {
	bound := b.First
	if failures > 0 {
		bound = min(b.Max, b.Min<<min(failures-1, 30))
	}
	least := time.Duration(0)
	if closed, ok := errors.AsType[*Closed](err); ok {
		switch closed.Code {
		case wire.CloseTooFast:
			least = wire.ParseWait(closed.Reason)
			if closed.Err != nil {
				least = max(least, closed.Err.After)
			}
		case wire.CloseStoreAway:
			least, bound = storeAway, b.Max
		}
	}
	return least + time.Duration(random()*float64(bound))
}

// defaultHTTPClient has small buffers: they serve the handshake only.
var defaultHTTPClient = &http.Client{Transport: &http.Transport{
	Proxy:           http.ProxyFromEnvironment,
	DialContext:     (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	ReadBufferSize:  1 << 10,
	WriteBufferSize: 1 << 10,
}}

// withDefaults returns o checked and complete.
func (o Options) withDefaults() (Options, error) {
	if !wire.ValidSessionID(o.Session) {
		return o, fmt.Errorf("plenum client: session %q must be 1 to %d characters of A-Z a-z 0-9 _ -", o.Session, wire.MaxSessionID)
	}
	if o.Name != "" {
		if _, err := wire.CheckName(o.Name); err != nil {
			return o, fmt.Errorf("plenum client: %w", err)
		}
	}
	if len(o.URLs) == 0 {
		return o, errors.New("plenum client: URLs must name at least one address")
	}
	urls := make([]string, len(o.URLs))
	for i, u := range o.URLs {
		full, err := sessionURL(u, o.Session)
		if err != nil {
			return o, fmt.Errorf("plenum client: address %q: %w", u, err)
		}
		urls[i] = full
	}
	o.URLs = urls
	if o.HTTPClient == nil {
		o.HTTPClient = defaultHTTPClient
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	or(&o.Outbox, 256)
	or(&o.MaxMessage, 16<<20)
	or(&o.Timeout, 10*time.Second)
	or(&o.Backoff.First, 100*time.Millisecond)
	or(&o.Backoff.Min, 200*time.Millisecond)
	or(&o.Backoff.Max, 5*time.Second)
	return o, nil
}

func or[T int | int64 | time.Duration](value *T, def T) {
	if *value <= 0 {
		*value = def
	}
}

func sessionURL(address, session string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return "", errors.New("the scheme must be ws, wss, http or https")
	}
	if u.Host == "" {
		return "", errors.New("the host is missing")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/api/websocket"
	}
	query := u.Query()
	query.Set("session", session)
	u.RawQuery = query.Encode()
	return u.String(), nil
}
