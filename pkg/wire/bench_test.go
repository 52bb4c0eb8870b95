package wire

import (
	"encoding/json"
	"strconv"
	"testing"
)

const publishText = `{"type":"publish","ref":13,"event":"chat.message","data":{"text":"hello, everybody","n":[1,2,3]}}`

// tenEvents are events as they come out of a log.
func tenEvents() (n int, event func(i int) (uint64, []byte)) {
	var bodies [10][]byte
	for i := range bodies {
		bodies[i] = AppendEventBody(nil, &EventBody{At: 1763866000123, Event: []byte("chat.message"), From: "m_7f2a",
			Client: "c9f1", Ref: uint64(i + 1), Data: []byte(`{"text":"hello, everybody","n":` + strconv.Itoa(i) + `}`)})
	}
	return len(bodies), func(i int) (uint64, []byte) { return uint64(100 + i), bodies[i] }
}

// allocs takes the least of many single runs: encoding/json keeps its scanners
// in a sync.Pool, which forgets some, and under the race detector many.
func allocs(t *testing.T, want float64, what string, f func()) {
	t.Helper()
	got := testing.AllocsPerRun(1, f)
	for range 100 {
		got = min(got, testing.AllocsPerRun(1, f))
	}
	if got != want {
		t.Errorf("%s allocates %v times, want %v", what, got, want)
	}
}

func TestAllocations(t *testing.T) {
	publish := []byte(publishText)
	command := []byte(`{"type":"command","ref":14,"command":"cast_vote","data":{"round":3,"card":"5"}}`)
	keyed := []byte(`{"type":"publish","event":"cursor","key":"cursor","data":[3,4],"ephemeral":true}`)
	beat := []byte(`{"type":"heartbeat","at":1763866000000,"offset":128}`)
	var m Message
	for _, text := range [][]byte{publish, command, keyed, beat} {
		allocs(t, 0, "decoding "+string(text), func() {
			if err := Decode(text, &m); err != nil {
				t.Fatal(err)
			}
		})
	}

	n, event := tenEvents()
	allocs(t, 1, "encoding a frame of already encoded events", func() {
		AppendFrame(make([]byte, 0, FrameSize(n, event)), n, event)
	})
	frame := AppendFrame(nil, n, event)
	allocs(t, 3, "decoding a frame: the frame, its events, their strings", func() {
		if _, err := DecodeServer(frame); err != nil {
			t.Fatal(err)
		}
	})

	buf := make([]byte, 0, 512)
	body := EventBody{At: 1, Event: []byte("a"), From: "m", Client: "c", Ref: 1, Data: []byte("{}")}
	allocs(t, 0, "encoding an event into a buffer", func() { AppendEventBody(buf, &body) })
	allocs(t, 0, "encoding a publish into a buffer", func() { AppendPublish(buf, &m.Publish) })
	allocs(t, 0, "encoding an ack and a heartbeat into a buffer", func() {
		AppendHeartbeat(AppendAck(buf, 1, 2), 1763866000000)
	})
}

func BenchmarkDecodePublish(b *testing.B) {
	text := []byte(publishText)
	var m Message
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(text, &m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodePublishStandard is what encoding/json takes for the same.
func BenchmarkDecodePublishStandard(b *testing.B) {
	text := []byte(publishText)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var m struct {
			Type, Event, Key string
			Ref              uint64
			Data             json.RawMessage
			Ephemeral        bool
		}
		if err := json.Unmarshal(text, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeFrame(b *testing.B) {
	n, event := tenEvents()
	b.SetBytes(int64(FrameSize(n, event)))
	b.ReportAllocs()
	for b.Loop() {
		AppendFrame(make([]byte, 0, FrameSize(n, event)), n, event)
	}
}

func BenchmarkDecodeFrame(b *testing.B) {
	n, event := tenEvents()
	frame := AppendFrame(nil, n, event)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeServer(frame); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeFrameStandard is what encoding/json takes for the same.
func BenchmarkDecodeFrameStandard(b *testing.B) {
	n, event := tenEvents()
	frame := AppendFrame(nil, n, event)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		var m Frame
		if err := json.Unmarshal(frame, &m); err != nil {
			b.Fatal(err)
		}
	}
}
