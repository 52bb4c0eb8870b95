package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// prefix of all settings in the environment.
const prefix = "PLENUM_"

// Settings are read from the environment, see [Load]. The tags are the one place
// where names, defaults, and explanations stand; configs/gateway.env is made
// from them.
type Settings struct {
	Listen    string `env:"LISTEN" envDefault:":8080" doc:"address to listen on, host:port"`
	Replica   string `env:"REPLICA" doc:"name of this process, told to clients; empty: host name and a random part"`
	LogLevel  string `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn, or error"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"auto" doc:"json, console, or auto: console on a terminal"`

	RedisURL   string        `env:"REDIS_URL" doc:"redis://user:password@host:port or rediss://; more hosts with ?addr= for a Cluster; ?master_set= for Sentinel; empty: embedded log, one replica"`
	SessionTTL time.Duration `env:"SESSION_TTL" envDefault:"24h" doc:"a session that nobody uses is forgotten after it"`
	History    int           `env:"HISTORY" envDefault:"1000" doc:"events that a session keeps for those who resume"`

	SessionCreate   string        `env:"SESSION_CREATE" envDefault:"join" doc:"join: joining creates a session; api: only POST /api/sessions does"`
	SessionKind     string        `env:"SESSION_KIND" envDefault:"broadcast" doc:"kind of a session that a join creates"`
	SessionCapacity int           `env:"SESSION_CAPACITY" envDefault:"50" doc:"connections in a session, over all replicas"`
	SessionOffline  int           `env:"SESSION_OFFLINE" envDefault:"200" doc:"members of a session without a connection who keep their seats; past it those who have been gone longest lose theirs"`
	Grace           time.Duration `env:"GRACE" envDefault:"30s" doc:"a member without connection is reconnecting for that long, then offline"`

	FrameInterval time.Duration `env:"FRAME_INTERVAL" envDefault:"100ms" doc:"between two frames of a busy session"`
	FrameBurst    int           `env:"FRAME_BURST" envDefault:"4" doc:"frames that may leave at once before that"`
	CompressOver  int           `env:"COMPRESS_OVER" envDefault:"1024" doc:"bytes; larger frames go compressed to clients that accept it"`

	HeartbeatInterval time.Duration `env:"HEARTBEAT_INTERVAL" envDefault:"25s" doc:"between two heartbeats"`
	HeartbeatTimeout  time.Duration `env:"HEARTBEAT_TIMEOUT" envDefault:"35s" doc:"silence past it at a heartbeat is a miss"`
	HeartbeatMisses   int           `env:"HEARTBEAT_MISSES" envDefault:"2" doc:"so many misses in a row close a connection"`

	Connections  int           `env:"CONNECTIONS" envDefault:"100000" doc:"on this replica; past it a handshake gets 503"`
	Handshakes   int           `env:"HANDSHAKES" envDefault:"1000" doc:"a second; more wait for their turn, for at most 5 s, then they get 503"`
	JoinTimeout  time.Duration `env:"JOIN_TIMEOUT" envDefault:"10s" doc:"a connection that has not joined by then is closed"`
	MessageLimit int           `env:"MESSAGE_LIMIT" envDefault:"65536" doc:"bytes of a message from a client"`
	Backlog      int           `env:"BACKLOG" envDefault:"262144" doc:"bytes that may wait for a connection"`
	Rate         float64       `env:"RATE" envDefault:"20" doc:"messages a second from one connection"`
	RateBurst    int           `env:"RATE_BURST" envDefault:"40" doc:"messages that may come at once before that"`
	Origins      []string      `env:"ORIGINS" doc:"patterns of the origins whose pages may connect, beside the gateway's own: *.example.com,https://app.example.org; * is all"`

	APIKeys []string `env:"API_KEYS" doc:"keys of operators, separated by commas, each of 32 characters or more: Authorization: Bearer <key>; empty: operators are refused"`

	DrainRate    int           `env:"DRAIN_RATE" envDefault:"500" doc:"connections a second that are asked to move when the process is told to stop"`
	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT" envDefault:"60s" doc:"then the rest is closed and the process ends"`
}

// Load reads the settings from an environment, given as os.Environ gives it.
// The error names every mistake, with the variable and what is allowed. The
// warnings are about variables that look like settings and are none.
func Load(environ []string) (s Settings, warnings []string, err error) {
	vars := env.ToMap(environ)
	err = env.ParseWithOptions(&s, env.Options{Environment: vars, Prefix: prefix})
	mistakes := parseMistakes(err, vars)
	broken := make(map[string]bool)
	for _, m := range mistakes {
		name, _, _ := strings.Cut(m.Error(), "=")
		broken[name] = true
	}
	for _, m := range s.check() {
		if !broken[m.variable] {
			mistakes = append(mistakes, told(m.variable, vars, m.allowed))
		}
	}
	if s.Replica == "" {
		s.Replica = replicaName()
	}
	return s, unknown(vars), errors.Join(mistakes...)
}

// told is a mistake as an operator reads it. Keys, and the URL of Redis, which may
// hold a password, are left out.
func told(name string, vars map[string]string, allowed string) error {
	if name == prefix+"REDIS_URL" || name == prefix+"API_KEYS" {
		return fmt.Errorf("%s: %s", name, allowed)
	}
	return fmt.Errorf("%s=%q: %s", name, vars[name], allowed)
}

