package document

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/kind"
)

// mergePatch is the function of RFC 7396, section 2, as members have it.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = make(map[string]any)
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// value draws JSON with names and values that collide often, nulls included.
func value(draw *rand.Rand, depth int) any {
	if depth == 0 {
		return []any{nil, true, 1.5, "<&>\u2028\"\\", "", 12345678901234567.0}[draw.IntN(6)]
	}
	switch draw.IntN(6) {
	case 0, 1, 2:
		return object(draw, depth)
	case 3:
		array := make([]any, draw.IntN(3))
		for i := range array {
			array[i] = value(draw, depth-1)
		}
		return array
	}
	return value(draw, 0)
}

func object(draw *rand.Rand, depth int) map[string]any {
	o := make(map[string]any)
	for range draw.IntN(4) {
		o[[]string{"a", "b", "c", "", "ä~1/"}[draw.IntN(5)]] = value(draw, depth-1)
	}
	return o
}

// Members who apply the events end with the document of the snapshot.
func TestMembersEndWithTheSameDocument(t *testing.T) {
	for seed := range uint64(300) {
		draw := rand.New(rand.NewPCG(seed, 3))
		first, _ := json.Marshal(map[string]any{"document": value(draw, 3)})
		current, err := Kind{}.New(first)
		if err != nil {
			t.Fatal(err)
		}
		member := decoded(t, current.View("m"))
		for step := range 20 {
			command := kind.Command{Name: "patch"}
			command.Data, _ = json.Marshal(object(draw, 3))
			if draw.IntN(8) == 0 {
				command.Name = "replace"
				command.Data, _ = json.Marshal(value(draw, 3))
			}
			result, err := current.Do(command)
			if err != nil {
				t.Fatalf("seed %d, step %d: %s %s: %v", seed, step, command.Name, command.Data, err)
			}
			for _, e := range result.Events {
				if data := decoded(t, e.Data); e.Name == "document.patched" {
					member = mergePatch(member, data)
				} else {
					member = data
				}
			}
			if current, err = (Kind{}).Decode(result.State.Encode()); err != nil {
				t.Fatal(err)
			}
			want, _ := json.Marshal(decoded(t, current.View("m")))
			if got, _ := json.Marshal(member); string(got) != string(want) {
				t.Fatalf("seed %d, step %d: after %s %s\na member has   %s\nthe snapshot is %s", seed, step, command.Name, command.Data, got, want)
			}
		}
	}
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", b, err))
	}
	return v
}
