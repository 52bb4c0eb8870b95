// Package document is the kind of a shared JSON document. Members change it by
// JSON merge patches (RFC 7396); the log's order is the order of the patches,
// and everyone applies the same ones.
//
// Commands: patch, whose data is the merge patch, and replace, whose data is
// the new document. Events: document.patched and document.replaced with the
// same data. The state that members see is the document itself.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// MaxSize is the largest document, in bytes of JSON.
const MaxSize = 256 << 10

// Kind is the document kind.
type Kind struct{}

// Name implements kind.Kind.
func (Kind) Name() string { return "document" }

// New implements kind.Kind. The option document is the document to begin with;
// without it that is an empty object.
func (Kind) New(options json.RawMessage) (kind.State, error) {
	var o struct {
		Document json.RawMessage `json:"document"`
	}
	if len(options) > 0 && string(options) != "null" {
		if err := wire.Unmarshal(options, &o); err != nil {
			return nil, bad(`the options of a document are {"document": any JSON value}`)
		}
	}
	if o.Document == nil {
		o.Document = json.RawMessage("{}")
	}
	return checked(state(o.Document))
}

// Decode implements kind.Kind.
func (Kind) Decode(data []byte) (kind.State, error) {
	if !json.Valid(data) {
		return nil, fmt.Errorf("the stored document is not JSON")
	}
	return state(data), nil
}

// state is the document.
type state json.RawMessage

func (s state) Encode() []byte              { return s }
func (s state) View(string) json.RawMessage { return json.RawMessage(s) }

func (s state) Do(c kind.Command) (kind.Result, error) {
	switch c.Name {
	case "patch":
		return s.patch(c.Data)
	case "replace":
		next, err := checked(state(c.Data))
		return kind.Result{State: next, Events: []kind.Event{{Name: "document.replaced", Data: c.Data}}}, err
	}
	return kind.Result{}, &wire.Error{Code: wire.CodeUnknownCommand,
		Message: "a document has the commands patch and replace, not " + c.Name}
}

// Patch implements kind.Patcher. A patch that is no object replaces the document,
// as RFC 7396 has it.
func (s state) Patch(patch json.RawMessage) (kind.Result, error) {
	if len(patch) > 0 && patch[0] == '{' {
		return s.patch(patch)
	}
	return s.Do(kind.Command{Name: "replace", Data: patch})
}

func (s state) patch(patch json.RawMessage) (kind.Result, error) {
	if len(patch) == 0 || patch[0] != '{' {
		return kind.Result{}, bad("the data of patch must be an object, a JSON merge patch (RFC 7396)")
	}
	next, err := checked(state(merge(json.RawMessage(s), patch)))
	return kind.Result{State: next, Events: []kind.Event{{Name: "document.patched", Data: patch}}}, err
}

// merge is the MergePatch function of RFC 7396, section 2. Both must be JSON.
//
// github.com/evanphx/json-patch/v5 also drops nulls from the objects in a
// patch's arrays, so that members who go by the RFC would end with another
// document.
func merge(target, patch json.RawMessage) json.RawMessage {
	var document, changes map[string]json.RawMessage
	if json.Unmarshal(patch, &changes) != nil || changes == nil {
		return patch // no object
	}
	if json.Unmarshal(target, &document) != nil || document == nil {
		document = make(map[string]json.RawMessage, len(changes))
	}
	for name, value := range changes {
		if string(value) == "null" {
			delete(document, name)
		} else {
			document[name] = merge(document[name], value)
		}
	}
	return encode(document)
}

// encode marshals without the escapes for HTML, which would let a document grow
// with nothing in it changed.
func encode(document map[string]json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		panic("document: " + err.Error()) // it was made of JSON
	}
	return bytes.TrimSpace(b.Bytes())
}

// checked returns a document that is not too large. It is a copy, because the
// bytes of a command are only lent.
func checked(s state) (kind.State, error) {
	if len(s) > MaxSize {
		return nil, bad(fmt.Sprintf("the document would have %d bytes; at most %d are allowed", len(s), MaxSize))
	}
	return append(state(nil), s...), nil
}

func bad(text string) error { return &wire.Error{Code: wire.CodeBadData, Message: text} }
