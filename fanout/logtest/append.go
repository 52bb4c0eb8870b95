package logtest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/plenum-gateway/plenum/fanout"
)

var appendCases = []testCase{
	{"Offsets", "the events of a session are numbered from 1 without a hole, over items, appends, and replicas", offsets},
	{"Create", "an append makes a session only if it may; otherwise the session is Missing and nothing is done", create},
	{"Repeats", "a ref takes effect once, whichever replica is asked; refs of one client only rise, and may skip", repeats},
	{"Skipped", "a ref that did not take effect before a higher one did never will, and the answer tells it from one that did", skipped},
	{"SkippedMany", "of refs that did not take effect the log tells at least the newest MaxGaps gaps", skippedMany},
	{"Claims", "a connection that claims a client ends what others have under way for it, and nothing else, and learns what took effect", claims},
	{"RepeatsWithin", "a ref that repeats an item of the same append is a repeat", repeatsWithin},
	{"AllOrNothing", "with one repeat nothing of an append is done, and the answer names the repeats and no others", allOrNothing},
	{"Unrecognised", "items without a ref are taken as often as they are appended", unrecognised},
	{"Published", "what is published are the very bytes of the items, in order, and the head that the append answered", published},
	{"Passing", "ephemeral events and notes are published, have no offset, and are not kept", passing},
	{"Silent", "an append without records and fields publishes nothing", silent},
	{"Behind", "a log that is behind a known position of its epoch gets a new epoch, and a batch that tells it", behind},
	{"End", "an append may end its session: it is published, and then nothing is left of the session", end},
	{"Large", "an append takes a record of 1 MiB, and hundreds of items", large},
	{"Binary", "records, clients, fields, and values are any bytes", binarySafe},
}

func offsets(k *kit) {
	one, other := k.replicas()
	first := one.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("", 0, "1", "2")}})
	if first.First != 1 || first.Offset != 2 || first.Epoch == "" {
		k.Fatalf("the first append answered %+v; want offsets 1 to 2 and an epoch", first)
	}
	next := other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{
		events("", 0, "3"), {Records: fanout.AppendNote(nil, nil)}, events("", 0, "4", "5")}})
	if next.First != 3 || next.Offset != 5 || next.Epoch != first.Epoch {
		k.Fatalf("the next append answered %+v; want offsets 3 to 5 and the same epoch", next)
	}
	none := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{{Records: fanout.AppendNote(nil, nil)}}})
	if none.First != 0 || none.Offset != 5 {
		k.Fatalf("an append without events answered %+v; want no first and offset 5", none)
	}
	v := other.read(session, &fanout.Query{History: true})
	if got := bodies(v.Events); !slices.Equal(got, []string{"1", "2", "3", "4", "5"}) {
		k.Fatalf("the log has %q", got)
	}
	for i, e := range v.Events {
		if e.Offset != uint64(i+1) {
			k.Fatalf("event %d has offset %d", i+1, e.Offset)
		}
	}
}

func create(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	a := &fanout.Append{Items: []fanout.Item{events("c", 1, "x")}, Set: map[string][]byte{"k": []byte("v")}}
	res := one.append(session, fanout.Missing, a)
	if res.Head != (fanout.Head{}) {
		k.Errorf("Missing came with the head %+v", res.Head)
	}
	one.append(session, fanout.Missing, &fanout.Append{If: &fanout.Head{}})
	one.append(session, fanout.Missing, &fanout.Append{If: &fanout.Head{Rev: 3}, Known: fanout.Position{Epoch: "e", Offset: 9}})
	if v := other.read(session, &fanout.Query{}); v.Exists {
		k.Errorf("the session exists: %+v", v)
	}
	a.Create = true
	res = one.append(session, fanout.Took, a)
	if res.Offset != 1 || res.Rev != 1 {
		k.Errorf("the session began with %+v; want offset and revision 1", res.Head)
	}
	if got := other.AwaitBatches(k, session, 1); len(got) != 1 || got[0].Head != res.Head {
		k.Errorf("published were %+v; want only what made the session", got)
	}
	again := other.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("", 0, "y")}})
	if again.Epoch != res.Epoch || again.Offset != 2 {
		k.Errorf("creating what exists answered %+v; want offset 2 of %s", again.Head, res.Epoch)
	}
}

