package history

import (
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestValidHistoriesAreNotDoubted(t *testing.T) {
	t.Parallel()
	var all Summary
	for seed := range uint64(600) {
		s := valid(seed)
		v := s.judge()
		if len(v.Contradictions) > 0 {
			v.Explain(t.Output())
			t.Fatalf("seed %d: %d contradictions in a history that has none", seed, len(v.Contradictions))
		}
		all.Deliveries += v.Deliveries
		all.Acked += v.Acked
		all.Refused += v.Refused
		all.Unknown += v.Unknown
		all.Resumes += v.Resumes
		all.Snapshots += v.Snapshots
		all.Unseen += v.Unseen
		all.Epochs += v.Epochs - v.Sessions
	}
	for name, n := range map[string]int{"deliveries": all.Deliveries, "acknowledged": all.Acked, "refused": all.Refused,
		"unknown": all.Unknown, "resumes": all.Resumes, "snapshots": all.Snapshots, "unseen": all.Unseen, "new epochs": all.Epochs} {
		if n < 100 {
			t.Errorf("the model made only %d %s", n, name)
		}
	}
}

// at is a clock that stands still until it is set.
type at time.Duration

func (a *at) set(ms int) { *a = at(ms) * at(time.Millisecond) }

// small is a session with two members at offset 2.
func small(expected Expected) (clock *at, h *History, s *Session, ada, bob *Client) {
	clock = new(at)
	h = New(func() time.Duration { return time.Duration(*clock) })
	s = h.Session("s", expected)
	ada, bob = s.Client("ada", "a"), s.Client("bob", "b")
	members := []byte(`[{"member":"m1","name":"ada","status":"online"},{"member":"m2","name":"bob","status":"online"}]`)
	for i, c := range []*Client{ada, bob} {
		c.Welcomed(Welcome{Replica: "r1", Member: []string{"m1", "m2"}[i], Epoch: "e", Offset: 2})
		c.Replaced(Snapshot{Epoch: "e", Offset: 2, Reason: "snapshot", Members: members, State: []byte(`{}`)})
	}
	return clock, h, s, ada, bob
}

func note(offset uint64, member, client string, ref uint64, data string) Event {
	return Event{Offset: offset, Name: "note", From: member, Client: client, Ref: ref, Data: []byte(data)}
}

// wantRules fails the test unless exactly these rules are contradicted.
func wantRules(t *testing.T, v Verdict, rules ...Rule) {
	t.Helper()
	var found []Rule
	for _, c := range v.Contradictions {
		found = append(found, c.Rule)
	}
	if !slices.Equal(found, rules) {
		v.Explain(t.Output())
		t.Fatalf("contradicted are %q; want %q", found, rules)
	}
}

// What is acknowledged exists: whatever is sent after that comes behind it.
func TestARequestSentLaterTakesEffectLater(t *testing.T) {
	t.Parallel()
	clock, h, _, ada, bob := small(Expected{})
	clock.set(10)
	ada.Sent(h.Now(), 1, "note", []byte(`1`))
	clock.set(20)
	ada.Settled(1, Acked, 0)
	clock.set(30)
	bob.Sent(h.Now(), 1, "note", []byte(`2`))
	clock.set(40)
	bob.Settled(1, Acked, 0)
	for _, c := range []*Client{ada, bob} {
		c.Saw(note(3, "m2", "b", 1, `2`), note(4, "m1", "a", 1, `1`))
	}
	wantRules(t, h.Judge(), RuleTime)
}

func TestAnEventOfTheGatewayThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	_, h, _, ada, _ := small(Expected{})
	ada.Saw(Event{Offset: 3, Name: "note", From: "m2", Data: []byte(`1`)})
	wantRules(t, h.Judge(), RuleAsked)
}

func TestAFaultThatTheClientFound(t *testing.T) {
	t.Parallel()
	_, h, _, _, bob := small(Expected{})
	bob.Fault("the gateway broke the protocol")
	wantRules(t, h.Judge(), RuleFault)
}

// One acknowledged request may lie at an offset that everybody skipped, but not two.
func TestWhatEverybodySkippedIsJudgedByItsNumber(t *testing.T) {
	t.Parallel()
	for _, requests := range []uint64{1, 2} {
		_, h, _, ada, bob := small(Expected{})
		for ref := range requests {
			ada.Sent(h.Now(), ref+1, "note", []byte(`1`))
			ada.Settled(ref+1, Acked, 0)
		}
		for _, c := range []*Client{ada, bob} {
			c.Replaced(Snapshot{Epoch: "e", Offset: 3, Reason: "lagged", Members: []byte(`[]`), State: []byte(`{}`)})
		}
		v := h.Judge()
		if requests == 1 {
			wantRules(t, v)
			if v.Unseen != 1 || v.Unjudged != 1 {
				t.Errorf("%d unseen, %d not judged; want 1 and 1", v.Unseen, v.Unjudged)
			}
			continue
		}
		wantRules(t, v, RuleLost, RuleLost)
	}
}

func TestAbsurdOffsetsDoNotStopTheJudge(t *testing.T) {
	t.Parallel()
	_, h, _, ada, _ := small(Expected{})
	ada.Saw(note(1<<60, "m2", "b", 1, `1`))
	wantRules(t, h.Judge(), RuleHole, RuleHole)
}

// The merge is written from the examples in the appendix of RFC 7396.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		target, err1 := decode([]byte(c[0]))
		patch, err2 := decode([]byte(c[1]))
		want, err3 := decode([]byte(c[2]))
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if got := merge(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("merge(%s, %s) is %v; want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestExplainShowsTheHistoriesAround(t *testing.T) {
	t.Parallel()
	clock, h, _, ada, bob := small(Expected{})
	clock.set(1000)
	ada.Sent(h.Now(), 1, "note", []byte(`"hello"`))
	clock.set(1010)
	ada.Saw(note(3, "m1", "a", 1, `"hello"`))
	ada.Settled(1, Acked, 3)
	clock.set(1020)
	bob.Lost("the socket broke")
	bob.Welcomed(Welcome{Replica: "r2", Member: "m2", Epoch: "e", Offset: 2, Resumed: true})
	bob.Saw(note(3, "m1", "a", 1, `"hallo"`))
	v := h.Judge()
	var text strings.Builder
	v.Explain(&text)
	for _, want := range []string{`"one order" at 1.02s in session s`, "two events at offset 3",
		"the order around e/3:", "seen by 1: note at e/3 from m1 (ref 1 of ada)",
		"ada (member m1, client a) around 1.02s:", "sent ref 1, a note", "ref 1 is acknowledged, offset 3",
		"bob (member m2, client b) around", "lost a connection: the socket broke", "welcomed by r2 resumed at e/2"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, text.String())
		}
	}
}

// What the package comment says.
func TestADeliveryIsSmall(t *testing.T) {
	const clients, events, together = 100, 10_000, 50
	before := heap()
	h := New(nil)
	s := h.Session("s", Expected{})
	all := make([]*Client, clients)
	for i := range all {
		all[i] = s.Client("c"+strconv.Itoa(i), strconv.Itoa(i))
	}
	batch := make([]Event, together)
	for offset := uint64(1); offset <= events; offset += together {
		for i := range batch {
			batch[i] = note(offset+uint64(i), "m1", "0", offset+uint64(i), `"text"`)
		}
		for _, c := range all {
			c.Saw(batch...)
		}
	}
	each := float64(heap()-before) / (clients * events)
	runtime.KeepAlive(h)
	if t.Logf("%.1f bytes a delivery, with 1 event for each %d", each, clients); each > 14 {
		t.Errorf("a delivery takes %.1f bytes", each)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
