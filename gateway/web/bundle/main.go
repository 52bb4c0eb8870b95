// Command bundle makes dist/ of the JavaScript client: all of its modules in
// one minified ES module, and the source map to them. It prints what they weigh.
//
// It is a program of its own, so that the bundler is no part of the gateway.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

const (
	output = "dist/plenum.min.js"
	limit  = 6 << 10 // bytes of the bundle, gzipped
)

func main() {
	dir := flag.String("dir", "gateway/web/client", "the client's directory")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := bundle(dir)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	raw, packed := weigh(files[output])
	fmt.Printf("%-24s %6d bytes, %5d gzipped; at most %d\n", output, raw, packed, limit)
	raw, packed, err = weighModules(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%-24s %6d bytes, %5d gzipped\n", "the modules one by one", raw, packed)
	return nil
}

// bundle returns the files of dist by their path in the client's directory. They
// depend on nothing but the modules and package.json.
func bundle(dir string) (map[string][]byte, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	about, err := readPackage(dir)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: dir, EntryPoints: []string{"index.js"}, Outfile: output,
		Bundle: true, Format: api.FormatESModule, Target: api.ES2022, TsconfigRaw: "{}",
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		LineLimit: 160, // for those who compare two versions
		Charset:   api.CharsetUTF8,
		Sourcemap: api.SourceMapLinked, SourcesContent: api.SourcesContentExclude,
		Banner: map[string]string{"js": fmt.Sprintf("/*! %s %s | %s */", about.Name, about.Version, about.License)},
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("%s", api.FormatMessages(result.Errors, api.FormatMessagesOptions{}))
	}
	files := make(map[string][]byte)
	for _, f := range result.OutputFiles {
		name, err := filepath.Rel(dir, f.Path)
		if err != nil {
			return nil, err
		}
		files[filepath.ToSlash(name)] = f.Contents
	}
	return files, nil
}

type packageJSON struct {
	Name, Version, License string
}

func readPackage(dir string) (about packageJSON, err error) {
	content, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err == nil {
		err = json.Unmarshal(content, &about)
	}
	return about, err
}

// weigh returns the bytes of a file as it is and as gzip -9 makes it.
func weigh(content []byte) (raw, packed int) {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for an unknown level only
	_, _ = w.Write(content)                               // a buffer takes everything
	_ = w.Close()
	return len(content), b.Len()
}

// weighModules returns the sum over the modules, each gzipped for itself as a
// server does it.
func weighModules(dir string) (raw, packed int, err error) {
	modules, err := filepath.Glob(filepath.Join(dir, "*.js"))
	for _, name := range modules {
		content, readErr := os.ReadFile(name)
		if readErr != nil {
			return 0, 0, readErr
		}
		r, p := weigh(content)
		raw, packed = raw+r, packed+p
	}
	return raw, packed, err
}