func repeats(k *kit) {
	one, other := k.replicas()
	one.create(session)
	take := func(r *replica, want fanout.Outcome, client string, ref uint64) {
		k.Helper()
		res := r.append(session, want, &fanout.Append{Items: []fanout.Item{events(client, ref, "e")}})
		if want == fanout.Repeated && !slices.Equal(res.Repeats, []int{0}) {
			k.Fatalf("%s:%d repeats %v; want [0]", client, ref, res.Repeats)
		}
	}
	take(one, fanout.Took, "c", 1)
	take(one, fanout.Repeated, "c", 1)
	take(other, fanout.Repeated, "c", 1)
	take(other, fanout.Took, "c", 7)
	take(one, fanout.Repeated, "c", 7)
	take(one, fanout.Repeated, "c", 3)
	take(one, fanout.Took, "d", 3)
	take(one, fanout.Took, "c", 1<<52)
	take(other, fanout.Repeated, "c", 1<<52)
	take(other, fanout.Took, "c", 1<<52+1)
	if got := one.head(session).Offset; got != 6 {
		k.Errorf("the session has %d events; want 6", got)
	}
}

func skipped(k *kit) {
	one, other := k.replicas()
	one.create(session)
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 3, "3"), events("d", 1, "1"), events("c", 4, "4")}})
	other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 8, "8"), events("c", 1<<52, "far")}})
	before := one.head(session)
	var items []fanout.Item
	for _, ref := range []uint64{1, 2, 3, 4, 5, 7, 8, 9, 1<<52 - 1, 1 << 52} {
		items = append(items, events("c", ref, "again"))
	}
	items = append(items, events("d", 1, "again"), events("d", 2, "new"), events("d", 4, "new"), events("d", 3, "late"))
	res := other.append(session, fanout.Repeated, &fanout.Append{Items: items})
	if !slices.Equal(res.Repeats, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13}) || !slices.Equal(res.Skipped, []int{0, 1, 4, 5, 7, 8, 13}) {
		k.Errorf("of refs 1 to 1<<52 those that do not rise are %v, and those that were skipped %v", res.Repeats, res.Skipped)
	}
	if now := one.head(session); now != before {
		k.Errorf("the head went from %+v to %+v", before, now)
	}
	v := one.read(session, &fanout.Query{Clients: []string{"c", "d", "nobody"}})
	for i, want := range []fanout.Taken{
		{Last: 1 << 52, Gaps: []fanout.Span{{First: 1, Last: 2}, {First: 5, Last: 7}, {First: 9, Last: 1<<52 - 1}}}, {Last: 1}, {}} {
		if got := v.Refs[i]; got.Last != want.Last || !slices.Equal(got.Gaps, want.Gaps) {
			k.Errorf("of client %d took effect %+v; want %+v", i, got, want)
		}
	}
}

func skippedMany(k *kit) {
	one, other := k.replicas()
	one.create(session)
	const gaps = fanout.MaxGaps + 10
	for ref := uint64(2); ref <= 2*gaps; ref += 4 {
		one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", ref, "x"), events("c", ref+2, "x")}})
	}
	t := other.read(session, &fanout.Query{Clients: []string{"c"}}).Refs[0]
	if n := len(t.Gaps); n != fanout.MaxGaps || t.Has(2*gaps-1) || !t.Has(2*gaps) || t.Has(2*gaps-2*fanout.MaxGaps+1) {
		k.Errorf("%d gaps are known, %+v", n, t)
	}
	res := other.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{events("c", 2*gaps-1, "x"), events("c", 2*gaps, "x")}})
	if !slices.Equal(res.Skipped, []int{0}) {
		k.Errorf("skipped were %v; want [0]", res.Skipped)
	}
}

