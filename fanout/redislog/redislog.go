// Package redislog is a session log in Redis (7.0 or newer): standalone, with
// Sentinel, or a Cluster.
//
// Each session has five keys that share a hash tag, so that one script touches
// one slot. An append is one script call and one round trip: it recognises
// repeated refs, compares the revision, writes the state, gives the events
// their offsets, adds them to the session's stream, and publishes the same
// bytes. Everything expires. Each replica of the program hears of all its
// sessions over one connection; in a Cluster, over sharded pub/sub, one to each
// shard.
package redislog

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/plenum-gateway/plenum/fanout"
)

//go:embed append.lua
var appendSource string

//go:embed read.lua
var readSource string

var (
	appendScript = rueidis.NewLuaScript(appendSource)
	readScript   = rueidis.NewLuaScriptReadOnly(readSource)
)

// Options of a log. The zero value of each but URL means its default.
type Options struct {
	URL      string         // as rueidis.ParseURL reads it
	Password string         // where the URL has none
	Roots    *x509.CertPool // that Redis's certificate is verified with, where the URL asks for TLS; nil: the system's
	Prefix   string         // of all keys and channels; "plenum"
	History  int            // events kept of a session, at least; 1000
	TTL      time.Duration  // a session that nobody uses is forgotten after it; 24 h
	Timeout  time.Duration  // a Redis that is silent for so long counts as away; 5 s

	// Where sentinels ask for a user; they are not told that of the URL.
	SentinelUser, SentinelPassword string
}

// Log implements fanout.Log. Its methods may be called concurrently. Call
// [Log.Run] before it is used, and [Log.Close] after Run has returned.
type Log struct {
	client  rueidis.Client
	prefix  string
	publish string // the command
	history string
	ttl     time.Duration
	feed    feed

	mu      sync.Mutex
	touched map[string]time.Time // guarded by mu: when Heads last kept a session from expiring
}

// feed is how a log hears of its sessions.
type feed interface {
	listen(r fanout.Receiver)
	run(ctx context.Context)
	subscribe(ctx context.Context, session string) error
	unsubscribe(session string)
}

// Open connects to Redis. The error says what to do about it.
func Open(ctx context.Context, o Options) (*Log, error) {
	option, err := parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the Redis URL cannot be read: %w", err)
	}
	if o.Password != "" {
		option.Password = o.Password
	}
	option.Sentinel.Username, option.Sentinel.Password = o.SentinelUser, o.SentinelPassword
	if option.TLSConfig != nil {
		option.TLSConfig.RootCAs = o.Roots
		option.Sentinel.TLSConfig = option.TLSConfig // sentinels speak TLS where Redis does
	}
	if o.Prefix == "" {
		o.Prefix = "plenum"
	}
	if o.History <= 0 {
		o.History = 1000
	}
	if o.TTL <= 0 {
		o.TTL = 24 * time.Hour
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	client, err := connect(ctx, option, o.Timeout)
	if err != nil {
		return nil, err
	}
	l := &Log{client: client, prefix: o.Prefix, publish: "PUBLISH",
		history: strconv.Itoa(o.History), ttl: o.TTL, touched: make(map[string]time.Time)}
	if client.Mode() == rueidis.ClientModeCluster {
		l.publish = "SPUBLISH"
		l.feed = newShardFeed(client, l.channel)
	} else {
		l.feed = newSingleFeed(client, l.channel)
	}
	return l, nil
}

// Run keeps the subscriptions until ctx ends.
func (l *Log) Run(ctx context.Context) { l.feed.run(ctx) }

// Close ends the connections.
func (l *Log) Close() { l.client.Close() }

// Client returns the connection, for what is beside the sessions.
func (l *Log) Client() rueidis.Client { return l.client }

// Listen implements fanout.Log.
func (l *Log) Listen(r fanout.Receiver) { l.feed.listen(r) }

// Subscribe implements fanout.Log.
func (l *Log) Subscribe(ctx context.Context, session string) error {
	return l.feed.subscribe(ctx, session)
}

// Unsubscribe implements fanout.Log.
func (l *Log) Unsubscribe(session string) {
	l.feed.unsubscribe(session)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.touched, session)
}

// key of a session; the hash tag is what a Cluster distributes by.
func (l *Log) key(session, part string) string {
	return l.prefix + ":{" + session + "}:" + part
}

func (l *Log) channel(session string) string { return l.key(session, "live") }

func (l *Log) keys(session string) []string {
	return []string{l.key(session, "meta"), l.key(session, "state"), l.key(session, "log"),
		l.key(session, "refs"), l.key(session, "refs-older")}
}

// Append implements fanout.Log.
func (l *Log) Append(ctx context.Context, session string, a *fanout.Append) (fanout.Appended, error) {
	res := appendScript.Exec(ctx, l.client, l.keys(session), l.appendArgs(session, a))
	values, err := res.ToArray()
	if err != nil {
		return fanout.Appended{}, unavailable("appending to "+session, err)
	}
	return appended(values)
}

