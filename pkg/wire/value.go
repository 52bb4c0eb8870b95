package wire

import (
	"encoding/json"
	"unicode/utf8"
)

// CheckJSON returns an *Error unless data is one JSON value that every client
// can take: UTF-8, nested at most MaxDepth deep, and without half a surrogate
// pair in a string (RFC 8259, section 8.2).
func CheckJSON(data []byte) error {
	switch {
	case !utf8.Valid(data):
		return malformed("it must be UTF-8")
	case !json.Valid(data):
		return malformed("it must be one JSON value")
	case !gentle(data):
		return malformed("it may nest at most %d deep, and must not have half a surrogate pair in a string", MaxDepth)
	}
	return nil
}
