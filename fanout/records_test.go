package fanout_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/plenum-gateway/plenum/fanout"
)

func TestDurableEvents(t *testing.T) {
	var records []byte
	records = fanout.AppendNote(records, []byte("note"))
	records = fanout.AppendEvent(records, []byte("one"))
	records = fanout.AppendEphemeral(records, "key", []byte("passing"))
	records = fanout.AppendEphemeral(records, "", nil)
	records = fanout.AppendEvent(records, nil)
	long := bytes.Repeat([]byte("x"), 1<<20)
	records = fanout.AppendEvent(records, long)
	before := []fanout.Event{{Offset: 1, Body: []byte("before")}}
	got, err := fanout.DurableEvents(before, 7, records)
	if err != nil {
		t.Fatal(err)
	}
	want := []fanout.Event{before[0], {Offset: 7, Body: []byte("one")}, {Offset: 8, Body: []byte{}}, {Offset: 9, Body: long}}
	if !slices.EqualFunc(got, want, func(a, b fanout.Event) bool {
		return a.Offset == b.Offset && len(a.Key) == 0 && bytes.Equal(a.Body, b.Body)
	}) {
		t.Errorf("got %.200v", got)
	}
	if got, err = fanout.DurableEvents(nil, 1, nil); err != nil || len(got) != 0 {
		t.Errorf("of nothing got %v, %v", got, err)
	}
}

func TestMalformedRecords(t *testing.T) {
	whole := fanout.AppendEphemeral(fanout.AppendEvent(nil, []byte("body")), "key", []byte("body"))
	for n := 1; n < len(whole); n++ {
		_, err := fanout.DurableEvents(nil, 1, whole[:n])
		if cut := n != 6; cut != errors.Is(err, fanout.ErrRecords) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	for _, records := range []string{"x", "\x00", "e", "e\x05abc", "mm", "m\x01", "z\x00",
		"e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "e\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if got, err := fanout.DurableEvents(nil, 1, []byte(records)); !errors.Is(err, fanout.ErrRecords) || len(got) > 0 {
			t.Errorf("%q: %v, %v", records, got, err)
		}
	}
}

func FuzzDurableEvents(f *testing.F) {
	f.Add([]byte("e\x04body"), uint64(1))
	f.Add(fanout.AppendNote(fanout.AppendEphemeral(nil, "key", []byte("body")), []byte("note")), uint64(9))
	f.Add([]byte("e\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), uint64(0))
	f.Fuzz(func(t *testing.T, records []byte, first uint64) {
		before := bytes.Clone(records)
		events, err := fanout.DurableEvents(nil, first, records)
		if !bytes.Equal(before, records) {
			t.Fatal("the records were changed")
		}
		if err != nil && !errors.Is(err, fanout.ErrRecords) {
			t.Fatalf("the error is %v", err)
		}
		size := 0
		for i, e := range events {
			if e.Offset != first+uint64(i) || len(e.Body) != cap(e.Body) {
				t.Fatalf("event %d is %+v, with room for %d", i, e, cap(e.Body))
			}
			size += len(e.Body) + 2
		}
		if size > len(records) {
			t.Fatalf("%d bytes were decoded to %d", len(records), size)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("body"), "key", []byte("note"), uint8(3))
	f.Fuzz(func(t *testing.T, body []byte, key string, note []byte, mix uint8) {
		var records []byte
		var want [][]byte
		for i := range 8 {
			switch {
			case mix>>i&1 == 0:
				records = fanout.AppendEvent(records, body)
				want = append(want, body)
			case i%2 == 0:
				records = fanout.AppendEphemeral(records, key, body)
			default:
				records = fanout.AppendNote(records, note)
			}
		}
		got, err := fanout.DurableEvents(nil, 1, records)
		if err != nil || !slices.EqualFunc(got, want, func(e fanout.Event, b []byte) bool { return bytes.Equal(e.Body, b) }) {
			t.Fatalf("%q came back as %v, %v", want, got, err)
		}
		if _, err = fanout.DurableEvents(nil, 1, append(records, 'x')); err == nil {
			t.Fatal("a stray byte was not noticed")
		}
	})
}
