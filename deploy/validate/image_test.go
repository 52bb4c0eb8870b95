package validate

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stages parses deploy/Dockerfile as the builder does.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, "deploy/Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("deploy/Dockerfile: %s", w.Short)
	}
	all, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "build" || all[1].BaseName != "scratch" {
		t.Fatalf("there must be a stage that builds, and one from scratch: %+v", all)
	}
	return all
}

// The image holds one program, runs it as nobody in particular, and asks it
// whether it is ready.
func TestImage(t *testing.T) {
	all := stages(t)
	checkImage(t, "Dockerfile", all[0].BaseName)
	var user, stop string
	var entry, check []string
	for _, c := range all[1].Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.StopSignalCommand:
			stop = c.Signal
		case *instructions.EntrypointCommand:
			entry = c.CmdLine
		case *instructions.HealthCheckCommand:
			check = c.Health.Test
		case *instructions.RunCommand:
			t.Error("there is nothing in the image that could run a command")
		}
	}
	if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("it runs as %q", user)
	}
	if stop != "SIGTERM" || !slices.Equal(entry, []string{"/plenum-gateway"}) || !slices.Equal(check, []string{"CMD", "/plenum-gateway", "--ready"}) {
		t.Errorf("stopped by %q, runs %q, checked by %q", stop, entry, check)
	}
}

// What the build stage copies is enough to build the program, and the program
// needs nothing else in its image.
func TestImageBuilds(t *testing.T) {
	dir := t.TempDir()
	var build string
	for _, c := range stages(t)[0].Commands {
		switch c := c.(type) {
		case *instructions.CopyCommand:
			for _, source := range c.SourcePaths {
				target := filepath.Join(dir, c.DestPath)
				if len(c.SourcePaths) > 1 {
					target = filepath.Join(target, filepath.Base(source))
				}
				copied(t, source, target)
			}
		case *instructions.RunCommand:
			build = strings.Join(c.CmdLine, " ") // the last one
		}
	}
	tests, err := filepath.Glob(filepath.Join(dir, "gateway/*/*_test.go"))
	if err != nil || len(tests) > 0 {
		t.Errorf("tests are copied into the image's build: %v, %v", tests, err)
	}
	program := filepath.Join(dir, "plenum-gateway")
	shell := exec.Command("sh", "-ec", strings.Replace(build, "-o /plenum-gateway", "-o "+program, 1))
	shell.Dir = dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GOWORK=") {
			shell.Env = append(shell.Env, variable)
		}
	}
	shell.Env = append(shell.Env, "VERSION=tested")
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	if out, err := exec.Command(program, "--version").CombinedOutput(); err != nil || !strings.Contains(string(out), "tested") {
		t.Errorf("it says %q, %v", out, err)
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if file.Section(".interp") != nil {
		t.Error("the program needs a dynamic linker, and the image has none")
	}
}

// ignored is what the builder leaves out of what is copied.
func ignored(t *testing.T) *patternmatcher.PatternMatcher {
	t.Helper()
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, "deploy/Dockerfile.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// copied copies a file or directory of the repository.
func copied(t *testing.T, source, to string) {
	t.Helper()
	ignore := ignored(t)
	err := filepath.WalkDir(filepath.Join(top, source), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if left, err := ignore.MatchesOrParentMatches(name); err != nil || left {
			return err
		}
		rest, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		return copyFile(path, filepath.Join(to, rest))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
