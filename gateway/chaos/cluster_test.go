package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNginxGetsTheReplicasOfTheRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := renderNginx(filepath.Join("..", "..", "deploy", "nginx"), dir, "127.0.0.1:1", []string{"127.0.0.1:2", "127.0.0.1:3"}); err != nil {
		t.Fatal(err)
	}
	for file, wanted := range map[string][]string{
		"listen.conf":   {"listen 127.0.0.1:1 backlog"},
		"upstream.conf": {"server 127.0.0.1:2 max_fails=0;", "server 127.0.0.1:3 max_fails=0;", "least_conn;", "keepalive"},
		"nginx.conf":    {cutAfter, "include upstream.conf;"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q", file, want)
			}
		}
		if strings.Contains(string(text), "server 127.0.0.1:80") {
			t.Errorf("%s still has the replicas of the repository", file)
		}
	}
}

func TestParseRef(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		client string
		ref    uint64
	}{
		"": {"", 0}, "c9f1:13": {"c9f1", 13}, "a:b:7": {"a:b", 7}, "c9f1": {"c9f1", 0}, "c9f1:x": {"c9f1", 0},
	} {
		if client, ref := parseRef(text); client != want.client || ref != want.ref {
			t.Errorf("parseRef(%q) is %q, %d", text, client, ref)
		}
	}
}
