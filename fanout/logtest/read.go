package logtest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/plenum-gateway/plenum/fanout"
)

var readCases = []testCase{
	{"ReadMissing", "a read of a session that does not exist finds nothing, with a zero for each client", readMissing},
	{"ReadState", "the state is left out when the query knows it or does not want it, and never else", readState},
	{"ReadHistory", "the events after an offset come in order, and Complete tells that they are all there", readHistory},
	{"ReadCap", "of a long history at least the newest events are kept, the oldest go, and Complete tells so", readCap},
	{"ReadBytes", "with a limit of bytes the events after an offset come up to where it is passed, at least one, and More tells that there are others", readBytes},
	{"ReadRefs", "a read tells the highest ref of each client that was asked for", readRefs},
	{"ReadMoment", "state, events, and refs of a read are as of one moment", readMoment},
	{"Heads", "heads come for many sessions at once, and are zero for those that do not exist", manyHeads},
}

func readMissing(k *kit) {
	one, _ := k.replicas()
	v := one.read(session, &fanout.Query{History: true, After: 3, Clients: []string{"a", "b"},
		Known: fanout.Head{Position: fanout.Position{Epoch: "e", Offset: 3}, Rev: 1}})
	if v.Exists || v.Head != (fanout.Head{}) || len(v.Events) > 0 || !slices.Equal(lasts(v.Refs), []uint64{0, 0}) {
		k.Errorf("found %+v", v)
	}
}

func readState(k *kit) {
	one, other := k.replicas()
	head := one.append(session, fanout.Took, &fanout.Append{Create: true}).Head
	if v := other.read(session, &fanout.Query{}); !v.Exists || v.Head != head || v.State == nil || len(v.State) != 0 {
		k.Errorf("a session without state reads %+v, %v; want an empty state", v, v.State)
	}
	head = one.append(session, fanout.Took, &fanout.Append{Set: fields("a", "1"), Items: []fanout.Item{events("", 0, "x")}}).Head
	at := func(epoch string, offset, rev uint64) fanout.Head {
		return fanout.Head{Position: fanout.Position{Epoch: epoch, Offset: offset}, Rev: rev}
	}
	for _, c := range []struct {
		q    fanout.Query
		want bool
	}{
		{fanout.Query{}, true},
		{fanout.Query{Known: head}, false},
		{fanout.Query{Known: at(head.Epoch, 0, head.Rev)}, false},
		{fanout.Query{Known: at(head.Epoch, head.Offset, head.Rev-1)}, true},
		{fanout.Query{Known: at(head.Epoch, head.Offset, head.Rev+1)}, true},
		{fanout.Query{Known: at("another", head.Offset, head.Rev)}, true},
		{fanout.Query{NoState: true}, false},
		{fanout.Query{NoState: true, Known: at("another", 1, 1)}, false},
	} {
		v := other.read(session, &c.q)
		if !v.Exists || v.Head != head || (v.State != nil) != c.want {
			k.Errorf("query %+v reads %+v; want the state: %v", c.q, v, c.want)
		}
		if c.want && v.State["a"] != "1" {
			k.Errorf("query %+v reads the state %q", c.q, v.State)
		}
	}
}

func readHistory(k *kit) {
	one, other := k.replicas()
	one.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("", 0, "1")}})
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "2", "3"), events("", 0, "4")}})
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "5")}})
	for after := range uint64(8) {
		v := other.read(session, &fanout.Query{History: true, After: after})
		var want []string
		for i := after + 1; i <= 5; i++ {
			want = append(want, strconv.FormatUint(i, 10))
		}
		if !slices.Equal(bodies(v.Events), want) || v.Complete != (after <= 5) || v.Offset != 5 {
			k.Errorf("after %d: %q, complete %v; want %q", after, bodies(v.Events), v.Complete, want)
		}
		for i, e := range v.Events {
			if e.Offset != after+uint64(i)+1 {
				k.Errorf("after %d: event %d has offset %d", after, i, e.Offset)
			}
		}
	}
	if v := other.read(session, &fanout.Query{After: 1}); len(v.Events) > 0 {
		k.Errorf("events came that nobody asked for: %q", bodies(v.Events))
	}
}

