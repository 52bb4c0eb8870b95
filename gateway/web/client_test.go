package web

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The client's own tests run on node, on its modules and on the bundle.
func TestClient(t *testing.T) {
	node := find(t, "node")
	tests, err := filepath.Glob("client/test/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatalf("tests %v, %v", tests, err)
	}
	for i := range tests {
		tests[i] = filepath.Join("test", filepath.Base(tests[i]))
	}
	for name, module := range map[string]string{"modules": "../index.js", "bundle": "../dist/plenum.min.js"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, append([]string{"--test"}, tests...)...)
			cmd.Dir = "client"
			cmd.Env = append(os.Environ(), "CLIENT_UNDER_TEST="+module)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("node --test: %v\n%s", err, out)
			}
		})
	}
}

// What somebody gets who installs the client.
func TestClientPackage(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), find(t, "npm"), "pack", "--dry-run", "--json", "--ignore-scripts", "--offline")
	cmd.Dir = "client"
	cmd.Env = append(os.Environ(), "npm_config_cache="+t.TempDir(), "npm_config_update_notifier=false")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	var packages []struct {
		Size  int
		Files []struct{ Path string }
	}
	if err := json.Unmarshal(out, &packages); err != nil || len(packages) != 1 {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	want := []string{"LICENSE", "README.md", "package.json", "index.d.ts", "dist/plenum.min.d.ts", "dist/plenum.min.js", "dist/plenum.min.js.map"}
	modules, err := filepath.Glob("client/*.js")
	if err != nil || len(modules) == 0 {
		t.Fatalf("modules %v, %v", modules, err)
	}
	for _, name := range modules {
		want = append(want, filepath.Base(name))
	}
	var got []string
	for _, f := range packages[0].Files {
		got = append(got, f.Path)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the package has\n%v, want\n%v", got, want)
	}
	t.Logf("%d files, %d bytes", len(got), packages[0].Size)
}

func find(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf(`%s is missing: run "make setup", or install it (Debian: apt-get install nodejs npm)`, program)
	}
	return path
}

// What the page knows without a screen.
func TestPage(t *testing.T) {
	tests, err := filepath.Glob("page/test/*.test.js")
	if err != nil || len(tests) == 0 {
		t.Fatalf("tests %v, %v", tests, err)
	}
	cmd := exec.CommandContext(t.Context(), find(t, "node"), append([]string{"--test"}, tests...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node --test: %v\n%s", err, out)
	}
}
