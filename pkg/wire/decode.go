package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Message is one decoded message of a client. Only the member that Type names
// is set; a Type that is none of a client's five is to be ignored.
type Message struct {
	Type      Type
	Join      Join
	Publish   Publish
	Command   Command
	Heartbeat Heartbeat
}

// Decode reads one message of a client into m. The slices in m.Publish and
// m.Command point into data. A refusal is an *Error; with Close set it is the
// end of the connection.
func Decode(data []byte, m *Message) error {
	var f fields
	if err := f.scan(data); err != nil {
		return err
	}
	if !gentle(data) {
		return malformed("a message may nest at most %d deep, and must not have half a surrogate pair in a string", MaxDepth)
	}
	name, err := textBytes("type", f.typ)
	if err != nil {
		return err
	}
	if len(name) == 0 {
		return malformed("the field type is missing")
	}
	*m = Message{Type: typeOf(name)}
	switch m.Type {
	case TypeJoin:
		return f.join(&m.Join)
	case TypePublish:
		return f.publish(&m.Publish)
	case TypeCommand:
		return f.command(&m.Command)
	case TypeHeartbeat:
		return f.heartbeat(&m.Heartbeat)
	}
	return nil
}

func (f *fields) join(j *Join) (err error) {
	j.Type = TypeJoin
	for _, t := range []struct {
		name string
		raw  []byte
		to   *string
	}{
		{"client", f.client, &j.Client}, {"name", f.name, &j.Name}, {"seat", f.seat, &j.Seat},
		{"token", f.token, &j.Token}, {"passcode", f.passcode, &j.Passcode}, {"role", f.role, &j.Role},
	} {
		text, err := textBytes(t.name, t.raw)
		if err != nil {
			return err
		}
		*t.to = string(text)
	}
	if f.since != nil && !isNull(f.since) {
		if j.Since = position(f.since); j.Since == nil {
			return malformed(`the field since must be {"epoch":string,"offset":integer from 0}`)
		}
	}
	if f.accept != nil && json.Unmarshal(f.accept, &j.Accept) != nil {
		return malformed("the field accept must be an array of strings")
	}
	if !validText(j.Client, MaxClient) {
		return &Error{Code: CodeBadClient, Close: CloseJoinRefused,
			Message: "client must be 1 to 64 characters, without control characters"}
	}
	if f.name != nil && !isNull(f.name) {
		if j.Name, err = CheckName(j.Name); err != nil {
			err.(*Error).Close = CloseJoinRefused
			return err
		}
	}
	return nil
}

func (f *fields) publish(p *Publish) (err error) {
	if p.Ref, err = integer("ref", f.ref, 1); err != nil {
		return err
	}
	if p.Event, err = textBytes("event", f.event); err != nil {
		return err
	}
	if p.Key, err = textBytes("key", f.key); err != nil {
		return err
	}
	if f.ephemeral != nil {
		switch string(f.ephemeral) {
		case "true":
			p.Ephemeral = true
		case "false", "null":
		default:
			return malformed("the field ephemeral must be true or false")
		}
	}
	p.Data = f.payload()
	switch {
	case p.Ref == 0 && !p.Ephemeral:
		return &Error{Code: CodeRefRequired, Message: "a publish that is not ephemeral needs a ref, a positive integer that rises"}
	case !validEvent(p.Event):
		return &Error{Code: CodeBadEvent, Ref: p.Ref, Message: "event must be 1 to 64 characters of a-z 0-9 _ . -"}
	case p.Key != nil && !validText(string(p.Key), MaxKey):
		return &Error{Code: CodeBadKey, Ref: p.Ref, Message: "key must be 1 to 64 characters, without control characters"}
	}
	return nil
}

