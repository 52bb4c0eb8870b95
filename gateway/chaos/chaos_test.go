package chaos

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// build builds the gateway as it is now.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "plenum-gateway")
	args := []string{"build", "-o", binary}
	if raced {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, "github.com/plenum-gateway/plenum/gateway/cmd/gateway")...).CombinedOutput()
	if err != nil {
		t.Fatalf("building the gateway: %v\n%s", err, out)
	}
	return binary
}

var seed = flag.Uint64("seed", 1, "of the schedule of faults")

// The short version of "make chaos": every kind of fault, and every promise.
// What is asked for is so little that a slow machine manages it, too.
func TestPromisesHoldWhileThingsBreak(t *testing.T) {
	t.Parallel()
	o := Options{Gateway: build(t), Nginx: filepath.Join("..", "..", "deploy", "nginx"), Seed: *seed,
		For: 35 * time.Second, Members: 40, Rate: 1, Converge: 3 * time.Minute, Say: func(line string) { t.Log(line) }}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	report.Write(t.Output())
	if !report.OK() {
		t.Error("a promise was not kept")
	}
	struck := make(map[Kind]int)
	for _, f := range report.Faults {
		struck[f.Kind]++
	}
	for _, k := range Kinds() {
		if struck[k] == 0 {
			t.Errorf("there was no %q", k)
		}
	}
	if report.Overflows == 0 {
		t.Error("Redis has cut off no subscriber for its output buffer")
	}
	v := &report.Verdict
	if v.Deliveries < 2_000 || v.Acked < 100 || v.Resumes < 10 {
		t.Errorf("too little happened: %d deliveries, %d acknowledged, %d resumes", v.Deliveries, v.Acked, v.Resumes)
	}
}