func claims(k *kit) {
	one, other := k.replicas()
	one.create(session)
	by := func(conn string, ref uint64) fanout.Item {
		item := events("c", ref, conn)
		item.By = conn
		return item
	}
	claim := func(conn string) fanout.Item { return fanout.Item{Client: "c", By: conn} }
	check := func(r *replica, repeats, skipped, claimed []int, items ...fanout.Item) {
		k.Helper()
		res := r.append(session, fanout.Repeated, &fanout.Append{Items: items})
		if !slices.Equal(res.Repeats, repeats) || !slices.Equal(res.Skipped, skipped) || !slices.Equal(res.Claimed, claimed) || len(res.Marks) != len(repeats) {
			k.Errorf("answered repeats %v, skipped %v, claimed %v; want %v, %v, %v", res.Repeats, res.Skipped, res.Claimed, repeats, skipped, claimed)
		}
	}
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{by("x:1", 1), by("y:1", 3)}}) // nobody has claimed it
	head := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{claim("x:1")}}).Head
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{by("x:1", 4)}})
	check(other, []int{0, 1, 2}, []int{1}, []int{2}, by("y:1", 3), by("y:1", 2), by("y:1", 5))
	res := other.append(session, fanout.Took, &fanout.Append{If: &head, Items: []fanout.Item{by("x:1", 6), claim("y:1"), by("y:1", 7), events("d", 1, "another client"), {Client: "new", By: "y:2"}}})
	if len(res.Claims) != 2 || res.Claims[0].Last != 6 || !slices.Equal(res.Claims[0].Gaps, []fanout.Span{{First: 2, Last: 2}, {First: 5, Last: 5}}) || res.Claims[1].Last != 0 {
		k.Errorf("the claims were answered with %+v; want 6 without 2 and 5, and nothing", res.Claims)
	}
	check(one, []int{0, 1}, []int{1}, []int{0}, by("x:1", 8), by("x:1", 5), by("y:1", 8))
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 8, "whoever asks without a name is not held up")}})
	check(one, []int{1}, nil, []int{1}, claim("z:1"), by("y:1", 9))
	if now := one.head(session); now.Offset != res.Offset+1 {
		k.Errorf("the head is %+v; nothing of an append with repeats may be done", now)
	}
	other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{by("y:1", 9)}}) // the last claim was not taken
	v := one.read(session, &fanout.Query{Clients: []string{"c"}})
	if want := []fanout.Span{{First: 2, Last: 2}, {First: 5, Last: 5}}; v.Refs[0].Last != 9 || !slices.Equal(v.Refs[0].Gaps, want) {
		k.Errorf("took effect: %+v; want 9, but for %v", v.Refs[0], want)
	}
}

func repeatsWithin(k *kit) {
	one, _ := k.replicas()
	res := one.append(session, fanout.Repeated, &fanout.Append{Create: true, Items: []fanout.Item{
		events("c", 1, "x"), events("d", 1, "x"), events("c", 1, "x"), events("c", 2, "x"), events("d", 1, "x"), events("c", 1, "x")}})
	if !slices.Equal(res.Repeats, []int{2, 4, 5}) {
		k.Fatalf("repeats are %v; want [2 4 5]", res.Repeats)
	}
	if one.read(session, &fanout.Query{}).Exists {
		k.Fatal("something was done")
	}
	one.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{
		events("c", 1, "x"), events("d", 1, "x"), events("c", 2, "x")}})
}

func allOrNothing(k *kit) {
	one, other := k.replicas()
	one.create(session)
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 5, "c5"), events("d", 2, "d2")}})
	before := one.head(session)
	other.subscribe(session)
	mixed := &fanout.Append{Set: map[string][]byte{"k": []byte("v")}, End: true, Items: []fanout.Item{
		events("c", 6, "new"), events("d", 1, "old"), {Records: fanout.AppendNote(nil, nil)}, events("e", 1, "new"), events("d", 2, "old")}}
	res := other.append(session, fanout.Repeated, mixed)
	if !slices.Equal(res.Repeats, []int{1, 4}) || res.Head != before {
		k.Fatalf("answered %+v; want repeats [1 4] and the head %+v", res, before)
	}
	stale := fanout.Head{Position: before.Position, Rev: 99}
	other.append(session, fanout.Repeated, &fanout.Append{If: &stale, Items: mixed.Items})
	if now := one.head(session); now != before {
		k.Fatalf("the head went from %+v to %+v", before, now)
	}
	rest := other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("c", 6, "new"), events("e", 1, "new")}})
	if rest.First != before.Offset+1 {
		k.Errorf("the rest began at %d; want %d", rest.First, before.Offset+1)
	}
	if got := other.AwaitBatches(k, session, 1); got[0].Head != rest.Head {
		k.Errorf("published was %+v; want only the rest", got[0])
	}
}

