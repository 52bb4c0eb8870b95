// Package apidoc has the documents that describe the gateway to programs:
// OpenAPI 3.1 of its HTTP, AsyncAPI 3 of its WebSocket. Tests hold the running
// gateway to them, see package apidoctest.
package apidoc

import (
	_ "embed"
	"net/http"
)

// OpenAPI describes the HTTP API.
//
//go:embed openapi.json
var OpenAPI []byte

// AsyncAPI describes the WebSocket.
//
//go:embed asyncapi.json
var AsyncAPI []byte

// Handler serves a document.
func Handler(document []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Write(document)
	}
}
