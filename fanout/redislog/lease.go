package redislog

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

//go:embed renew.lua
var renewSource string

//go:embed leases.lua
var leasesSource string

var (
	renewScript  = rueidis.NewLuaScript(renewSource)
	leasesScript = rueidis.NewLuaScriptReadOnly(leasesSource)
)

// remembered is how long an ended lease stays in the set.
const remembered = time.Hour

// Renew extends the lease of a process, by the clock of Redis, and returns all
// that are alive. late tells that the own lease had ended, or is new. With a
// ttl of 0 the lease is given up.
func (l *Log) Renew(ctx context.Context, id string, ttl time.Duration) (alive []string, late bool, err error) {
	values, err := renewScript.Exec(ctx, l.client, []string{l.prefix + ":replicas"},
		[]string{id, strconv.FormatInt(ttl.Milliseconds(), 10), strconv.FormatInt(remembered.Milliseconds(), 10)}).ToArray()
	if err != nil {
		return nil, false, unavailable("renewing the lease", err)
	}
	ended, err := values[0].AsInt64()
	if err != nil {
		return nil, false, err
	}
	alive, err = values[1].AsStrSlice()
	return alive, ended == 1, err
}

// Lease is that of one process.
type Lease struct {
	ID    string
	Ended time.Duration // how long ago, by the clock of Redis; 0: the process is alive
}

// Leases returns all leases, in no order: also those that have ended within an hour
// and were not given up.
func (l *Log) Leases(ctx context.Context) ([]Lease, error) {
	values, err := leasesScript.Exec(ctx, l.client, []string{l.prefix + ":replicas"}, nil).ToArray()
	if err != nil {
		return nil, unavailable("reading the leases", err)
	}
	leases := make([]Lease, 0, len(values)/2)
	for i := 0; i+1 < len(values); i += 2 {
		id, err := values[i].ToString()
		if err != nil {
			return nil, err
		}
		ended, err := values[i+1].AsInt64()
		if err != nil {
			return nil, err
		}
		leases = append(leases, Lease{id, time.Duration(ended) * time.Millisecond})
	}
	return leases, nil
}

// Key names a key beside those of the sessions, for what one process keeps there.
// Those of one process share a hash tag.
func (l *Log) Key(process, part string) string {
	return l.prefix + ":{r:" + process + "}:" + part
}
