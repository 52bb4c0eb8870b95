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

	RedisURL      string `env:"REDIS_URL" secret:"yes" doc:"redis://user:password@host:port or rediss:// for TLS; more hosts with ?addr= for a Cluster; ?master_set= for Sentinel; empty: embedded log, one replica"`
	RedisPassword string `env:"REDIS_PASSWORD" secret:"yes" doc:"the password for PLENUM_REDIS_URL, where that has none"`
	RedisCA       string `env:"REDIS_CA" doc:"file with the certificates (PEM) that sign Redis's; empty: those that the system trusts"`

	RedisSentinelUser     string `env:"REDIS_SENTINEL_USER" doc:"the user for the sentinels, where they ask for one"`
	RedisSentinelPassword string `env:"REDIS_SENTINEL_PASSWORD" secret:"yes" doc:"the password for the sentinels, where they ask for one; they are not told that of PLENUM_REDIS_URL"`

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

	APIKeys  []string `env:"API_KEYS" secret:"yes" doc:"keys of backends and operators, separated by commas or lines, each of 32 characters or more: Authorization: Bearer <key>; empty: whoever reaches the gateway may create, change and end sessions"`
	APIRead  string   `env:"API_READ" envDefault:"open" doc:"open: whoever knows a session's id may read it over HTTP; key: only with an API key, as always where members need a token"`
	APIRate  float64  `env:"API_RATE" envDefault:"100" doc:"HTTP requests a second about sessions, of one API key, or of one address without a key; 0: any"`
	APIBurst int      `env:"API_BURST" envDefault:"200" doc:"requests that may come at once before that"`

	TrustedProxies     []string `env:"TRUSTED_PROXIES" doc:"networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,fd00::/8"`
	AddressHandshakes  float64  `env:"ADDRESS_HANDSHAKES" envDefault:"0" doc:"handshakes a second from one address (of IPv6, from one /64), ten seconds' worth at once; past it they get 429; 0: any"`
	AddressConnections int      `env:"ADDRESS_CONNECTIONS" envDefault:"0" doc:"connections of one address to this replica; past it a handshake gets 429; 0: any"`

	AuthAlgorithm   string        `env:"AUTH_ALGORITHM" doc:"HS256, RS256, or EdDSA: members have to bring a token (JWT) that is signed with it; empty: nobody has to prove who they are"`
	AuthSecret      []string      `env:"AUTH_SECRET" secret:"yes" doc:"for HS256: the secret, of 32 characters or more; several, separated by commas or lines, while one is being replaced"`
	AuthKey         string        `env:"AUTH_KEY" file:"yes" doc:"for RS256 and EdDSA: public keys (PEM); several while one is being replaced"`
	AuthJWKSURL     string        `env:"AUTH_JWKS_URL" doc:"for RS256 and EdDSA, instead of PLENUM_AUTH_KEY: where the key set (JWKS) of the issuer is"`
	AuthJWKSRefresh time.Duration `env:"AUTH_JWKS_REFRESH" envDefault:"15m" doc:"between two readings of the key set; an unknown key has it read earlier"`
	AuthIssuer      string        `env:"AUTH_ISSUER" doc:"the iss that a token must have; empty: any"`
	AuthAudience    string        `env:"AUTH_AUDIENCE" doc:"the aud that a token must have; empty: any"`
	AuthLeeway      time.Duration `env:"AUTH_LEEWAY" envDefault:"10s" doc:"by which clocks may differ from the issuer's"`

	DrainRate    int           `env:"DRAIN_RATE" envDefault:"500" doc:"connections a second that are asked to move when the process is told to stop"`
	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT" envDefault:"60s" doc:"then the rest is closed and the process ends"`
}

// Load reads the settings from an environment, given as os.Environ gives it.
// The error names every mistake, with the variable and what is allowed. The
// warnings are about variables that look like settings and are none.
func Load(environ []string) (s Settings, warnings []string, err error) {
	vars := env.ToMap(environ)
	unreadable := readFiles(vars)
	err = env.ParseWithOptions(&s, env.Options{Environment: vars, Prefix: prefix})
	mistakes := append(unreadable, parseMistakes(err, vars)...)
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

// told is a mistake as an operator reads it, without the value of a secret.
func told(name string, vars map[string]string, allowed string) error {
	for f := range fields() {
		if prefix+f.Tag.Get("env") == name && fromFile(f) {
			return fmt.Errorf("%s: %s", name, allowed)
		}
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
	s.checkAccess(say, between, during)
	s.checkAuth(say, during)
	wrong := slices.ContainsFunc(s.Origins, func(o string) bool {
		_, err := path.Match(o, "")
		_, host, schemed := strings.Cut(o, "://")
		if !schemed {
			host = o
		}
		return err != nil || host == "" || strings.Contains(host, "/") // an origin has no path: it would never match
	})
	say(!wrong, "ORIGINS", "patterns such as *.example.com or https://app.example.org, without a path, separated by commas")
	between(s.DrainRate, 1, 1_000_000, "DRAIN_RATE")
	during(s.DrainTimeout, time.Second, time.Hour, "DRAIN_TIMEOUT")
	return found
}

func (s *Settings) checkRedis(say func(ok bool, name, allowed string)) {
	if s.RedisURL == "" {
		const allowed = "empty where PLENUM_REDIS_URL is"
		say(s.RedisPassword == "", "REDIS_PASSWORD", allowed)
		say(s.RedisCA == "", "REDIS_CA", allowed)
		say(s.RedisSentinelUser == "", "REDIS_SENTINEL_USER", allowed)
		say(s.RedisSentinelPassword == "", "REDIS_SENTINEL_PASSWORD", allowed)
		return
	}
	_, unreadable := readRoots(s.RedisCA)
	say(unreadable == nil, "REDIS_CA", "a file with certificates (PEM)")
	u, err := url.Parse(s.RedisURL)
	say(err == nil && slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, u.Scheme) && (u.Host != "" || u.Scheme == "unix"),
		"REDIS_URL", "redis://user:password@host:port, rediss://…, or unix://path")
	if err != nil {
		return
	}
	say(s.RedisCA == "" || u.Scheme == "rediss" || u.Scheme == "valkeys", "REDIS_CA", "empty where PLENUM_REDIS_URL is not rediss://")
	say(s.RedisPassword == "" || password(u) == "", "REDIS_PASSWORD", "empty where PLENUM_REDIS_URL has a password")
	sentinel := u.Query().Get("master_set") != ""
	say(sentinel || s.RedisSentinelUser == "", "REDIS_SENTINEL_USER", "empty where PLENUM_REDIS_URL has no master_set")
	say(sentinel || s.RedisSentinelPassword == "", "REDIS_SENTINEL_PASSWORD", "empty where PLENUM_REDIS_URL has no master_set")
	say(s.RedisSentinelUser == "" || s.RedisSentinelPassword != "", "REDIS_SENTINEL_PASSWORD", "set where PLENUM_REDIS_SENTINEL_USER is")
}

// unknown names variables with our prefix that no setting has.
func unknown(vars map[string]string) (warnings []string) {
	known := make(map[string]bool)
	for f := range fields() {
		known[prefix+f.Tag.Get("env")] = true
		known[prefix+f.Tag.Get("env")+fileSuffix] = fromFile(f)
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
		if fromFile(f) {
			fmt.Fprintf(w, "# or a file that holds it\n#%s%s%s=\n", prefix, f.Tag.Get("env"), fileSuffix)
		}
	}
}

func replicaName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	return host + "-" + randomSuffix()
}
