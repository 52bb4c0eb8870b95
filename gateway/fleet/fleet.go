// Package fleet is what the replicas tell each other through Redis beside the
// sessions: a report of each, which sessions each serves, and what an operator
// wants of one. It costs Redis a few small commands for each replica every 2 s.
//
// All keys of a replica share a hash tag, are named by its incarnation (another one
// after a restart), and expire by themselves:
//
//	plenum:{r:<incarnation>}:report     string  the report, JSON
//	plenum:{r:<incarnation>}:order      string  what an operator wants of it
//	plenum:{r:<incarnation>}:sessions   sorted set, all scores 0: ids of the sessions it serves
package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/fanout/redislog"
	"github.com/plenum-gateway/plenum/gateway/stats"
)

const (
	reportKept = time.Hour        // also behind the end of a lease: it says who is lost
	orderKept  = 30 * time.Second // a replica that does not take it by then is gone
	listKept   = time.Hour        // the same: the others see to these sessions
)

// Fleet is the fleet as one replica sees it. Its methods may be called concurrently,
// except Announce.
type Fleet struct {
	log    *redislog.Log
	client rueidis.Client
	id     string // the incarnation of this replica

	announced map[string]struct{} // what Announce has told; its caller's

	mu    sync.Mutex // guards the following
	store stats.Store
}

// New returns the fleet as the replica with an incarnation sees it.
func New(log *redislog.Log, id string) *Fleet {
	return &Fleet{log: log, client: log.Client(), id: id}
}

func (f *Fleet) key(part string) string { return f.log.Key(f.id, part) }

// Report implements stats.Fleet.
func (f *Fleet) Report(ctx context.Context, report []byte) error {
	set := f.client.B().Set().Key(f.key("report")).Value(rueidis.BinaryString(report)).Px(reportKept).Build()
	if err := f.client.Do(ctx, set).Error(); err != nil {
		return fmt.Errorf("leaving the report: %w", err)
	}
	return nil
}

// Count implements stats.Fleet.
func (f *Fleet) Count(ctx context.Context, recently time.Duration) (alive, ended int, err error) {
	leases, err := f.log.Leases(ctx)
	for _, l := range leases {
		switch {
		case l.Ended == 0:
			alive++
		case l.Ended < recently:
			ended++
		}
	}
	return alive, ended, err
}

// Gather implements stats.Fleet.
func (f *Fleet) Gather(ctx context.Context) ([]stats.Left, error) {
	leases, err := f.log.Leases(ctx)
	if err != nil || len(leases) == 0 {
		return nil, err
	}
	cmds := make(rueidis.Commands, 0, len(leases))
	for _, l := range leases {
		cmds = append(cmds, f.client.B().Get().Key(f.log.Key(l.ID, "report")).Build())
	}
	left := make([]stats.Left, 0, len(leases))
	for i, res := range f.client.DoMulti(ctx, cmds...) {
		report, err := res.AsBytes()
		switch {
		case rueidis.IsRedisNil(err): // it has just begun
		case err != nil:
			return nil, fmt.Errorf("reading the reports: %w", err)
		default:
			left = append(left, stats.Left{ID: leases[i].ID, Report: report, Ended: leases[i].Ended})
		}
	}
	return left, nil
}

// Order leaves what an operator wants of a replica. It takes it within a few seconds.
func (f *Fleet) Order(ctx context.Context, id, order string) error {
	set := f.client.B().Set().Key(f.log.Key(id, "order")).Value(order).Px(orderKept).Build()
	if err := f.client.Do(ctx, set).Error(); err != nil {
		return fmt.Errorf("leaving the order: %w", err)
	}
	return nil
}

// Take returns what is wanted of this replica; each order once. Empty: nothing.
func (f *Fleet) Take(ctx context.Context) (string, error) {
	order, err := f.client.Do(ctx, f.client.B().Getdel().Key(f.key("order")).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for an order: %w", err)
	}
	return order, nil
}

// Leave takes out what this replica has in Redis, when it ends.
func (f *Fleet) Leave(ctx context.Context) error {
	del := f.client.B().Del().Key(f.key("report"), f.key("order"), f.key("sessions")).Build()
	return f.client.Do(ctx, del).Error()
}
