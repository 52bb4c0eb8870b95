package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"type":"join","client":"c","since":{"epoch":"e","offset":1},"accept":["gzip"]}`,
		`{"type":"publish","ref":1,"event":"a","data":{"a":[1,"\"}",null]},"ref":2}`,
		`{"\u0074ype":"command","Ref":3,"ref" : 4, "command":"c","data":-1.5e3}`,
		`{"type":"heartbeat","at":1,"offset":2}`, `{"type":"leave"}`, `null`, `[]`, ` {"":{}} `,
		`{"a":"\ud800","\ud800":1,"type":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Message
		err := Decode(text, &m)
		checkRefusal(t, err)

		var want map[string]json.RawMessage
		valid := utf8.Valid(text) && json.Unmarshal(text, &want) == nil && want != nil
		var got fields
		if (got.scan(text) == nil) != valid {
			t.Fatalf("valid %t, but scan says %v", valid, got.scan(text))
		}
		if !valid {
			if e, ok := err.(*Error); !ok || e.Code != CodeMalformed {
				t.Fatalf("not an object, but %v", err)
			}
			return
		}
		for name, raw := range map[string][]byte{
			"type": got.typ, "client": got.client, "name": got.name, "seat": got.seat, "since": got.since,
			"accept": got.accept, "token": got.token, "passcode": got.passcode, "role": got.role,
			"ref": got.ref, "event": got.event, "key": got.key, "data": got.data,
			"ephemeral": got.ephemeral, "command": got.cmd, "at": got.at, "offset": got.offset, "epoch": got.epoch,
		} {
			if !bytes.Equal(raw, bytes.TrimSpace(want[name])) || (raw == nil) != (want[name] == nil) {
				t.Fatalf("%s is %q, want %q", name, raw, want[name])
			}
		}
		if err == nil && m.Type == TypePublish && (!ValidEvent(string(m.Publish.Event)) || !json.Valid(m.Publish.Data)) {
			t.Fatalf("accepted %+v", m.Publish)
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := err.(*Error)
	if !ok || e.Code == "" || e.Message == "" {
		t.Fatalf("refused with %#v", err)
	}
	if !json.Valid(e.Encode()) {
		t.Fatalf("the refusal is encoded as %s", e.Encode())
	}
}

func FuzzDecodeServer(f *testing.F) {
	for _, text := range []string{
		`{"type":"frame","events":[{"offset":1,"at":2,"event":"a","from":"m","ref":"c:1","data":{"x":[]}},{"event":"b"}]}`,
		`{"type":"frame","events":[],"events":[{"event":"\u0061","at":1,"data":"\\"}]}`,
		`{"type":"welcome","session":{"epoch":"e","offset":1},"members":[],"resumed":true}`,
		`{"type":"error","code":"c","after":-1}`, `{"type":"drain","after":1}`, `{"type":"state","state":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := DecodeServer(text)
		if err != nil || m.Type != TypeFrame {
			return
		}
		for _, e := range m.Frame.Events {
			if e.Event == "" || !json.Valid(e.Data) || e.Offset > MaxRef {
				t.Fatalf("accepted %+v", e)
			}
		}
		again, err := DecodeServer(encode(m.Frame))
		if err != nil || len(again.Frame.Events) != len(m.Frame.Events) {
			t.Fatalf("%+v came back as %+v, %v", m.Frame, again.Frame, err)
		}
	})
}

// What one member sends reaches the others' parsers inside a frame; whatever
// it is, the frame is valid and says the same.
func FuzzFrame(f *testing.F) {
	f.Add(uint64(129), int64(1763866000123), "chat.message", "m_7f2a", "c9f1", uint64(13), []byte(`{"text":"hi"}`))
	f.Add(uint64(0), int64(0), "a", "", "", uint64(0), []byte(`"\u2028"`))
	f.Add(uint64(1), int64(1), "b", `"\`, "a:\x00", uint64(MaxRef), []byte(` [1, 2] `))
	f.Fuzz(func(t *testing.T, offset uint64, at int64, event, from, client string, ref uint64, data []byte) {
		if !ValidEvent(event) || !json.Valid(data) || !utf8.Valid(data) || !utf8.ValidString(from) || !utf8.ValidString(client) ||
			offset > MaxRef || at < 0 || at > MaxRef {
			return
		}
		if ref == 0 {
			client = ""
		}
		body := &EventBody{At: at, Event: []byte(event), From: from, Client: client, Ref: ref, Data: data}
		stored := AppendEventBody(nil, body)
		events := func(i int) (uint64, []byte) { return offset * uint64(i), stored }
		frame := AppendFrame(make([]byte, 0, FrameSize(2, events)), 2, events)
		if len(frame) != cap(frame) {
			t.Fatalf("FrameSize says %d, AppendFrame wrote %d", cap(frame), len(frame))
		}
		m, err := DecodeServer(frame)
		if err != nil || len(m.Frame.Events) != 2 {
			t.Fatalf("%v in %s", err, frame)
		}
		var std Frame
		if err := json.Unmarshal(frame, &std); err != nil {
			t.Fatalf("%v in %s", err, frame)
		}
		for i, e := range m.Frame.Events {
			gotClient, gotRef := splitRef(e.Ref)
			got := EventBody{At: e.At, Event: []byte(e.Event), From: e.From, Client: gotClient, Ref: gotRef,
				Data: bytes.TrimSpace(data)}
			want := *body
			want.Data = got.Data
			if !reflect.DeepEqual(got, want) || e.Offset != offset*uint64(i) || !bytes.Equal(e.Data, got.Data) {
				t.Fatalf("%+v came back as %+v at %d with %s", want, got, e.Offset, e.Data)
			}
			e.Data, std.Events[i].Data = nil, nil
			if !reflect.DeepEqual(e, std.Events[i]) {
				t.Fatalf("encoding/json reads %+v, DecodeServer %+v", std.Events[i], e)
			}
		}
	})
}

func FuzzClientMessages(f *testing.F) {
	f.Add(uint64(1), "a", "k", []byte(`{}`), true)
	f.Add(uint64(MaxRef), "cast_vote", "", []byte(`null`), false)
	f.Fuzz(func(t *testing.T, ref uint64, event, key string, data []byte, ephemeral bool) {
		if !ValidEvent(event) || !json.Valid(data) || !utf8.Valid(data) || ref == 0 || ref > MaxRef ||
			key != "" && !validText(key, MaxKey) || !utf8.ValidString(key) {
			return
		}
		p := Publish{Ref: ref, Event: []byte(event), Key: []byte(key), Data: bytes.TrimSpace(data), Ephemeral: ephemeral}
		var m Message
		if err := Decode(AppendPublish(nil, &p), &m); err != nil {
			t.Fatalf("%v in %s", err, AppendPublish(nil, &p))
		}
		if m.Publish.Key == nil {
			m.Publish.Key = []byte{}
		}
		if !reflect.DeepEqual(m.Publish, p) {
			t.Fatalf("%+v came back as %+v", p, m.Publish)
		}
		c := Command{Ref: ref, Command: []byte(event), Data: bytes.TrimSpace(data)}
		if err := Decode(AppendCommand(nil, &c), &m); err != nil || !reflect.DeepEqual(m.Command, c) {
			t.Fatalf("%+v came back as %+v, %v", c, m.Command, err)
		}
	})
}
