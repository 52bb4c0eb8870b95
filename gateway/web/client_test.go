package web

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The client's own tests run on node.
func TestClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(`node is missing: run "make setup", or install it (Debian: apt-get install nodejs)`)
	}
	tests, err := filepath.Glob("client/test/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatalf("tests %v, %v", tests, err)
	}
	for i := range tests {
		tests[i] = filepath.Join("test", filepath.Base(tests[i]))
	}
	cmd := exec.CommandContext(t.Context(), node, append([]string{"--test"}, tests...)...)
	cmd.Dir = "client"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}
