package validate

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// top is the repository.
const top = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// leeway is what a process must be given beyond what it says it needs.
const leeway = 10 * time.Second

// drain is how long a replica must be given to end, by the defaults of its
// settings.
func drain(t *testing.T) time.Duration {
	t.Helper()
	value, ok := settings(t)["PLENUM_DRAIN_TIMEOUT"]
	d, err := time.ParseDuration(value)
	if !ok || err != nil {
		t.Fatalf("configs/gateway.env: PLENUM_DRAIN_TIMEOUT=%q: %v", value, err)
	}
	return d + leeway
}

// settings are those of the gateway, with their defaults.
func settings(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	lines := bufio.NewScanner(strings.NewReader(read(t, "configs/gateway.env")))
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "#"), "=")
		if ok && strings.HasPrefix(name, "PLENUM_") {
			found[name] = value
		}
	}
	if len(found) < 10 {
		t.Fatalf("configs/gateway.env has only %v", found)
	}
	return found
}

// checkSetting fails the test unless the gateway has a setting of that name, or
// takes it from a file.
func checkSetting(t *testing.T, where, name string) {
	t.Helper()
	known := settings(t)
	_, plain := known[name]
	_, file := known[strings.TrimSuffix(name, "_FILE")]
	if strings.HasPrefix(name, "PLENUM_") && !plain && !file {
		t.Errorf("%s: the gateway has no setting %s", where, name)
	}
}

// tool finds a program.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatalf(`%s not found: run "make setup"`, name)
	return ""
}

var address = regexp.MustCompile(`[a-z0-9.-]+\.(com|io|org|net|dev|gov)(:[0-9]+)?/`)

// checkImage fails the test if an image has no fixed version, or names a host.
func checkImage(t *testing.T, where, image string) {
	t.Helper()
	if image == "plenum-gateway" || image == "scratch" {
		return
	}
	if _, version, ok := strings.Cut(image, ":"); !ok || version == "latest" {
		t.Errorf("%s: image %s has no version", where, image)
	}
	if address.MatchString(image) {
		t.Errorf("%s: image %s names a registry", where, image)
	}
}

// testNginx has the nginx of this machine check a configuration: nginx.conf and
// the files beside it. It is older than the one that the images have, so what
// only that one knows is exchanged.
func testNginx(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"log", "temp", "enabled"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	resolved := regexp.MustCompile(`server [a-z.-]+:8080 resolve max_fails=0;`)
	for name, text := range files {
		if name == "upstream.conf" {
			if len(resolved.FindAllString(text, -1)) != 1 || !strings.Contains(text, "resolver ") || !strings.Contains(text, "zone plenum") {
				t.Errorf("upstream.conf must name the replicas once, with resolve, a resolver and a zone:\n%s", text)
			}
			text = resolved.ReplaceAllString(text, "server 127.0.0.1:8080 max_fails=0;")
			text = regexp.MustCompile(`resolver [^;]+;`).ReplaceAllString(text, "resolver 127.0.0.1 valid=5s;")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(tool(t, "nginx"), "-t", "-q", "-p", dir, "-c", filepath.Join(dir, "nginx.conf")).CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}