func (l *Log) appendArgs(session string, a *fanout.Append) []string {
	args := make([]string, 0, 12+2*len(a.Set)+5*len(a.Items))
	flags := ""
	if a.Create {
		flags += "c"
	}
	if a.End {
		flags += "e"
	}
	if a.At != nil {
		flags += "@" + a.At.Epoch + " " + strconv.FormatUint(a.At.Offset, 10)
	}
	epoch, rev := "*", ""
	if a.If != nil {
		epoch, rev = a.If.Epoch, strconv.FormatUint(a.If.Rev, 10)
	}
	args = append(args, l.publish, l.channel(session), strconv.FormatInt(time.Now().UnixMilli(), 10),
		strconv.FormatInt(l.ttl.Milliseconds(), 10), l.history,
		newEpoch(), a.Known.Epoch, strconv.FormatUint(a.Known.Offset, 10), epoch, rev, flags, strconv.Itoa(len(a.Set)))
	for field, value := range a.Set {
		args = append(args, field, rueidis.BinaryString(value))
	}
	for i := range a.Items {
		item := &a.Items[i]
		ref := strconv.FormatUint(item.Ref, 10)
		if item.Mark != "" {
			ref += " " + item.Mark
		}
		args = append(args, item.Client, ref, strconv.Itoa(item.Events), rueidis.BinaryString(item.Records), item.By)
	}
	return args
}

// Read implements fanout.Log.
func (l *Log) Read(ctx context.Context, session string, q *fanout.Query) (fanout.View, error) {
	epoch, after := q.Known.Epoch, ""
	if q.NoState {
		epoch = "*"
	}
	if q.History {
		after = strconv.FormatUint(q.After, 10)
	}
	args := append([]string{epoch, strconv.FormatUint(q.Known.Rev, 10), after, strconv.Itoa(q.Limit), strconv.Itoa(q.Bytes)}, q.Clients...)
	values, err := readScript.Exec(ctx, l.client, l.keys(session), args).ToArray()
	if err != nil {
		return fanout.View{}, unavailable("reading "+session, err)
	}
	v := fanout.View{Refs: make([]fanout.Taken, len(q.Clients))}
	if len(values) > 1 && !values[1].IsNil() {
		if v.Ended, err = values[1].ToString(); err != nil {
			return v, err
		}
	}
	if len(values) < 7 {
		return v, nil
	}
	return v, view(&v, values, q)
}

// Heads implements fanout.Log.
func (l *Log) Heads(ctx context.Context, sessions []string) ([]fanout.Head, error) {
	cmds := make(rueidis.Commands, 0, 6*len(sessions))
	for _, s := range sessions {
		cmds = append(cmds, l.client.B().Hmget().Key(l.key(s, "meta")).Field("epoch", "offset", "rev").Build())
	}
	now := time.Now()
	stale := l.stale(sessions, now)
	for _, s := range stale {
		for _, key := range l.keys(s) {
			cmds = append(cmds, l.client.B().Pexpire().Key(key).Milliseconds(l.ttl.Milliseconds()).Build())
		}
	}
	answers := l.client.DoMulti(ctx, cmds...)
	for _, res := range answers[len(sessions):] {
		if err := res.Error(); err != nil {
			return nil, unavailable("keeping sessions", err)
		}
	}
	l.touch(stale, now)
	heads := make([]fanout.Head, len(sessions))
	for i, res := range answers[:len(sessions)] {
		values, err := res.AsStrSlice()
		if err != nil {
			return nil, unavailable("reading heads", err)
		}
		if len(values) == 3 && values[0] != "" {
			heads[i].Epoch = values[0]
			heads[i].Offset, _ = strconv.ParseUint(values[1], 10, 64)
			heads[i].Rev, _ = strconv.ParseUint(values[2], 10, 64)
		}
	}
	return heads, nil
}

// stale returns the sessions that were not kept from expiring for a while.
func (l *Log) stale(sessions []string, now time.Time) (stale []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range sessions {
		if now.Sub(l.touched[s]) > l.ttl/4 {
			stale = append(stale, s)
		}
	}
	return stale
}

func (l *Log) touch(sessions []string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range sessions {
		l.touched[s] = now
	}
}

func newEpoch() string { return rand.Text()[:10] }

// unavailable marks errors after which it is certain that nothing was done:
// the connection could not be made, or Redis refused the script's first write.
func unavailable(doing string, err error) error {
	if nothingDone(err) {
		return fmt.Errorf("%s: %w: %w", doing, fanout.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func nothingDone(err error) bool {
	if answer, ok := rueidis.IsRedisErr(err); ok {
		code, _, _ := strings.Cut(answer.Error(), " ")
		return slices.Contains(refusals, code)
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, rueidis.ErrNoAddr)
}

// refusals are what a Redis answers that takes no writes right now.
var refusals = []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "OOM", "BUSY", "TRYAGAIN"}

// Ping asks Redis whether it is there.
func (l *Log) Ping(ctx context.Context) error {
	return l.client.Do(ctx, l.client.B().Ping().Build()).Error()
}

// Mode is standalone, sentinel, or cluster.
func (l *Log) Mode() string { return string(l.client.Mode()) }
