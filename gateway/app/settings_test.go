package app

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	s, warnings, err := Load(nil)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if s.Listen != ":8080" || s.SessionCapacity != 50 || s.FrameInterval != 100*time.Millisecond || s.FrameBurst != 4 ||
		s.HeartbeatInterval != 25*time.Second || s.HeartbeatTimeout != 35*time.Second || s.HeartbeatMisses != 2 ||
		s.Backlog != 262144 || s.MessageLimit != 65536 || s.Rate != 20 || s.RateBurst != 40 || s.Grace != 30*time.Second {
		t.Errorf("defaults: %+v", s)
	}
	other, _, _ := Load(nil)
	if s.Replica == "" || s.Replica == other.Replica {
		t.Errorf("replica names %q and %q", s.Replica, other.Replica)
	}
}

// Each line is a mistake and what the report has to name.
var mistakes = []struct{ variable, value, allowed string }{
	{"PLENUM_LISTEN", "8080", "host:port"},
	{"PLENUM_LOG_LEVEL", "loud", "debug, info, warn, or error"},
	{"PLENUM_LOG_FORMAT", "xml", "json, console, or auto"},
	{"PLENUM_REDIS_URL", "localhost:6379", "redis://"},
	{"PLENUM_SESSION_TTL", "soon", "a duration"},
	{"PLENUM_HISTORY", "0", "from 1 to"},
	{"PLENUM_SESSION_CREATE", "never", "join or api"},
	{"PLENUM_SESSION_KIND", "poker", "broadcast, document"},
	{"PLENUM_SESSION_CAPACITY", "many", "a whole number"},
	{"PLENUM_GRACE", "1s", "from 3s"},
	{"PLENUM_SESSION_OFFLINE", "0", "from 1"},
	{"PLENUM_FRAME_INTERVAL", "1ms", "from 5ms"},
	{"PLENUM_FRAME_BURST", "0", "from 1"},
	{"PLENUM_COMPRESS_OVER", "1", "from 64"},
	{"PLENUM_HEARTBEAT_INTERVAL", "10", "a duration"},
	{"PLENUM_HEARTBEAT_TIMEOUT", "0s", "longer than PLENUM_HEARTBEAT_INTERVAL"},
	{"PLENUM_HEARTBEAT_MISSES", "0", "from 1"},
	{"PLENUM_CONNECTIONS", "-1", "from 1"},
	{"PLENUM_HANDSHAKES", "0", "from 1"},
	{"PLENUM_JOIN_TIMEOUT", "0s", "from 1s"},
	{"PLENUM_MESSAGE_LIMIT", "12", "from 1024"},
	{"PLENUM_BACKLOG", "1", "from 4096"},
	{"PLENUM_RATE", "fast", "a number"},
	{"PLENUM_RATE_BURST", "0", "from 1"},
	{"PLENUM_ORIGINS", "[,a,,[", "patterns"},
	{"PLENUM_API_KEYS", "short", "32 or more"},
	{"PLENUM_API_READ", "some", "open or key"},
	{"PLENUM_API_RATE", "-1", "from 0.01"},
	{"PLENUM_API_BURST", "0", "from 1"},
	{"PLENUM_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "networks"},
	{"PLENUM_ADDRESS_HANDSHAKES", "-1", "from 0.01"},
	{"PLENUM_ADDRESS_CONNECTIONS", "-1", "from 0"},
	{"PLENUM_AUTH_ALGORITHM", "none", "HS256, RS256, or EdDSA"},
	{"PLENUM_AUTH_JWKS_REFRESH", "1s", "from 10s"},
	{"PLENUM_AUTH_LEEWAY", "1h", "from 0s"},
	{"PLENUM_DRAIN_RATE", "0", "from 1"},
	{"PLENUM_DRAIN_TIMEOUT", "2h", "from 1s to 1h"},
}

// An origin is scheme, host and port: what has more could never match.
func TestOriginsThatCouldNeverMatch(t *testing.T) {
	for origins, good := range map[string]bool{
		"*": true, "*.example.com,https://app.example.org:8443": true, "app.example.org:8443": true,
		"http//app.example.org": false, "https://app.example.org/": false, "app.example.org/retro": false, "https://": false,
	} {
		_, _, err := Load([]string{"PLENUM_ORIGINS=" + origins})
		if told := err != nil && strings.Contains(err.Error(), "without a path"); told == good {
			t.Errorf("%s: %v", origins, err)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	var environ []string
	for _, m := range mistakes {
		environ = append(environ, m.variable+"="+m.value)
	}
	_, _, err := Load(environ)
	if err == nil {
		t.Fatal("no mistake was found")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, m := range mistakes {
		i := slices.IndexFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, m.variable+"=") || strings.HasPrefix(line, m.variable+":")
		})
		if i < 0 {
			t.Errorf("%s=%s is not in:\n%v", m.variable, m.value, err)
			continue
		}
		if !strings.Contains(lines[i], m.allowed) {
			t.Errorf("%q does not say %q", lines[i], m.allowed)
		}
		lines = slices.Delete(lines, i, i+1)
	}
	if len(lines) > 0 {
		t.Errorf("also told: %q", lines)
	}
}

// Every setting that can be wrong stands in the table above.
func TestEveryMistakeIsTried(t *testing.T) {
	free := []string{"PLENUM_REPLICA"} // any name will do
	for f := range fields() {
		name := prefix + f.Tag.Get("env")
		tried := slices.ContainsFunc(mistakes, func(m struct{ variable, value, allowed string }) bool { return m.variable == name })
		tried = tried || slices.ContainsFunc(combinations, func(c combination) bool { return c.variable == name })
		if !tried && !slices.Contains(free, name) {
			t.Errorf("no mistake in %s is tried", name)
		}
	}
}

// combination is settings that do not go together, and what the report has to
// name.
type combination struct {
	environ           string // separated by spaces
	variable, allowed string
}

var combinations = []combination{
	{"PLENUM_REDIS_PASSWORD=x", "PLENUM_REDIS_PASSWORD", "empty where PLENUM_REDIS_URL is"},
	{"PLENUM_REDIS_URL=redis://u:p@h PLENUM_REDIS_PASSWORD=x", "PLENUM_REDIS_PASSWORD", "empty where PLENUM_REDIS_URL has a password"},
	{"PLENUM_REDIS_CA=/etc/hostname", "PLENUM_REDIS_CA", "empty where PLENUM_REDIS_URL is"},
	{"PLENUM_REDIS_URL=redis://h PLENUM_REDIS_CA=x.pem", "PLENUM_REDIS_CA", "empty where"},
	{"PLENUM_REDIS_URL=rediss://h PLENUM_REDIS_CA=/nowhere/x.pem", "PLENUM_REDIS_CA", "certificates"},
	{"PLENUM_REDIS_SENTINEL_PASSWORD=x", "PLENUM_REDIS_SENTINEL_PASSWORD", "empty where PLENUM_REDIS_URL is"},
	{"PLENUM_REDIS_URL=redis://h PLENUM_REDIS_SENTINEL_PASSWORD=x", "PLENUM_REDIS_SENTINEL_PASSWORD", "has no master_set"},
	{"PLENUM_REDIS_URL=redis://h PLENUM_REDIS_SENTINEL_USER=x", "PLENUM_REDIS_SENTINEL_USER", "has no master_set"},
	{"PLENUM_REDIS_URL=redis://h?master_set=m PLENUM_REDIS_SENTINEL_USER=x", "PLENUM_REDIS_SENTINEL_PASSWORD", "set where PLENUM_REDIS_SENTINEL_USER is"},
	{"PLENUM_AUTH_SECRET=x", "PLENUM_AUTH_SECRET", "empty where PLENUM_AUTH_ALGORITHM is"},
	{"PLENUM_AUTH_KEY=x", "PLENUM_AUTH_KEY", "empty where PLENUM_AUTH_ALGORITHM is"},
	{"PLENUM_AUTH_JWKS_URL=x", "PLENUM_AUTH_JWKS_URL", "empty where PLENUM_AUTH_ALGORITHM is"},
	{"PLENUM_AUTH_ISSUER=x", "PLENUM_AUTH_ISSUER", "empty where PLENUM_AUTH_ALGORITHM is"},
	{"PLENUM_AUTH_AUDIENCE=x", "PLENUM_AUTH_AUDIENCE", "empty where PLENUM_AUTH_ALGORITHM is"},
	{"PLENUM_AUTH_ALGORITHM=HS256", "PLENUM_AUTH_SECRET", "32 or more"},
	{"PLENUM_AUTH_ALGORITHM=HS256 PLENUM_AUTH_SECRET=short", "PLENUM_AUTH_SECRET", "32 or more"},
	{"PLENUM_AUTH_ALGORITHM=HS256 PLENUM_AUTH_KEY=x", "PLENUM_AUTH_KEY", "empty for HS256"},
	{"PLENUM_AUTH_ALGORITHM=HS256 PLENUM_AUTH_JWKS_URL=https://h", "PLENUM_AUTH_JWKS_URL", "empty for HS256"},
	{"PLENUM_AUTH_ALGORITHM=RS256", "PLENUM_AUTH_KEY", "public keys in PEM"},
	{"PLENUM_AUTH_ALGORITHM=EdDSA PLENUM_AUTH_KEY=rubbish", "PLENUM_AUTH_KEY", "no PEM block"},
	{"PLENUM_AUTH_ALGORITHM=RS256 PLENUM_AUTH_SECRET=x", "PLENUM_AUTH_SECRET", "empty for RS256"},
	{"PLENUM_AUTH_ALGORITHM=RS256 PLENUM_AUTH_JWKS_URL=ftp://h", "PLENUM_AUTH_JWKS_URL", "https://"},
	{"PLENUM_AUTH_ALGORITHM=RS256 PLENUM_AUTH_JWKS_URL=https://h PLENUM_AUTH_KEY=x", "PLENUM_AUTH_KEY", "empty where PLENUM_AUTH_JWKS_URL"},
	{"PLENUM_API_KEYS=a PLENUM_API_KEYS_FILE=/etc/hostname", "PLENUM_API_KEYS_FILE", "must be empty where PLENUM_API_KEYS is set"},
	{"PLENUM_API_KEYS_FILE=/nowhere/keys", "PLENUM_API_KEYS_FILE", "no such file"},
	{"PLENUM_API_KEYS_FILE=/", "PLENUM_API_KEYS_FILE", "must be a file"},
	{"PLENUM_REDIS_URL_FILE=/dev/null", "PLENUM_REDIS_URL_FILE", "it is empty"},
}

func TestCombinationsThatAreMistakes(t *testing.T) {
	for _, c := range combinations {
		_, _, err := Load(strings.Fields(c.environ))
		if err == nil || !strings.Contains(err.Error(), c.variable) || !strings.Contains(err.Error(), c.allowed) {
			t.Errorf("%s: %v; want %q about %s", c.environ, err, c.allowed, c.variable)
		}
	}
}

// A secret comes from a file as well, and is never told.
func TestSecretsFromFiles(t *testing.T) {
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	s, warnings, err := Load([]string{
		"PLENUM_API_KEYS_FILE=" + file(one+"\n"+two+"\n"), "PLENUM_AUTH_SECRET_FILE=" + file(two), "PLENUM_AUTH_ALGORITHM=HS256",
		"PLENUM_REDIS_URL_FILE=" + file("redis://u@h:1\n"), "PLENUM_REDIS_PASSWORD_FILE=" + file("hunter2"),
	})
	if err != nil || len(warnings) > 0 || !slices.Equal(s.APIKeys, []string{one, two}) || !slices.Equal(s.AuthSecret, []string{two}) ||
		s.RedisURL != "redis://u@h:1" || s.RedisPassword != "hunter2" {
		t.Errorf("%+v, %v, %v", s, warnings, err)
	}
	if s, _, err := Load([]string{"PLENUM_API_KEYS=" + one + "," + two}); err != nil || len(s.APIKeys) != 2 {
		t.Errorf("%v, %v", s.APIKeys, err)
	}
	for _, environ := range []string{"PLENUM_API_KEYS=hunter2", "PLENUM_AUTH_SECRET=hunter2", "PLENUM_AUTH_ALGORITHM=HS256 PLENUM_AUTH_SECRET=hunter2",
		"PLENUM_REDIS_PASSWORD=hunter2", "PLENUM_REDIS_SENTINEL_PASSWORD=hunter2", "PLENUM_AUTH_KEY=hunter2", "PLENUM_API_KEYS_FILE=" + file("hunter2")} {
		if _, _, err := Load(strings.Fields(environ)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", environ, err)
		}
	}
}

func TestMistakesKeepThePassword(t *testing.T) {
	for _, url := range []string{"http://:hunter2@host", "redis://u:hunter2@ho st:1", "redis://u:hunter2@h:%zz"} {
		if _, _, err := Load([]string{"PLENUM_REDIS_URL=" + url}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestVariablesThatAreNoSettingsAreNamed(t *testing.T) {
	_, warnings, err := Load([]string{"PLENUM_REDS_URL=x", "PLENUM_PORT=1", "HOME=/", "PLENUM_RATE=3"})
	if err != nil || !reflect.DeepEqual(warnings, []string{"PLENUM_PORT", "PLENUM_REDS_URL"}) {
		t.Error(warnings, err)
	}
}

func TestEmptyVariablesMeanTheDefaults(t *testing.T) {
	var environ []string
	for f := range fields() {
		environ = append(environ, prefix+f.Tag.Get("env")+"=")
	}
	got, warnings, err := Load(environ)
	want, _, _ := Load(nil)
	got.Replica, want.Replica = "", ""
	if err != nil || len(warnings) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, %v", got, warnings, err)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	for _, value := range []string{"NaN", "Inf", "-Inf", "0", "1e-12", "1e300"} {
		if _, _, err := Load([]string{"PLENUM_RATE=" + value}); err == nil {
			t.Errorf("PLENUM_RATE=%s was taken", value)
		}
	}
}
