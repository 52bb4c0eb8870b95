package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const dir = "../client"

func TestBundleIsWhatTheModulesMake(t *testing.T) {
	files, err := bundle(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || len(files[output]) == 0 || len(files[output+".map"]) == 0 {
		t.Fatalf("the bundler made %d files", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf(`%s is stale: run "make generate"`, name)
		}
	}
}

func TestBundleIsSmall(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(dir, output))
	if err != nil {
		t.Fatal(err)
	}
	raw, packed := weigh(content)
	t.Logf("%s: %d bytes, %d gzipped", output, raw, packed)
	if packed > limit {
		t.Errorf("%s has %d bytes gzipped; the client promises at most %d", output, packed, limit)
	}
}

// A package carries its licence with it.
func TestLicenceIsTheRepositorys(t *testing.T) {
	var texts [2][]byte
	for i, name := range []string{"../../../LICENSE", dir + "/LICENSE"} {
		var err error
		if texts[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("the client's LICENSE is not the repository's")
	}
}

func TestBrokenModulesAreTold(t *testing.T) {
	broken := t.TempDir()
	for name, content := range map[string]string{"package.json": "{}", "index.js": "export { x } from './missing.js';"} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bundle(broken); err == nil || !bytes.Contains([]byte(err.Error()), []byte("missing.js")) {
		t.Errorf("a module that is missing: %v", err)
	}
}
