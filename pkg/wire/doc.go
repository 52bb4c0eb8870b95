// Package wire is the protocol plenum.v1: every message that a client and a
// gateway exchange over their WebSocket, how each is encoded and decoded, the
// error codes, and the close codes with their ranges.
//
// The package promises three things. What [Decode] accepts is valid: UTF-8,
// JSON, names and numbers inside their bounds, so that nothing that one client
// sends can break another one's parser. What it refuses comes back as an
// [*Error] that says what is wrong, where, and what would be right, with the
// code and the close code that the client is to see. Unknown fields and types
// are ignored, in both directions.
//
// It imports the standard library only, and all its functions may be called
// concurrently. The file testdata/vectors.json holds encoded and decoded pairs;
// every implementation of the protocol is tested against it.
package wire

// Protocol is the WebSocket subprotocol (RFC 6455, section 1.9).
const Protocol = "plenum.v1"

// Bounds of the protocol, in characters unless said otherwise.
const (
	MaxSessionID = 64
	MaxClient    = 64
	MaxName      = 64
	MaxEvent     = 64
	MaxKey       = 64
	MaxDepth     = 64        // of nested arrays and objects
	MaxRef       = 1<<53 - 1 // the largest integer that JavaScript holds exactly
)
