// Package broadcast is the kind without rules: members publish, everyone hears.
package broadcast

import (
	"encoding/json"

	"github.com/plenum-gateway/plenum/gateway/kind"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Kind is the broadcast kind.
type Kind struct{}

// Name implements kind.Kind.
func (Kind) Name() string { return "broadcast" }

// New implements kind.Kind. There are no options.
func (Kind) New(json.RawMessage) (kind.State, error) { return state{}, nil }

// Decode implements kind.Kind.
func (Kind) Decode([]byte) (kind.State, error) { return state{}, nil }

type state struct{}

func (state) Encode() []byte              { return []byte("{}") }
func (state) View(string) json.RawMessage { return json.RawMessage("{}") }

func (state) Do(c kind.Command) (kind.Result, error) {
	return kind.Result{}, &wire.Error{Code: wire.CodeUnknownCommand,
		Message: "a broadcast session has no command " + c.Name + "; publish instead"}
}