func (f *fields) command(c *Command) (err error) {
	if c.Ref, err = integer("ref", f.ref, 1); err != nil {
		return err
	}
	if c.Command, err = textBytes("command", f.cmd); err != nil {
		return err
	}
	c.Data = f.payload()
	switch {
	case c.Ref == 0:
		return &Error{Code: CodeRefRequired, Message: "a command needs a ref, a positive integer that rises"}
	case !validEvent(c.Command):
		return &Error{Code: CodeBadCommand, Ref: c.Ref, Message: "command must be 1 to 64 characters of a-z 0-9 _ . -"}
	}
	return nil
}

func (f *fields) heartbeat(h *Heartbeat) error {
	at, err := integer("at", f.at, 0)
	if err != nil {
		return err
	}
	h.At = int64(at)
	h.Offset, err = integer("offset", f.offset, 0)
	return err
}

// payload is the data of a publish or command.
func (f *fields) payload() []byte {
	if f.data == nil {
		return []byte("null")
	}
	return f.data
}

var types = [...]Type{TypePublish, TypeCommand, TypeHeartbeat, TypeJoin, TypeLeave,
	TypeFrame, TypeAck, TypeWelcome, TypeError, TypePrivate, TypeState, TypeDrain}

// typeOf spares the known types their allocation.
func typeOf(name []byte) Type {
	for _, t := range types {
		if string(t) == string(name) {
			return t
		}
	}
	return Type(name)
}

// position reads a position; nil if raw is none. Both members must be there:
// half a position is a mistake of the client's, and it should hear of it.
func position(raw []byte) *Position {
	if raw[0] != '{' {
		return nil
	}
	var f fields
	members(raw, 0, func(name []byte, from, to int) { f.set(name, raw[from:to:to]) })
	epoch, err := textBytes("epoch", f.epoch)
	if err != nil || epoch == nil || f.offset == nil || isNull(f.offset) {
		return nil
	}
	offset, err := integer("offset", f.offset, 0)
	if err != nil {
		return nil
	}
	return &Position{Epoch: string(epoch), Offset: offset}
}

// textBytes reads a string; a missing field and null are nil.
func textBytes(name string, raw []byte) ([]byte, error) {
	switch {
	case raw == nil || isNull(raw):
		return nil, nil
	case raw[0] != '"':
		return nil, malformed("the field %s must be a string", name)
	case bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1 : len(raw)-1], nil
	}
	return unescape(raw), nil
}

// integer reads an integer from least to MaxRef; a missing field and null are 0.
func integer(name string, raw []byte, least uint64) (n uint64, err error) {
	if raw == nil || isNull(raw) {
		return 0, nil
	}
	for _, c := range raw {
		if c < '0' || c > '9' || n > MaxRef/10 {
			return 0, malformed("the field %s must be an integer from %d to %d", name, least, uint64(MaxRef))
		}
		n = n*10 + uint64(c-'0')
	}
	if n < least || n > MaxRef {
		return 0, malformed("the field %s must be an integer from %d to %d", name, least, uint64(MaxRef))
	}
	return n, nil
}

func isNull(raw []byte) bool { return string(raw) == "null" }

// ValidSessionID reports whether id is 1 to 64 characters of A-Z a-z 0-9 _ -.
func ValidSessionID(id string) bool {
	if len(id) < 1 || len(id) > MaxSessionID {
		return false
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// ValidEvent reports whether name is 1 to 64 characters of a-z 0-9 _ . -.
func ValidEvent(name string) bool { return validEvent([]byte(name)) }

func validEvent(name []byte) bool {
	if len(name) < 1 || len(name) > MaxEvent {
		return false
	}
	for _, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-') {
			return false
		}
	}
	return true
}

// CheckName returns a display name trimmed, or an *Error that says what it must be.
func CheckName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if !validText(name, MaxName) {
		return "", &Error{Code: CodeBadName, Message: "name must be 1 to 64 characters after trimming, without control characters"}
	}
	return name, nil
}

// validText reports whether s is 1 to most characters, none of them a control character.
func validText(s string, most int) bool {
	if s == "" || len(s) > 4*most || utf8.RuneCountInString(s) > most {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
