package fleet

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/gateway/stats"
)

const (
	storeEvery  = 10 * time.Second
	storeWithin = 2 * time.Second
)

// Figures implements stats.StoreWatch.
func (f *Fleet) Figures() stats.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.store
}

// WatchStore looks at the memory of Redis every 10 s, until ctx ends. What it saw
// last stays while Redis is away.
func (f *Fleet) WatchStore(ctx context.Context) {
	ticker := time.NewTicker(storeEvery)
	defer ticker.Stop()
	for {
		f.lookAtStore(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (f *Fleet) lookAtStore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	var seen stats.Store
	for _, node := range f.nodes() {
		text, err := node.Do(ctx, node.B().Info().Section("memory", "replication").Build()).ToString()
		if err != nil {
			return
		}
		seen = withMaster(seen, text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store = seen
}

// nodes are all that hold data; without a Cluster the one that is asked.
func (f *Fleet) nodes() map[string]rueidis.Client {
	if f.client.Mode() != rueidis.ClientModeCluster {
		return map[string]rueidis.Client{"": f.client}
	}
	return f.client.Nodes()
}

// withMaster adds what INFO says of a master.
func withMaster(s stats.Store, info string) stats.Store {
	fields := make(map[string]string)
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	if fields["role"] != "master" {
		return s
	}
	number := func(name string) float64 {
		n, _ := strconv.ParseFloat(fields[name], 64)
		return n
	}
	used, limit := number("used_memory"), number("maxmemory")
	if limit == 0 {
		limit = number("total_system_memory")
	}
	s.Memory += used
	s.Limit += limit
	if limit > 0 {
		s.Share = max(s.Share, used/limit)
	}
	return s
}
