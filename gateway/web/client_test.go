package web

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The client's own tests run on node.
func TestClient(t *testing.T) { runOnNode(t, "client") }

// So do those of the page: what it knows without a screen.
func TestPage(t *testing.T) { runOnNode(t, "page") }

func runOnNode(t *testing.T, dir string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(`node is missing: run "make setup", or install it (Debian: apt-get install nodejs)`)
	}
	tests, err := filepath.Glob(filepath.Join(dir, "test", "*.test.js"))
	if err != nil || len(tests) == 0 {
		t.Fatalf("tests %v, %v", tests, err)
	}
	for i := range tests {
		tests[i] = filepath.Join("test", filepath.Base(tests[i]))
	}
	cmd := exec.CommandContext(t.Context(), node, append([]string{"--test"}, tests...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}
