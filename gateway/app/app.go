// Package app is the program: it reads the settings, wires the packages, and
// starts and stops them in order. It is the one package that knows the others.
package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/fanout/memlog"
	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/connection"
	"github.com/plenum-gateway/plenum/gateway/fleet"
	"github.com/plenum-gateway/plenum/gateway/httpapi"
	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/gateway/kind/broadcast"
	"github.com/plenum-gateway/plenum/gateway/kind/document"
	"github.com/plenum-gateway/plenum/gateway/kind/estimation"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/stats"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// kinds are all that this gateway has.
var kinds = []kind.Kind{broadcast.Kind{}, document.Kind{}, estimation.Kind{}}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.Name())
	}
	return names
}

// App is one replica. Make it with [New], then call [App.Run].
type App struct {
	settings Settings
	log      *zap.Logger

	redis       *redislog.Log // nil with the embedded log
	hub         *fanout.Hub
	sessions    *session.Service
	connections *connection.Server
	http        *http.Server
	listener    net.Listener
	health      httpapi.Health
	keys        *auth.JWKS // nil without one
	systemd     systemd
	stats       *stats.Collector
	fleet       *fleet.Fleet // nil with the embedded log
	resting     resting
}

// New connects and listens, and starts nothing yet. The error says what to do
// about it.
func New(ctx context.Context, s Settings, version string, log *zap.Logger) (*App, error) {
	manager, err := underSystemd(os.Getenv)
	if err != nil {
		return nil, err
	}
	a := &App{settings: s, log: log, systemd: manager}
	tokens, err := a.tokens(ctx)
	if err != nil {
		return nil, err
	}
	store, err := a.openLog(ctx)
	if err != nil {
		return nil, err
	}
	a.sessions = session.New(session.Options{Replica: s.Replica, Kinds: kinds, DefaultKind: s.SessionKind,
		CreateOnJoin: s.SessionCreate == "join", Capacity: s.SessionCapacity, Grace: s.Grace, Offline: s.SessionOffline, SeatTTL: s.SessionTTL,
		Welcome: wire.Welcome{Heartbeat: s.HeartbeatInterval.Milliseconds(), Frame: s.FrameInterval.Milliseconds(),
			Limits: wire.Limits{Message: s.MessageLimit, Backlog: s.Backlog}}})
	a.hub = fanout.New(store, connection.Codec{}, a.sessions.Owner, fanout.Options{FrameInterval: s.FrameInterval,
		FrameBurst: s.FrameBurst, CompressOver: s.CompressOver, Piece: s.Backlog / 2})
	a.sessions.Attach(a.hub)
	a.connections, err = connection.New(a.sessions, connection.Options{MessageLimit: s.MessageLimit, Backlog: s.Backlog,
		Rate: s.Rate, RateBurst: s.RateBurst, Connections: s.Connections, Handshakes: s.Handshakes, JoinTimeout: s.JoinTimeout,
		Heartbeat: s.HeartbeatInterval, Timeout: s.HeartbeatTimeout, Misses: s.HeartbeatMisses, Origins: s.Origins,
		Proxies: s.proxies(), AddressHandshakes: s.AddressHandshakes, AddressConnections: s.AddressConnections, Tokens: tokens}, log)
	if err != nil {
		a.closeLog()
		return nil, fmt.Errorf("watching connections: %w", err)
	}
	a.health.Store = func(ctx context.Context) error {
		if a.redis == nil {
			return nil
		}
		return a.redis.Ping(ctx)
	}
	a.observe(ctx, version)
	routes := httpapi.Routes(httpapi.Parts{WebSocket: a.connections, Sessions: a.sessions, Health: &a.health, Version: version,
		Access: s.access(), Operators: a.operators(), Message: s.MessageLimit})
	a.http = &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: zap.NewStdLog(log)}
	if a.listener, err = net.Listen("tcp", s.Listen); err != nil {
		a.closeLog()
		return nil, fmt.Errorf("%sLISTEN=%q: %w", prefix, s.Listen, err)
	}
	return a, nil
}