func readCap(k *kit) {
	const history, total = 20, 700
	one := k.open(Options{History: history, TTL: defaults.TTL})
	one.create(session)
	for i := 2; i <= total; i++ {
		one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, strconv.Itoa(i))}})
	}
	v := one.read(session, &fanout.Query{History: true, After: total - history})
	if len(v.Events) != history || !v.Complete {
		k.Errorf("of the newest %d events there are %d, complete %v", history, len(v.Events), v.Complete)
	}
	v = one.read(session, &fanout.Query{History: true})
	if v.Complete || v.Offset != total {
		k.Errorf("after 0: complete %v, head %d", v.Complete, v.Offset)
	}
	if n := len(v.Events); n < history || n > total/2 {
		k.Fatalf("%d events are kept; want at least %d and not most of %d", n, history, total)
	}
	for i, e := range v.Events {
		if want := total - uint64(len(v.Events)-1-i); e.Offset != want || string(e.Body) != strconv.FormatUint(want, 10) {
			k.Fatalf("the event at %d is %d, %q", want, e.Offset, e.Body)
		}
	}
	oldest := v.Events[0].Offset
	for after, complete := range map[uint64]bool{oldest - 2: false, oldest - 1: true, total: true} {
		if v = one.read(session, &fanout.Query{History: true, After: after}); v.Complete != complete {
			k.Errorf("after %d, the oldest being %d: complete %v", after, oldest, v.Complete)
		}
	}
}

func readBytes(k *kit) {
	one, other := k.replicas()
	one.create(session)
	const total, size = 200, 100
	for i := 2; i <= total; i++ {
		one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, fmt.Sprintf("%0*d", size, i))}})
	}
	for _, limit := range []int{1, size, 10 * size, 33 * size, 90*size - 1, total * size * 2} {
		pieces, at := 0, uint64(1)
		for more := true; more; pieces++ {
			v := other.read(session, &fanout.Query{History: true, After: at, Bytes: limit})
			bytes := 0
			for i, e := range v.Events {
				if e.Offset != at+uint64(i)+1 || string(e.Body) != fmt.Sprintf("%0*d", size, e.Offset) {
					k.Fatalf("limit %d, after %d: event %d is %d, %q", limit, at, i, e.Offset, e.Body)
				}
				bytes += len(e.Body)
			}
			more = v.More
			at += uint64(len(v.Events))
			if !v.Complete || len(v.Events) == 0 || bytes > limit+2*size || more && bytes < limit*9/10 || more != (at < total) {
				k.Fatalf("limit %d: up to %d came %d bytes; complete %v, more %v", limit, at, bytes, v.Complete, more)
			}
		}
		if most := total*size/limit + 1; pieces > most {
			k.Errorf("limit %d: all came in %d pieces; want %d at most", limit, pieces, most)
		}
	}
	if v := other.read(session, &fanout.Query{History: true, After: total, Bytes: 1}); v.More || !v.Complete {
		k.Errorf("at the head: %+v", v)
	}
}

func readRefs(k *kit) {
	one, other := k.replicas()
	one.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{
		events("a", 3, "x"), events("b", 1, "x"), events("a", 8, "x"), {Client: "c", Ref: 2}}})
	v := other.read(session, &fanout.Query{Clients: []string{"c", "nobody", "a", "", "b", "a"}})
	if !slices.Equal(lasts(v.Refs), []uint64{2, 0, 8, 0, 1, 8}) {
		k.Errorf("refs are %v; want [2 0 8 0 1 8]", v.Refs)
	}
}

func readMoment(k *kit) {
	one, other := k.replicas()
	one.create(session)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 2; i <= 300; i++ {
			text := strconv.Itoa(i)
			res, err := one.Append(k.Context(), session, &fanout.Append{Set: fields("n", text), Items: []fanout.Item{events("c", uint64(i), text)}})
			if err != nil || res.Outcome != fanout.Took {
				k.Errorf("append: %+v, %v", res, err)
			}
		}
	}()
	for last := uint64(0); last < 300 && !k.Failed(); {
		v := other.read(session, &fanout.Query{History: true, Clients: []string{"c"}})
		last = v.Offset
		newest := v.Events[len(v.Events)-1]
		if v.Offset > 1 && (v.State["n"] != strconv.FormatUint(v.Offset, 10) || v.Refs[0].Last != v.Offset || newest.Offset != v.Offset || v.Rev != v.Offset-1) {
			k.Errorf("at offset %d: state %q, ref %d, newest event %d, revision %d", v.Offset, v.State["n"], v.Refs[0].Last, newest.Offset, v.Rev)
		}
	}
	<-done
}

func manyHeads(k *kit) {
	one, other := k.replicas()
	ids, want := []string{}, []fanout.Head{}
	for i := range 300 {
		id := fmt.Sprintf("%s-%d", session, i)
		var head fanout.Head
		if i%3 > 0 {
			head = one.append(id, fanout.Took, &fanout.Append{Create: true, Set: fields("a", "1"), Items: []fanout.Item{
				events("", 0, make([]string, i)...)}}).Head
		}
		ids, want = append(ids, id), append(want, head)
	}
	heads, err := other.Heads(k.Context(), ids)
	if err != nil || !slices.Equal(heads, want) {
		k.Errorf("heads are %v, %v; want %v", heads, err, want)
	}
	if heads, err = one.Heads(k.Context(), nil); err != nil || len(heads) > 0 {
		k.Errorf("no heads are %v, %v", heads, err)
	}
}
