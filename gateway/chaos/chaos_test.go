//go:build chaos

// The short chaos run is not part of the ordinary tests yet: with -tags chaos it
// still finds that a join which a client has given up can end its newer connection.

package chaos

import (
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

// The short version of "make chaos": every kind of fault, and every promise.
func TestPromisesHoldWhileThingsBreak(t *testing.T) {
	o := Options{Gateway: build(t), Nginx: filepath.Join("..", "..", "deploy", "nginx"), Seed: 1,
		For: 35 * time.Second, Members: 40, Rate: 1, Say: func(line string) { t.Log(line) }}
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
	v := &report.Verdict
	if v.Deliveries < 10_000 || v.Acked < 500 || v.Resumes < 20 {
		t.Errorf("too little happened: %d deliveries, %d acknowledged, %d resumes", v.Deliveries, v.Acked, v.Resumes)
	}
}
