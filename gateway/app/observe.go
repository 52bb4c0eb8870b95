package app

import (
	"context"
	"sync"

	"github.com/plenum-gateway/plenum/gateway/fleet"
	"github.com/plenum-gateway/plenum/gateway/httpapi"
	"github.com/plenum-gateway/plenum/gateway/stats"
)

// observe makes what tells how the replica and the fleet are doing.
func (a *App) observe(ctx context.Context, version string) {
	sources := stats.Sources{Log: &a.hub.Stats, Sessions: &a.sessions.Stats, Connections: &a.connections.Stats, Census: a.sessions.Census,
		ConnectionLimit: a.settings.Connections, Draining: a.health.Draining, StoreAway: a.health.Away, Ping: &a.health.Ping, Host: stats.NewHost(ctx)}
	replica := stats.Replica{Name: a.settings.Replica, ID: a.sessions.Incarnation(), Version: version, Log: a.logName()}
	if a.redis == nil {
		a.stats = stats.New(replica, sources, nil)
		return
	}
	a.fleet = fleet.New(a.redis, replica.ID)
	sources.Store = a.fleet
	a.stats = stats.New(replica, sources, a.fleet)
}

// startObserving has it run until ctx ends.
func (a *App) startObserving(ctx context.Context, parts *sync.WaitGroup) {
	parts.Go(func() { a.stats.Run(ctx, a.log) })
	if a.fleet != nil {
		parts.Go(func() { a.fleet.WatchStore(ctx) })
		parts.Go(func() { a.fleet.Run(ctx, a.sessions.Serving, a.obey) })
	}
}

// operators is what operators may see and do.
func (a *App) operators() httpapi.Operators {
	o := httpapi.Operators{Sessions: a.sessions, Stats: a.stats, Log: a.log}
	if a.fleet != nil {
		o.Lists, o.Orders = a.fleet, a.fleet
		return o
	}
	alone := &fleet.Alone{ID: a.sessions.Incarnation(), Serving: a.sessions.Serving, Obey: a.obey}
	o.Lists, o.Orders = alone, alone
	return o
}
