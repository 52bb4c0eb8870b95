package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	documentMembers = 8
	documentPatches = 30 // of each member
)

// Members on two replicas change one document at the same time. In the end all
// have the same one: whoever followed the patches, whoever comes now, and
// whoever asks over HTTP.
func TestMembersOnTwoReplicasShareOneDocument(t *testing.T) {
	t.Parallel()
	_, both := replicas(t, "PLENUM_SESSION_KIND=document")
	const session = "document"
	var members []*member
	for i := range documentMembers {
		members = append(members, join(t, session, fmt.Sprintf("author %d", i), []string{both[i%2].URL()}))
	}
	for _, m := range members {
		m.welcomed(t, 1)
	}
	seed := drawSeed(t)
	offsets := make([][]uint64, len(members))
	var writing sync.WaitGroup
	for i, m := range members {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		writing.Go(func() { offsets[i] = m.patch(t, r) })
	}
	writing.Wait()
	head := allCaughtUp(t, members)
	c := judge(t, members)
	neverLost(t, members)
	if want := uint64(documentMembers + documentMembers*documentPatches); head != want {
		t.Errorf("the log has %d events; %d happened", head, want)
	}
	all := slices.Concat(offsets...)
	slices.Sort(all)
	for i, offset := range all {
		if i > 0 && all[i-1] == offset || c.events[offset].Event != "document.patched" {
			t.Fatalf("a patch was acknowledged at offset %d, where %q is", offset, c.events[offset].Event)
		}
	}
	checkDocument(t, both, session, members)
}

// patch changes the document again and again, each time with what all others
// change too.
func (m *member) patch(t testing.TB, r *rand.Rand) (offsets []uint64) {
	for i := range documentPatches {
		offset, err := m.Command(t.Context(), "patch", randomPatch(r, m.name, i))
		if err != nil || offset == 0 {
			t.Errorf("%s: patch %d: offset %d, %v", m.name, i, offset, err)
			return offsets
		}
		offsets = append(offsets, offset)
	}
	return offsets
}

// randomPatch sets, removes or nests something under one of a few names.
func randomPatch(r *rand.Rand, who string, n int) map[string]any {
	name := fmt.Sprintf("field %d", r.IntN(6))
	switch r.IntN(4) {
	case 0:
		return map[string]any{name: nil}
	case 1:
		return map[string]any{name: map[string]any{who: n, fmt.Sprintf("deep %d", r.IntN(3)): nil}}
	case 2:
		return map[string]any{name: []any{who, n, nil, true}}
	}
	return map[string]any{name: fmt.Sprintf("%s, %d", who, n), "last": who}
}

// checkDocument compares what everybody makes of the document.
func checkDocument(t *testing.T, both []*gateway, session string, members []*member) {
	t.Helper()
	var now struct {
		Kind  string
		State any
	}
	getJSON(t, both[0].URL()+"/api/sessions/"+session, &now)
	if now.Kind != "document" || now.State == nil {
		t.Fatalf("the session is %+v", now)
	}
	for _, m := range members {
		m.look(func() {
			if seen := follow(t, m.states[0].State, m.events); !reflect.DeepEqual(seen, now.State) {
				t.Errorf("%s made of the patches\n%v\nbut the document is\n%v", m.name, seen, now.State)
			}
		})
	}
	for _, g := range both {
		_, w, err := joinPeer(t, g.Addr, session, newcomer("late"))
		if err != nil {
			t.Fatal(err)
		}
		if seen := follow(t, w.State, nil); !reflect.DeepEqual(seen, now.State) {
			t.Errorf("a newcomer got\n%v\nbut the document is\n%v", seen, now.State)
		}
	}
}

// follow applies the patches among events to a document.
func follow(t testing.TB, document json.RawMessage, events []wire.Event) (value any) {
	t.Helper()
	if err := json.Unmarshal(document, &value); err != nil {
		t.Fatalf("the document %q: %v", document, err)
	}
	for _, e := range events {
		if e.Event != "document.patched" {
			continue
		}
		var patch any
		if err := json.Unmarshal(e.Data, &patch); err != nil {
			t.Fatalf("%s: %v", show(e), err)
		}
		value = merge(value, patch)
	}
	return value
}

// merge is MergePatch of RFC 7396, section 2.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = nil
	}
	object = maps.Clone(object)
	if object == nil {
		object = make(map[string]any)
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}
