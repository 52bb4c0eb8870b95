package integration

import (
	"debug/buildinfo"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// refusal is how a gateway ends that cannot start: it says why, naming the
// setting that is to be changed.
func refusal(t testing.TB, code int, says []string, settings ...string) {
	t.Helper()
	began := time.Now()
	p := launchGateway(t, settings...)
	if got := p.Wait(t); got != code {
		t.Errorf("with %v: exit code %d, not %d", settings, got, code)
	}
	for _, what := range says {
		if !strings.Contains(p.log.String(), what) {
			t.Errorf("with %v it does not say %q:\n%s", settings, what, p.log)
		}
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("with %v it took %v to say so", settings, took)
	}
}

func TestARedisThatCannotBeUsedIsToldAtStart(t *testing.T) {
	t.Parallel()
	nobody := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	other := startGateway(t)
	locked := redistest.Start(t, "requirepass correct-horse")

	const variable = "PLENUM_REDIS_URL"
	for name, c := range map[string]struct {
		url  string
		code int
		says string
	}{
		"no URL":           {"localhost:6379", 2, "redis://"},
		"another scheme":   {"http://localhost:6379", 2, "redis://"},
		"no host":          {"redis://", 2, "redis://"},
		"no port":          {"redis://localhost:port", 2, "redis://"},
		"nobody there":     {"redis://" + nobody, 1, "refused"},
		"no answer":        {"redis://" + mute.Addr().String(), 1, ""},
		"no Redis":         {"redis://" + other.Addr, 1, ""},
		"no such host":     {"redis://nobody.invalid:6379", 1, "nobody.invalid"},
		"no password":      {locked.URL(), 1, "NOAUTH"},
		"a wrong password": {"redis://:battery-staple@" + locked.Addr(), 1, "WRONGPASS"},
		"TLS to plain":     {"rediss://" + locked.Addr(), 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal(t, c.code, []string{variable, c.says}, variable+"="+c.url)
		})
	}
	t.Run("the password", func(t *testing.T) {
		g := startGateway(t, variable+"=redis://:correct-horse@"+locked.Addr())
		g.awaitReady(t, 200)
		if strings.Contains(g.log.String(), "correct-horse") {
			t.Errorf("the password is in the log:\n%s", g.log)
		}
	})
}

func TestAWrongRedisURLIsNotShown(t *testing.T) {
	t.Parallel()
	p := launchGateway(t, "PLENUM_REDIS_URL=http://:correct-horse@localhost")
	p.Wait(t)
	if !strings.Contains(p.log.String(), "PLENUM_REDIS_URL") || strings.Contains(p.log.String(), "correct-horse") {
		t.Errorf("it must say which setting is wrong, and not the password in it:\n%s", p.log)
	}
}

func TestAllMistakesInSettingsAreToldTogether(t *testing.T) {
	t.Parallel()
	mistakes := []string{"PLENUM_LISTEN=nowhere", "PLENUM_HISTORY=many", "PLENUM_RATE=-1", "PLENUM_SESSION_KIND=dance",
		"PLENUM_FRAME_INTERVAL=100", "PLENUM_REDIS_URL=nonsense"}
	refusal(t, 2, append(mistakes[:0:0], "PLENUM_LISTEN", "PLENUM_HISTORY", "PLENUM_RATE", "PLENUM_SESSION_KIND",
		"PLENUM_FRAME_INTERVAL", "PLENUM_REDIS_URL"), mistakes...)
	taken := startGateway(t)
	refusal(t, 1, []string{"PLENUM_LISTEN", "in use"}, "PLENUM_LISTEN="+taken.Addr)
}

// What only builds or tests the program is no part of it.
func TestTheProgramHasNoTools(t *testing.T) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 5 {
		t.Fatalf("the program names %d modules", len(info.Deps))
	}
	for _, m := range info.Deps {
		for _, tool := range []string{"evanw/esbuild", "chromedp/"} {
			if strings.Contains(m.Path, tool) {
				t.Errorf("%s is part of the program", m.Path)
			}
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for flag, says := range map[string]string{"--help": "PLENUM_REDIS_URL", "--version": "plenum", "--settings": "PLENUM_LISTEN"} {
		out, err := exec.Command(program, flag).CombinedOutput()
		if err != nil || !strings.Contains(string(out), says) {
			t.Errorf("%s: %v, and no %q in\n%s", flag, err, says, out)
		}
	}
}
