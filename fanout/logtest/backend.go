package logtest

import (
	"fmt"
	"slices"

	"github.com/plenum-gateway/plenum/fanout"
)

// backendCases are what programs beside the members ask of a log.
var backendCases = []testCase{
	{"marks", "what is kept with a ref comes back, with the offset of its event, to whoever repeats it, on any replica", marks},
	{"at", "an append with At is taken only at exactly that position", at},
	{"ended", "an ended session is remembered by its epoch, also when there is a new one", ended},
	{"limit", "a read with a limit returns the first events after the position, and says whether one is missing before them", limit},
}

func marks(k *kit) {
	one, other := k.replicas()
	one.create(session)
	marked := func(ref uint64, mark string) fanout.Item {
		item := events("backend", ref, "first", "second")
		item.Mark = mark
		return item
	}
	res := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 1, "x"), marked(1, "a mark of 3 words"), events("c", 2, "y")}})
	last := res.First + 2
	again := other.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{marked(1, "another"), events("c", 3, "z"), events("c", 1, "x")}})
	want := []fanout.Mark{{Offset: last, Mark: "a mark of 3 words"}, {}}
	if !slices.Equal(again.Repeats, []int{0, 2}) || !slices.Equal(again.Marks, want) {
		k.Errorf("a repeat answered %v with %+v; want %+v", again.Repeats, again.Marks, want)
	}
	beyond := other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{marked(4, "with a gap")}})
	gap := one.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{marked(3, "late"), marked(4, "again")}})
	if kept := (fanout.Mark{Offset: beyond.First + 1, Mark: "with a gap"}); !slices.Equal(gap.Marks, []fanout.Mark{kept, kept}) || !slices.Equal(gap.Skipped, []int{0}) {
		k.Errorf("a repeat above a gap, and one in it, answered %+v", gap)
	}
	within := other.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{marked(5, "m"), marked(5, "m")}})
	if !slices.Equal(within.Marks, []fanout.Mark{{}}) {
		k.Errorf("a repeat within an append answered %+v", within)
	}
	if v := one.read(session, &fanout.Query{Clients: []string{"backend", "c"}}); !slices.Equal(lasts(v.Refs), []uint64{4, 2}) {
		k.Errorf("the refs are %v", v.Refs)
	}
}

func at(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	head := one.create(session)
	if head.Offset != 1 {
		k.Fatalf("the head is %+v", head)
	}
	set := func(at fanout.Position) *fanout.Append {
		return &fanout.Append{At: &at, Set: map[string][]byte{"k": []byte("v")}, Items: []fanout.Item{events("", 0, "e")}}
	}
	for _, wrong := range []fanout.Position{{Epoch: head.Epoch}, {Epoch: head.Epoch, Offset: 2}, {Epoch: "other", Offset: 1}, {}} {
		if res := one.append(session, fanout.Moved, set(wrong)); res.Head != head {
			k.Errorf("at %+v answered %+v; want the head %+v", wrong, res.Head, head)
		}
	}
	next := other.append(session, fanout.Took, set(head.Position))
	one.append(session, fanout.Moved, set(head.Position))
	one.append(session, fanout.Conflict, &fanout.Append{If: &head, At: &head.Position})
	one.append(session, fanout.Took, &fanout.Append{If: &next.Head, At: &next.Position})
	one.append("another", fanout.Missing, set(head.Position))
	one.append("another", fanout.Moved, &fanout.Append{Create: true, At: &head.Position})
	one.append("another", fanout.Took, &fanout.Append{Create: true, At: &fanout.Position{}})
}

func ended(k *kit) {
	one, other := k.replicas()
	if res := one.append(session, fanout.Missing, &fanout.Append{}); res.Ended != "" {
		k.Errorf("of a session that never was, %q has ended", res.Ended)
	}
	first := one.create(session)
	one.append(session, fanout.Took, &fanout.Append{End: true, Items: []fanout.Item{events("c", 1, "over")}})
	if res := other.append(session, fanout.Missing, &fanout.Append{}); res.Ended != first.Epoch {
		k.Errorf("%q has ended; want %q", res.Ended, first.Epoch)
	}
	if v := other.read(session, &fanout.Query{History: true}); v.Exists || v.Ended != first.Epoch {
		k.Errorf("a read answered %+v; want that %q has ended", v, first.Epoch)
	}
	if head := other.head(session); head != (fanout.Head{}) {
		k.Errorf("the head of an ended session is %+v", head)
	}
	second := other.create(session)
	if v := one.read(session, &fanout.Query{}); !v.Exists || v.Ended != first.Epoch || v.Epoch != second.Epoch || second.Offset != 1 {
		k.Errorf("a read answered %+v; want %+v, and that %q has ended", v, second, first.Epoch)
	}
	one.append(session, fanout.Took, &fanout.Append{End: true})
	if v := one.read(session, &fanout.Query{}); v.Exists || v.Ended != second.Epoch {
		k.Errorf("a read answered %+v; want that %q has ended", v, second.Epoch)
	}
}

func limit(k *kit) {
	one := k.open(Options{History: 10, TTL: defaults.TTL})
	one.create(session)
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "2", "3", "4"), events("", 0, "5")}})
	for _, c := range []struct {
		after, first, last uint64
		limit              int
		complete           bool
	}{
		{0, 1, 2, 2, true}, {1, 2, 4, 3, true}, {2, 3, 5, 3, true}, {2, 3, 5, 9, true}, {4, 5, 5, 1, true}, {5, 0, 0, 1, true}, {9, 0, 0, 1, false},
	} {
		v := one.read(session, &fanout.Query{History: true, After: c.after, Limit: c.limit})
		if v.Complete != c.complete || len(v.Events) != int(c.last-c.first)+1 && c.first > 0 || c.first == 0 && len(v.Events) > 0 {
			k.Errorf("%d after %d: %q, complete %t", c.limit, c.after, bodies(v.Events), v.Complete)
		} else if c.first > 0 && (v.Events[0].Offset != c.first || v.Events[len(v.Events)-1].Offset != c.last) {
			k.Errorf("%d after %d: events %d to %d", c.limit, c.after, v.Events[0].Offset, v.Events[len(v.Events)-1].Offset)
		}
	}
	for i := range 2000 {
		one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, fmt.Sprint(i))}})
	}
	if v := one.read(session, &fanout.Query{History: true, After: 1, Limit: 5}); v.Complete || len(v.Events) != 5 || v.Events[0].Offset < 7 {
		k.Errorf("behind what was trimmed: %d events, complete %t", len(v.Events), v.Complete)
	}
}
