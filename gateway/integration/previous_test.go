package integration

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var previousFlag = flag.String("previous", "", "the commit whose gateway runs beside this one's; empty: the last one with another gateway")

// codePaths are what the gateway is built from.
var codePaths = []string{"go.work", "gateway", "fanout", "pkg", ":(exclude)*_test.go", ":(exclude)*/testdata/*"}

// previousProgram builds the gateway of an earlier commit, from the repository
// itself.
func previousProgram(t testing.TB) string {
	t.Helper()
	commit := *previousFlag
	if commit == "" {
		var err error
		if commit, err = previousCommit(); err != nil {
			t.Fatalf("the gateway of the previous commit runs beside this one's, and cannot be had: %v\n"+
				"It needs the repository with its history: \"git fetch --unshallow\" completes a shallow clone, and -previous COMMIT names another commit.", err)
		}
	}
	title, err := git("log", "-1", "--format=%h %s", commit)
	if err != nil {
		t.Fatalf("-previous %s: %v", commit, err)
	}
	t.Logf("the previous gateway is that of %s", title)

	dir := t.TempDir()
	archive := exec.Command("git", "archive", "--format=tar", commit)
	archive.Dir = "../.."
	unpack := exec.Command("tar", "-x", "-C", dir)
	if unpack.Stdin, err = archive.StdoutPipe(); err == nil {
		err = archive.Start()
	}
	if err == nil {
		err = errors.Join(unpack.Run(), archive.Wait())
	}
	if err != nil {
		t.Fatalf("taking commit %s out of the repository: %v", commit, err)
	}
	path := filepath.Join(dir, "previous-gateway")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/gateway")
	build.Dir = filepath.Join(dir, "gateway")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the gateway of commit %s: %v\n%s", commit, err, out)
	}
	return path
}

// previousCommit finds the last commit with another gateway than the one that
// the tests were built with. Merges count as one step: what was main before.
func previousCommit() (string, error) {
	changed, err := git(append([]string{"status", "--porcelain", "--"}, codePaths...)...)
	if err != nil {
		return "", err
	}
	if changed != "" {
		return "HEAD", nil
	}
	last, err := git(append([]string{"log", "-1", "--first-parent", "--format=%H", "--"}, codePaths...)...)
	if err != nil {
		return "", err
	}
	return git("rev-parse", "--verify", "--quiet", "--end-of-options", last+"^1")
}

// git runs a git command in the repository and returns what it says.
func git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = "../.."
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSpace(string(out)), err
}
