package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// Announce tells which sessions this replica serves. What was told before is not
// told again, so it costs Redis as much as sessions have come and gone. It is to be
// called every few seconds, by one goroutine.
func (f *Fleet) Announce(ctx context.Context, sessions []string) error {
	answers := f.client.DoMulti(ctx, f.client.B().Pexpire().Key(f.key("sessions")).Milliseconds(listKept.Milliseconds()).Build(),
		f.client.B().Zcard().Key(f.key("sessions")).Build())
	if err := answers[0].Error(); err != nil {
		return fmt.Errorf("announcing sessions: %w", err)
	}
	if kept, err := answers[1].AsInt64(); err != nil || int(kept) != len(f.announced) {
		f.announced = nil // Redis has forgotten it, or others have taken this replica for dead
	}
	now := make(map[string]struct{}, len(sessions))
	var come, gone []string
	for _, s := range sessions {
		now[s] = struct{}{}
		if _, known := f.announced[s]; !known {
			come = append(come, s)
		}
	}
	for s := range f.announced {
		if _, still := now[s]; !still {
			gone = append(gone, s)
		}
	}
	if err := f.change(ctx, come, gone); err != nil {
		f.announced = nil // told anew, all of it
		return fmt.Errorf("announcing sessions: %w", err)
	}
	f.announced = now
	return nil
}

// atOnce bounds the members of one command.
const atOnce = 1000

func (f *Fleet) change(ctx context.Context, come, gone []string) error {
	var cmds rueidis.Commands
	if f.announced == nil {
		cmds = append(cmds, f.client.B().Del().Key(f.key("sessions")).Build())
	}
	for part := range slices.Chunk(come, atOnce) {
		add := f.client.B().Zadd().Key(f.key("sessions")).ScoreMember()
		for _, s := range part {
			add = add.ScoreMember(0, s)
		}
		cmds = append(cmds, add.Build())
	}
	for part := range slices.Chunk(gone, atOnce) {
		cmds = append(cmds, f.client.B().Zrem().Key(f.key("sessions")).Member(part...).Build())
	}
	if len(cmds) == 0 {
		return nil
	}
	cmds = append(cmds, f.client.B().Pexpire().Key(f.key("sessions")).Milliseconds(listKept.Milliseconds()).Build())
	for _, res := range f.client.DoMulti(ctx, cmds...) {
		if err := res.Error(); err != nil {
			return err
		}
	}
	return nil
}

// Starting returns the ids, in order, of sessions that some replica serves and that
// begin with prefix and come after another one; at most limit.
func (f *Fleet) Starting(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	from, to := "-", "+"
	if prefix != "" {
		from, to = "["+prefix, "("+prefix+"\xff"
	}
	if after != "" && after >= prefix {
		from = "(" + after
	}
	return f.merge(ctx, limit, func(key string) rueidis.Completed {
		return f.client.B().Zrange().Key(key).Min(from).Max(to).Bylex().Limit(0, int64(limit)).Build()
	})
}

// merge asks for the lists of all replicas and returns the first of them together.
func (f *Fleet) merge(ctx context.Context, limit int, ask func(key string) rueidis.Completed) ([]string, error) {
	leases, err := f.log.Leases(ctx)
	if err != nil {
		return nil, err
	}
	var cmds rueidis.Commands
	for _, l := range leases {
		if l.Ended == 0 {
			cmds = append(cmds, ask(f.log.Key(l.ID, "sessions")))
		}
	}
	var all []string
	for _, res := range f.client.DoMulti(ctx, cmds...) {
		some, err := res.AsStrSlice()
		if err != nil {
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(limit, len(all))], nil
}

// scanned bounds how many ids of a replica a search looks at in one call.
const scanned = 2000

// Containing returns ids that have text in them, in order, and come after another
// one; at most limit. It looks at all sessions that are served, a few thousand at a
// time, and stops when it has enough, or when ctx ends.
func (f *Fleet) Containing(ctx context.Context, text, after string, limit int) ([]string, error) {
	var found []string
	for len(found) < limit {
		page, err := f.Starting(ctx, "", after, scanned)
		if err != nil {
			return nil, err
		}
		for _, id := range page {
			if strings.Contains(id, text) {
				found = append(found, id)
			}
		}
		if len(page) < scanned {
			break
		}
		after = page[len(page)-1]
	}
	return found[:min(limit, len(found))], nil
}
