package apidoctest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plenum-gateway/plenum/gateway/apidoc"
)

// The documents are what they say they are, by the schemas of their formats.
func TestDocumentsAreWellFormed(t *testing.T) {
	for name, c := range map[string]struct{ document, schema []byte }{
		"OpenAPI":  {apidoc.OpenAPI, read(t, "../testdata/openapi-3.1.schema.json")},
		"AsyncAPI": {apidoc.AsyncAPI, unzip(t, read(t, "../testdata/asyncapi-3.0.schema.json.gz"))},
	} {
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.schema))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("https://plenum.test/format", schema); err != nil {
			t.Fatal(err)
		}
		format, err := compiler.Compile("https://plenum.test/format")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.document))
		if err != nil {
			t.Fatal(err)
		}
		if err := format.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		document.(map[string]any)["info"] = 7
		if format.Validate(document) == nil {
			t.Errorf("%s: a document with a mistake passes", name)
		}
	}
}

// vector is one of the pairs that codecs are tested with.
type vector struct {
	Name, Text string
	Error      *struct{ Code string }
	Malformed  bool
}

// What codecs take the document describes, and what they refuse it does not.
func TestVectors(t *testing.T) {
	var vectors struct{ Client, Server []vector }
	if err := json.Unmarshal(read(t, "../../../pkg/wire/testdata/vectors.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	m, err := NewMessages()
	if err != nil {
		t.Fatal(err)
	}
	// JSON Schema takes 1.0 and 1e3 for integers; the codec does not.
	beyond := map[string]bool{"publish, a ref with a fraction": true, "publish, a ref with an exponent": true}
	seen := make(map[string]int)
	for _, v := range vectors.Client {
		known, err := m.FromClient([]byte(v.Text))
		if refused := v.Error != nil; known && refused != (err != nil) && !beyond[v.Name] {
			t.Errorf("client, %s: refused %t, by the document: %v", v.Name, refused, err)
		}
		count(seen, known, err)
	}
	for _, v := range vectors.Server {
		known, err := m.FromServer([]byte(v.Text))
		if known && v.Malformed != (err != nil) {
			t.Errorf("server, %s: malformed %t, by the document: %v", v.Name, v.Malformed, err)
		}
		count(seen, known, err)
	}
	if client, server := m.Types(); client != 5 || server != 8 {
		t.Errorf("the document has %d and %d types of messages", client, server)
	}
	if seen["good"] < 40 || seen["bad"] < 30 || seen["unknown"] != 2 {
		t.Errorf("vectors by the document: %v", seen)
	}
}

func count(seen map[string]int, known bool, err error) {
	switch {
	case !known:
		seen["unknown"]++
	case err != nil:
		seen["bad"]++
	default:
		seen["good"]++
	}
}

// The examples in the document are what it describes.
func TestExamples(t *testing.T) {
	m, err := NewMessages()
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.object("components", "messages") {
		examples, _ := m.at("components", "messages", name, "examples").([]any)
		if len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range examples {
			if err := m.validValue(e.(map[string]any)["payload"], "components", "messages", name, "payload"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The checker notices what the document does not say.
func TestCheckFails(t *testing.T) {
	h, err := NewHTTP()
	if err != nil {
		t.Fatal(err)
	}
	good := Exchange{Method: "GET", Path: "/healthz", Status: 200, Answer: map[string][]string{"Content-Type": {"application/json"}}, Text: []byte(`{"status":"alive"}`)}
	if err := h.Check(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(e *Exchange){
		"another path":   func(e *Exchange) { e.Path = "/nothing" },
		"another method": func(e *Exchange) { e.Method = "POST" },
		"another status": func(e *Exchange) { e.Status = 500 },
		"another type":   func(e *Exchange) { e.Answer = map[string][]string{"Content-Type": {"text/plain"}} },
		"another body":   func(e *Exchange) { e.Text = []byte(`{"status":7}`) },
		"no JSON":        func(e *Exchange) { e.Text = []byte(`alive`) },
		"no header":      func(e *Exchange) { e.Method, e.Path, e.Status = "GET", "/api/sessions/{id}", 304; e.Text = nil },
	} {
		bad := good
		if change(&bad); h.Check(bad) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unzip(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