func unrecognised(k *kit) {
	one, other := k.replicas()
	one.create(session)
	for _, r := range []*replica{one, other, one} {
		r.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "x"), events("c", 0, "x")}})
	}
	if got := one.head(session).Offset; got != 7 {
		k.Errorf("the session has %d events; want 7", got)
	}
}

func published(k *kit) {
	one, other := k.replicas()
	for _, r := range []*replica{one, other} {
		r.subscribe(session)
	}
	items := []fanout.Item{
		events("c", 1, "x", "y"),
		{Records: fanout.AppendEphemeral(nil, "key", []byte("passing"))},
		{Records: fanout.AppendNote(nil, []byte("note"))},
		events("c", 2, "z"),
	}
	var want []byte
	for _, i := range items {
		want = append(want, i.Records...)
	}
	res := one.append(session, fanout.Took, &fanout.Append{Create: true, Items: items})
	for _, r := range []*replica{one, other} {
		got := r.AwaitBatches(k, session, 1)[0]
		if got.Head != res.Head || got.First != res.First || !bytes.Equal(got.Records, want) {
			k.Fatalf("published was %+v; want the head %+v, first %d, and %q", got, res.Head, res.First, want)
		}
	}
}

func passing(k *kit) {
	one, other := k.replicas()
	head := one.create(session)
	other.subscribe(session)
	records := fanout.AppendNote(fanout.AppendEphemeral(nil, "", []byte("e")), []byte("n"))
	res := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{{Records: records}, {Client: "c", Ref: 4, Records: records}}})
	if res.First != 0 || res.Head != head {
		k.Errorf("answered %+v; want the head as before, %+v", res, head)
	}
	got := other.AwaitBatches(k, session, 1)[0]
	if got.First != 0 || got.Head != head || !bytes.Equal(got.Records, append(bytes.Clone(records), records...)) {
		k.Errorf("published was %+v", got)
	}
	one.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{{Client: "c", Ref: 4, Records: records}}})
	mixed := append(bytes.Clone(records), events("", 0, "kept").Records...)
	one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{{Events: 1, Records: mixed}}})
	v := one.read(session, &fanout.Query{History: true, After: head.Offset})
	if len(v.Events) != 1 || string(v.Events[0].Body) != "kept" || v.Events[0].Offset != head.Offset+1 {
		k.Errorf("the log has %q behind the head", bodies(v.Events))
	}
}

func silent(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	one.append(session, fanout.Took, &fanout.Append{Create: true})
	head := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{{Client: "c", Ref: 1}}}).Head
	one.append(session, fanout.Took, &fanout.Append{If: &head, Known: head.Position})
	told := one.append(session, fanout.Took, &fanout.Append{Set: map[string][]byte{"k": []byte("v")}}).Head
	if got := other.AwaitBatches(k, session, 1); got[0].Head != told {
		k.Errorf("published was %+v; want first what changed the state, %+v", got[0], told)
	}
	one.append(session, fanout.Repeated, &fanout.Append{Items: []fanout.Item{{Client: "c", Ref: 1}}})
}

func behind(k *kit) {
	one, other := k.replicas()
	head := one.create(session)
	other.subscribe(session)
	for _, known := range []fanout.Position{{}, head.Position, {Epoch: head.Epoch}, {Epoch: "another", Offset: 99}} {
		if res := one.append(session, fanout.Took, &fanout.Append{Known: known}); res.Head != head {
			k.Fatalf("known %+v changed the head to %+v", known, res.Head)
		}
	}
	ahead := fanout.Position{Epoch: head.Epoch, Offset: head.Offset + 1}
	res := one.append(session, fanout.Took, &fanout.Append{Known: ahead})
	if res.Epoch == head.Epoch || res.Epoch == "" || res.Offset != head.Offset {
		k.Fatalf("answered %+v; want another epoch than %+v", res.Head, head)
	}
	if got := other.AwaitBatches(k, session, 1)[0]; got.Head != res.Head || len(got.Records) != 0 {
		k.Errorf("published was %+v; want %+v", got, res.Head)
	}
	again := one.append(session, fanout.Took, &fanout.Append{Known: ahead, Items: []fanout.Item{events("", 0, "x")}})
	if again.Epoch != res.Epoch || again.First != head.Offset+1 {
		k.Errorf("told twice it answered %+v; want offset %d of %s", again, head.Offset+1, res.Epoch)
	}
	other.append(session, fanout.Conflict, &fanout.Append{If: &head})
}

