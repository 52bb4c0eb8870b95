package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// fields are the raw values of the members that the protocol knows, as slices
// of the message; nil if absent. Names are compared exactly, as every other
// JSON implementation does; encoding/json would take "REF" for "ref". Splitting
// by hand also spares the hot path its allocations: 0 against 10 for a publish
// (BenchmarkDecodePublish).
type fields struct {
	typ, client, name, seat, since, accept, token, passcode, role []byte
	ref, event, key, data, ephemeral, cmd, at, offset, epoch      []byte
}

// scan splits a message. Of a repeated name the last value counts.
func (f *fields) scan(data []byte) error {
	start, err := object(data)
	if err != nil {
		return err
	}
	members(data, start, func(name []byte, from, to int) { f.set(name, data[from:to:to]) })
	return nil
}

// set keeps the value of a known name.
func (f *fields) set(name, raw []byte) {
	switch string(name) {
	case "type":
		f.typ = raw
	case "client":
		f.client = raw
	case "name":
		f.name = raw
	case "seat":
		f.seat = raw
	case "since":
		f.since = raw
	case "accept":
		f.accept = raw
	case "token":
		f.token = raw
	case "passcode":
		f.passcode = raw
	case "role":
		f.role = raw
	case "ref":
		f.ref = raw
	case "event":
		f.event = raw
	case "key":
		f.key = raw
	case "data":
		f.data = raw
	case "ephemeral":
		f.ephemeral = raw
	case "command":
		f.cmd = raw
	case "at":
		f.at = raw
	case "offset":
		f.offset = raw
	case "epoch":
		f.epoch = raw
	}
}

// object returns the index at which the JSON object in data starts. What it
// accepts can be walked by members, elements and value, which check nothing.
func object(data []byte) (int, error) {
	if !utf8.Valid(data) {
		return 0, malformed("a message must be UTF-8")
	}
	if !json.Valid(data) {
		return 0, malformed("a message must be one JSON object")
	}
	start := space(data, 0)
	if data[start] != '{' {
		return 0, malformed("a message must be one JSON object")
	}
	return start, nil
}

// gentle reports whether valid JSON is also good for parsers with less patience
// than ours: not deeper than MaxDepth, and no \u escape that is half of a
// surrogate pair (RFC 8259, section 8.2), which some cannot turn into text.
func gentle(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++
			if data[i] != 'u' || data[i+1]|0x20 != 'd' || data[i+2] < '8' {
				continue
			}
			if data[i+2]|0x20 > 'b' || i+7 >= len(data) || data[i+5] != '\\' || data[i+6] != 'u' || !low(data[i+7:]) {
				return false
			}
			i += 7
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// low reports whether four hexadecimal digits are the second half of a pair.
func low(hex []byte) bool {
	return hex[0]|0x20 == 'd' && (hex[1]|0x20 >= 'c' && hex[1]|0x20 <= 'f')
}

// members calls set for each member of the object that starts at data[i]:
// with its name, and with where its value starts and ends. It returns the
// index behind the object.
func members(data []byte, i int, set func(name []byte, from, to int)) int {
	for i = space(data, i+1); data[i] != '}'; i = space(data, i) {
		if data[i] == ',' {
			i = space(data, i+1)
		}
		end := value(data, i)
		name := data[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = unescape(data[i:end])
		}
		i = space(data, space(data, end)+1) // behind the colon
		end = value(data, i)
		set(name, i, end)
		i = end
	}
	return i + 1
}

// elements returns the number of elements of the array that starts at data[i].
func elements(data []byte, i int) (n int) {
	for i = space(data, i+1); data[i] != ']'; i = space(data, i) {
		if data[i] == ',' {
			i = space(data, i+1)
		}
		i = value(data, i)
		n++
	}
	return n
}

// unescape decodes a valid JSON string.
func unescape(quoted []byte) []byte {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic("wire: " + err.Error()) // the string was validated
	}
	return []byte(s)
}

// space returns the index of the first byte from i that is not white space.
func space(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// value returns the index behind the JSON value that starts at i. The bytes
// were validated, so it only has to find the end.
func value(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			i++
			continue
		default:
			for i < len(b) && !ends(b[i]) {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
}

// ends reports whether c ends a number or a literal.
func ends(c byte) bool {
	switch c {
	case ',', ':', '}', ']', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}
