package kind

import "encoding/json"

// Patcher is a state that a backend may change by a JSON merge patch (RFC 7396)
// over HTTP. States of other kinds refuse it.
type Patcher interface {
	// Patch returns what a patch does, like State.Do.
	Patch(patch json.RawMessage) (Result, error)
}
