package fleet

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

// Orphans implements session.Estate.
func (f *Fleet) Orphans(ctx context.Context, n int) ([]string, error) {
	dead, err := f.dead(ctx)
	if err != nil {
		return nil, err
	}
	var orphans []string
	for _, id := range dead {
		if len(orphans) == n {
			break
		}
		draw := f.client.B().Zrandmember().Key(f.log.Key(id, "sessions")).Count(int64(n - len(orphans))).Build()
		some, err := f.client.Do(ctx, draw).AsStrSlice()
		if err != nil {
			return nil, fmt.Errorf("looking for orphans: %w", err)
		}
		orphans = append(orphans, some...)
	}
	return orphans, nil
}

// Settle implements session.Estate.
func (f *Fleet) Settle(ctx context.Context, sessions []string) error {
	dead, err := f.dead(ctx)
	if err != nil || len(dead) == 0 || len(sessions) == 0 {
		return err
	}
	cmds := make(rueidis.Commands, 0, len(dead))
	for _, id := range dead {
		cmds = append(cmds, f.client.B().Zrem().Key(f.log.Key(id, "sessions")).Member(sessions...).Build())
	}
	for _, res := range f.client.DoMulti(ctx, cmds...) {
		if err := res.Error(); err != nil {
			return fmt.Errorf("settling orphans: %w", err)
		}
	}
	return nil
}

// dead are the replicas whose leases have ended without being given up.
func (f *Fleet) dead(ctx context.Context) (ids []string, err error) {
	leases, err := f.log.Leases(ctx)
	for _, l := range leases {
		if l.Ended > 0 {
			ids = append(ids, l.ID)
		}
	}
	return ids, err
}
