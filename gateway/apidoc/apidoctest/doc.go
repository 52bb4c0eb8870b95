// Package apidoctest holds what a gateway says against the documents of package
// apidoc.
package apidoctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is a JSON document with schemas in it.
type document struct {
	name     string
	root     map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema // by pointer
}

func open(name string, data []byte) (*document, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no object", name)
	}
	d := &document{name: "https://plenum.test/" + name, root: object, compiler: jsonschema.NewCompiler(), compiled: make(map[string]*jsonschema.Schema)}
	return d, d.compiler.AddResource(d.name, root)
}

// at returns what stands at a path; nil if nothing does.
func (d *document) at(path ...string) any {
	var here any = d.root
	for _, name := range path {
		object, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = object[name]
	}
	return here
}

// object returns the object at a path; nil if there is none.
func (d *document) object(path ...string) map[string]any {
	o, _ := d.at(path...).(map[string]any)
	return o
}

// valid holds JSON against the schema at a path.
func (d *document) valid(text []byte, path ...string) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return d.validValue(value, path...)
}

func (d *document) validValue(value any, path ...string) error {
	pointer := "#"
	for _, name := range path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D").Replace(name)
	}
	schema := d.compiled[pointer]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(d.name + pointer); err != nil {
			return fmt.Errorf("the schema at %s: %w", pointer, err)
		}
		d.compiled[pointer] = schema
	}
	return schema.Validate(value)
}

// scalar is a text as the JSON value that a schema of a parameter means.
func scalar(text string) any {
	if value, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
		if _, ok := value.(json.Number); ok {
			return value
		}
	}
	return text
}
