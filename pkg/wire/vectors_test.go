package wire

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// vectors is testdata/vectors.json; its member "about" says what it means.
type vectors struct {
	Client []struct {
		Name    string
		Text    string
		Base64  []byte
		Message json.RawMessage
		Error   *struct {
			Code  Code
			Ref   uint64
			Close CloseCode
		}
		Encode bool
	}
	Server []struct {
		Name      string
		Text      string
		Message   json.RawMessage
		Malformed bool
		Encode    bool
	}
	Close []struct {
		Code      CloseCode
		Reconnect bool
	}
	Wait []struct {
		Reason string
		Ms     int64
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOfClientMessages(t *testing.T) {
	for _, v := range readVectors(t).Client {
		t.Run(v.Name, func(t *testing.T) {
			text := []byte(v.Text)
			if v.Base64 != nil {
				text = v.Base64
			}
			var m Message
			err := Decode(text, &m)
			if v.Error != nil {
				e, ok := err.(*Error)
				if !ok {
					t.Fatalf("decoded %+v with error %v, want %+v", m, err, *v.Error)
				}
				if e.Code != v.Error.Code || e.Ref != v.Error.Ref || e.Close != v.Error.Close {
					t.Fatalf("refused with %+v, want %+v", *e, *v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, decodedForm(t, &m), v.Message)
			if v.Encode {
				sameJSON(t, encodeClient(t, &m), text)
			}
		})
	}
}

// decodedForm is m as the vectors write it: without the members that are absent.
func decodedForm(t *testing.T, m *Message) []byte {
	form := map[string]any{"type": m.Type}
	put := func(name string, value any) {
		if !reflect.ValueOf(value).IsZero() {
			form[name] = value
		}
	}
	switch m.Type {
	case TypeJoin:
		return encode(&m.Join)
	case TypePublish:
		put("ref", m.Publish.Ref)
		put("event", string(m.Publish.Event))
		put("key", string(m.Publish.Key))
		put("ephemeral", m.Publish.Ephemeral)
		form["data"] = json.RawMessage(m.Publish.Data)
	case TypeCommand:
		put("ref", m.Command.Ref)
		put("command", string(m.Command.Command))
		form["data"] = json.RawMessage(m.Command.Data)
	case TypeHeartbeat:
		put("at", m.Heartbeat.At)
		put("offset", m.Heartbeat.Offset)
	}
	text, err := json.Marshal(form)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func encodeClient(t *testing.T, m *Message) []byte {
	switch m.Type {
	case TypeJoin:
		return m.Join.Encode()
	case TypePublish:
		return AppendPublish(nil, &m.Publish)
	case TypeCommand:
		return AppendCommand(nil, &m.Command)
	case TypeHeartbeat:
		return AppendHeartbeatAnswer(nil, m.Heartbeat)
	case TypeLeave:
		return AppendLeave(nil)
	}
	t.Fatalf("a client does not send %q", m.Type)
	return nil
}

func TestVectorsOfServerMessages(t *testing.T) {
	for _, v := range readVectors(t).Server {
		t.Run(v.Name, func(t *testing.T) {
			m, err := DecodeServer([]byte(v.Text))
			if v.Malformed {
				if err == nil {
					t.Fatalf("decoded %+v, want an error", m)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, serverForm(&m), v.Message)
			if v.Encode {
				sameJSON(t, encodeServer(t, &m), []byte(v.Text))
			}
		})
	}
}

// serverForm is m as the vectors write it.
func serverForm(m *ServerMessage) []byte {
	switch m.Type {
	case TypeWelcome:
		return encode(m.Welcome)
	case TypeFrame:
		return encode(m.Frame)
	case TypeAck:
		return encode(m.Ack)
	case TypeError:
		return m.Error.Encode()
	case TypePrivate:
		return encode(m.Private)
	case TypeState:
		return encode(m.State)
	case TypeHeartbeat:
		return encode(m.Heartbeat)
	case TypeDrain:
		return encode(m.Drain)
	}
	return encode(map[string]any{"type": m.Type})
}

// encodeServer encodes m as a gateway does.
func encodeServer(t *testing.T, m *ServerMessage) []byte {
	switch m.Type {
	case TypeWelcome:
		return m.Welcome.Encode()
	case TypeFrame:
		return encodeFrame(m.Frame.Events)
	case TypeAck:
		return AppendAck(nil, m.Ack.Ref, m.Ack.Offset)
	case TypeError:
		return m.Error.Encode()
	case TypePrivate:
		return m.Private.Encode()
	case TypeState:
		return m.State.Encode()
	case TypeHeartbeat:
		return AppendHeartbeat(nil, m.Heartbeat.At)
	case TypeDrain:
		return m.Drain.Encode()
	}
	t.Fatalf("a gateway does not send %q", m.Type)
	return nil
}

// encodeFrame encodes events from their bodies, as they come out of a log.
func encodeFrame(events []Event) []byte {
	bodies := make([][]byte, len(events))
	for i, e := range events {
		client, ref := splitRef(e.Ref)
		bodies[i] = AppendEventBody(nil, &EventBody{At: e.At, Event: []byte(e.Event), From: e.From,
			Client: client, Ref: ref, Data: e.Data})
	}
	event := func(i int) (uint64, []byte) { return events[i].Offset, bodies[i] }
	frame := AppendFrame(make([]byte, 0, FrameSize(len(events), event)), len(events), event)
	if len(frame) != cap(frame) {
		panic("FrameSize is wrong: " + strconv.Itoa(cap(frame)) + " for " + string(frame))
	}
	return frame
}

// splitRef is the inverse of how an event's ref is written; a client may contain colons.
func splitRef(s string) (client string, ref uint64) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		ref, _ = strconv.ParseUint(s[i+1:], 10, 64)
		client = s[:i]
	}
	return client, ref
}

func TestVectorsOfCloseCodes(t *testing.T) {
	for _, v := range readVectors(t).Close {
		if got := v.Code.Reconnect(); got != v.Reconnect {
			t.Errorf("%d: reconnect %t, want %t", v.Code, got, v.Reconnect)
		}
	}
}

func TestVectorsOfWaits(t *testing.T) {
	for _, v := range readVectors(t).Wait {
		if got := ParseWait(v.Reason).Milliseconds(); got != v.Ms {
			t.Errorf("%q: %d ms, want %d", v.Reason, got, v.Ms)
		}
	}
}

// sameJSON fails the test unless both texts are the same JSON value.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Fatalf("got  %s\nwant %s", bytes.TrimSpace(got), bytes.TrimSpace(want))
	}
}
