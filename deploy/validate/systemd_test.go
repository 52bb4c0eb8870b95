package validate

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const unit = "plenum-gateway@.service"

// systemd reads the unit and finds nothing unknown in it. The program that it
// starts is exchanged for one that this machine has.
func TestSystemd(t *testing.T) {
	text := read(t, "deploy/systemd/"+unit)
	const start = "ExecStart=/usr/local/bin/plenum-gateway\n"
	if !strings.Contains(text, start) {
		t.Fatal("the unit does not start the gateway")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, unit)
	if err := os.WriteFile(path, []byte(strings.Replace(text, start, "ExecStart=/bin/true\n", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	instance := filepath.Join(dir, "plenum-gateway@8081.service")
	if err := os.Symlink(path, instance); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool(t, "systemd-analyze"), "verify", "--man=no", instance).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.Command(tool(t, "systemd-analyze"), "security", "--offline=yes", "--threshold=20", path).CombinedOutput()
	if err != nil {
		t.Errorf("the unit may do too much: %v\n%s", err, out)
	}
}

func TestSystemdGivesTimeToDrain(t *testing.T) {
	text := read(t, "deploy/systemd/"+unit)
	value := func(pattern string) string {
		found := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no line %s", pattern)
		}
		return found[1]
	}
	if seconds, err := strconv.Atoi(value(`TimeoutStopSec=(\d+)`)); err != nil || time.Duration(seconds)*time.Second <= drain(t) {
		t.Errorf("killed after %d s; draining may take %v", seconds, drain(t))
	}
	files, _ := strconv.Atoi(value(`LimitNOFILE=(\d+)`))
	if connections, err := strconv.Atoi(settings(t)["PLENUM_CONNECTIONS"]); err != nil || files < connections+1000 {
		t.Errorf("%d descriptors for %d connections", files, connections)
	}
	for _, found := range regexp.MustCompile(`(?m)^Environment=(\w+)=`).FindAllStringSubmatch(text, -1) {
		checkSetting(t, unit, found[1])
	}
}