func (a *App) openLog(ctx context.Context) (fanout.Log, error) {
	s := &a.settings
	if s.RedisURL == "" {
		return memlog.New(memlog.Options{History: s.History, TTL: s.SessionTTL}), nil
	}
	roots, err := readRoots(s.RedisCA)
	if err != nil {
		return nil, fmt.Errorf("%sREDIS_CA: %w", prefix, err)
	}
	a.redis, err = redislog.Open(ctx, redislog.Options{URL: s.RedisURL, Password: s.RedisPassword, Roots: roots,
		SentinelUser: s.RedisSentinelUser, SentinelPassword: s.RedisSentinelPassword, History: s.History, TTL: s.SessionTTL})
	if err != nil {
		return nil, fmt.Errorf("%sREDIS_URL: %w", prefix, err)
	}
	return a.redis, nil
}

// Addr is where the replica listens.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// Run serves until stop ends, then drains; it hurries when now ends. It returns
// when everything that it started has ended.
func (a *App) Run(stop, now context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	err := a.start(ctx, &parts)
	if err != nil {
		err = fmt.Errorf("cannot start: %w", err)
	} else {
		err = a.serve(stop, now)
	}
	a.http.Close()
	a.listener.Close() // if it has not come to serving
	cancel()
	parts.Wait()
	a.closeLog()
	return err
}

func (a *App) closeLog() {
	if a.redis != nil {
		a.redis.Close()
	}
}

// start has the parts run until ctx ends.
func (a *App) start(ctx context.Context, parts *sync.WaitGroup) error {
	parts.Go(func() { a.hub.Run(ctx) })
	parts.Go(func() { a.connections.Run(ctx) })
	parts.Go(func() { a.health.Watch(ctx, a.log) })
	if a.keys != nil {
		parts.Go(func() { a.keys.Run(ctx, a.settings.AuthJWKSRefresh) })
	}
	parts.Go(func() { a.systemd.live(ctx) })
	a.startObserving(ctx, parts)
	limit, known := descriptors()
	if advice := descriptorAdvice(a.settings.Connections, limit, known); advice != "" {
		a.log.Warn("the system is set up too small", zap.String("advice", advice))
	}
	if a.redis == nil {
		return nil
	}
	parts.Go(func() { a.redis.Run(ctx) })
	if err := a.sessions.Enlist(ctx, a.redis); err != nil {
		return fmt.Errorf("%sREDIS_URL: %w", prefix, err)
	}
	parts.Go(func() { a.sessions.Watch(ctx, a.redis, a.fleet) })
	for _, advice := range a.redis.Advice(ctx) {
		a.log.Warn("redis is set up dangerously", zap.String("advice", advice))
	}
	return nil
}

// serve answers requests until stop ends, and then drains.
func (a *App) serve(stop, now context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- a.http.Serve(a.listener) }() // ends with http.Close, at the latest
	for _, warning := range a.settings.exposed() {
		a.log.Warn("open to everybody", zap.String("advice", warning))
	}
	a.log.Info("serving", zap.String("address", a.Addr().String()), zap.String("replica", a.settings.Replica),
		zap.String("log", a.logName()))
	a.systemd.tell("READY=1")
	select {
	case err := <-failed:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-stop.Done():
	}
	a.drain(now)
	return nil
}

// drain moves the members elsewhere, step by step, within the timeout; when now
// ends it cuts the waits short.
func (a *App) drain(now context.Context) {
	began := time.Now()
	goodbye := min(a.settings.DrainTimeout/4, 10*time.Second) // for close handshakes and the last appends
	ctx, cancel := context.WithTimeout(now, a.settings.DrainTimeout-goodbye)
	defer cancel()
	a.endRest()
	a.log.Info("draining", zap.Int64("connections", a.connections.Stats.Open.Load()))
	a.systemd.tell("STOPPING=1")
	a.health.Drain()
	a.connections.Drain(ctx, a.settings.DrainRate)

	end, cancelEnd := context.WithTimeout(context.Background(), goodbye)
	defer cancelEnd()
	hurry := context.AfterFunc(now, func() { time.AfterFunc(goodbyeHurried, cancelEnd) })
	defer hurry()
	a.connections.CloseAll(end)
	a.sessions.Stop(end)
	a.http.Shutdown(end) // what is left by then is closed right after
	a.log.Info("stopped", zap.Duration("after", time.Since(began)))
}

// goodbyeHurried is for the close frames to leave when there is no time.
const goodbyeHurried = 500 * time.Millisecond

func (a *App) logName() string {
	if a.redis == nil {
		return "embedded"
	}
	return "redis " + a.redis.Mode()
}

func randomSuffix() string { return strings.ToLower(rand.Text()[:4]) }
