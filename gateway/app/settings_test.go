package app

import (
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
	{"PLENUM_DRAIN_RATE", "0", "from 1"},
	{"PLENUM_DRAIN_TIMEOUT", "2h", "from 1s to 1h"},
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
		if !tried && !slices.Contains(free, name) {
			t.Errorf("no mistake in %s is tried", name)
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
