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

var renewScript = rueidis.NewLuaScript(renewSource)

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