func end(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	before := one.append(session, fanout.Took, &fanout.Append{Create: true, Set: map[string][]byte{"k": []byte("v")},
		Items: []fanout.Item{events("c", 3, "x")}})
	last := one.append(session, fanout.Took, &fanout.Append{End: true, Items: []fanout.Item{events("", 0, "ended")}})
	if got := other.AwaitBatches(k, session, 2)[1]; got.Head != last.Head || !strings.Contains(string(got.Records), "ended") {
		k.Errorf("published was %+v; want %+v", got, last.Head)
	}
	if v := other.read(session, &fanout.Query{History: true, Clients: []string{"c"}}); v.Exists || len(v.Events) > 0 || v.Refs[0].Last != 0 {
		k.Errorf("there is still %+v", v)
	}
	other.append(session, fanout.Missing, &fanout.Append{Items: []fanout.Item{events("", 0, "x")}})
	if h := one.head(session); h != (fanout.Head{}) {
		k.Errorf("the head is still %+v", h)
	}
	anew := other.append(session, fanout.Took, &fanout.Append{Create: true, If: &fanout.Head{}, Items: []fanout.Item{events("c", 1, "x")}})
	if anew.Epoch == before.Epoch || anew.Epoch == "" || anew.First != 1 || anew.Rev != 0 {
		k.Errorf("a new session began with %+v", anew)
	}
	if v := one.read(session, &fanout.Query{}); len(v.State) != 0 {
		k.Errorf("a new session has the state %q", v.State)
	}
}

func large(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	huge := strings.Repeat("0123456789abcdef", 1<<16)
	one.append(session, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("c", 1, huge)}})
	many := &fanout.Append{Set: make(map[string][]byte)}
	for i := range 400 {
		many.Items = append(many.Items, events("c", uint64(i+2), strings.Repeat("x", i)))
		many.Set[strings.Repeat("f", i+1)] = []byte(huge[:i+1])
	}
	res := one.append(session, fanout.Took, many)
	v := other.read(session, &fanout.Query{History: true, Clients: []string{"c"}})
	if len(v.Events) != 401 || !v.Complete || len(v.State) != 400 || v.Refs[0].Last != 401 || res.Offset != 401 {
		k.Fatalf("the log has %d events, %d fields, and ref %d; want 401, 400, 401", len(v.Events), len(v.State), v.Refs[0].Last)
	}
	if string(v.Events[0].Body) != huge || len(v.Events[400].Body) != 399 {
		k.Error("an event has changed")
	}
	if got := other.AwaitBatches(k, session, 2); len(got[0].Records) < 1<<20 {
		k.Errorf("published were %d bytes", len(got[0].Records))
	}
}

func binarySafe(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	all := string(every)
	res := one.append(session, fanout.Took, &fanout.Append{Create: true, Set: map[string][]byte{all: every, "empty": nil},
		Items: []fanout.Item{events(all, 1, all, "", "\n", "\r\n$5")}})
	got := other.AwaitBatches(k, session, 1)[0]
	if got.Head != res.Head || !bytes.Equal(got.Records, events("", 0, all, "", "\n", "\r\n$5").Records) {
		k.Errorf("published was %+v", got)
	}
	v := other.read(session, &fanout.Query{History: true, Clients: []string{"", all, all[:255]}})
	if !slices.Equal(bodies(v.Events), []string{all, "", "\n", "\r\n$5"}) {
		k.Errorf("the log has %q", bodies(v.Events))
	}
	if len(v.State) != 1 || v.State[all] != all || !slices.Equal(lasts(v.Refs), []uint64{0, 1, 0}) {
		k.Errorf("the state is %q, the refs %v", v.State, v.Refs)
	}
}