// parseMistakes turns the library's errors into ours.
func parseMistakes(err error, vars map[string]string) (mistakes []error) {
	var all env.AggregateError
	if err == nil || !errors.As(err, &all) {
		return nil
	}
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			mistakes = append(mistakes, e)
			continue
		}
		f, _ := reflect.TypeFor[Settings]().FieldByName(parse.Name)
		name := prefix + f.Tag.Get("env")
		mistakes = append(mistakes, told(name, vars, "must be "+shape(f.Type)))
	}
	return mistakes
}

func shape(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 100ms, 25s, or 24h"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a " + t.String()
}

// mistake is a setting that can be read and makes no sense.
type mistake struct{ variable, allowed string }

// check returns all mistakes.
func (s *Settings) check() (found []mistake) {
	say := func(ok bool, name, allowed string) {
		if !ok {
			found = append(found, mistake{prefix + name, "must be " + allowed})
		}
	}
	between := func(n, least, most int, name string) {
		say(n >= least && n <= most, name, fmt.Sprintf("from %d to %d", least, most))
	}
	during := func(d, least, most time.Duration, name string) {
		say(d >= least && d <= most, name, fmt.Sprintf("from %v to %v", least, most))
	}
	_, port, err := net.SplitHostPort(s.Listen)
	say(err == nil && port != "", "LISTEN", "host:port, such as :8080 or 127.0.0.1:8080")
	say(slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel), "LOG_LEVEL", "debug, info, warn, or error")
	say(slices.Contains([]string{"json", "console", "auto"}, s.LogFormat), "LOG_FORMAT", "json, console, or auto")
	s.checkRedis(say)
	during(s.SessionTTL, time.Minute, 365*24*time.Hour, "SESSION_TTL")
	between(s.History, 1, 100_000, "HISTORY")
	say(s.SessionCreate == "join" || s.SessionCreate == "api", "SESSION_CREATE", "join or api")
	say(slices.Contains(kindNames(), s.SessionKind), "SESSION_KIND", "one of "+strings.Join(kindNames(), ", "))
	between(s.SessionCapacity, 1, 100_000, "SESSION_CAPACITY")
	between(s.SessionOffline, 1, 1_000_000, "SESSION_OFFLINE")
	during(s.Grace, 3*time.Second, time.Hour, "GRACE")
	during(s.FrameInterval, 5*time.Millisecond, 10*time.Second, "FRAME_INTERVAL")
	between(s.FrameBurst, 1, 1000, "FRAME_BURST")
	between(s.CompressOver, 64, 1<<30, "COMPRESS_OVER")
	during(s.HeartbeatInterval, time.Second, time.Hour, "HEARTBEAT_INTERVAL")
	say(s.HeartbeatTimeout > s.HeartbeatInterval, "HEARTBEAT_TIMEOUT", "longer than PLENUM_HEARTBEAT_INTERVAL")
	between(s.HeartbeatMisses, 1, 100, "HEARTBEAT_MISSES")
	between(s.Connections, 1, 10_000_000, "CONNECTIONS")
	between(s.Handshakes, 1, 1_000_000, "HANDSHAKES")
	during(s.JoinTimeout, time.Second, 10*time.Minute, "JOIN_TIMEOUT")
	between(s.MessageLimit, 1024, 16<<20, "MESSAGE_LIMIT")
	between(s.Backlog, 4096, 1<<30, "BACKLOG")
	say(s.Rate >= 0.01 && s.Rate <= 1e6, "RATE", "from 0.01 to 1000000")
	between(s.RateBurst, 1, 1_000_000, "RATE_BURST")
	wrong := slices.ContainsFunc(s.Origins, func(o string) bool {
		_, err := path.Match(o, "")
		return err != nil || o == ""
	})
	say(!wrong, "ORIGINS", "patterns such as *.example.com or https://app.example.org, separated by commas")
	say(!slices.ContainsFunc(s.APIKeys, func(k string) bool { return len(k) < 32 }), "API_KEYS", "keys of 32 or more characters, separated by commas")
	between(s.DrainRate, 1, 1_000_000, "DRAIN_RATE")
	during(s.DrainTimeout, time.Second, time.Hour, "DRAIN_TIMEOUT")
	return found
}

func (s *Settings) checkRedis(say func(ok bool, name, allowed string)) {
	if s.RedisURL == "" {
		return
	}
	u, err := url.Parse(s.RedisURL)
	say(err == nil && slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, u.Scheme) && (u.Host != "" || u.Scheme == "unix"),
		"REDIS_URL", "redis://user:password@host:port, rediss://…, or unix://path")
}

// unknown names variables with our prefix that no setting has.
func unknown(vars map[string]string) (warnings []string) {
	known := make(map[string]bool)
	for f := range fields() {
		known[prefix+f.Tag.Get("env")] = true
	}
	for name := range vars {
		if strings.HasPrefix(name, prefix) && !known[name] {
			warnings = append(warnings, name)
		}
	}
	slices.Sort(warnings)
	return warnings
}

func fields() func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		t := reflect.TypeFor[Settings]()
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// WriteEnv writes all settings with their defaults, as an environment file.
func WriteEnv(w io.Writer) {
	fmt.Fprintln(w, "# The settings of the gateway, with their defaults. Made by `make generate`; do not edit.")
	for f := range fields() {
		fmt.Fprintf(w, "\n# %s\n#%s%s=%s\n", f.Tag.Get("doc"), prefix, f.Tag.Get("env"), f.Tag.Get("envDefault"))
	}
}

func replicaName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	return host + "-" + randomSuffix()
}
