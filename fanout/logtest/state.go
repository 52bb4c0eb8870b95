package logtest

import (
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/plenum-gateway/plenum/fanout"
)

var stateCases = []testCase{
	{"Set", "an append replaces and deletes fields of the state and raises its revision by one; a publish does not", set},
	{"StateUnpublished", "the state is never published, only its revision", stateUnpublished},
	{"If", "an append that expects another revision, or another epoch, conflicts, does nothing, and gets the newest state", ifRevision},
	{"IfAbsent", "an append that expects the zero head is taken only if there is no session", ifAbsent},
	{"Counter", "of appends that expect the same revision one is taken, over replicas and goroutines", counter},
	{"OneRef", "of appends with the same ref one is taken, over replicas and goroutines", oneRef},
}

// fields makes values for Append.Set of pairs.
func fields(pairs ...string) map[string][]byte {
	set := make(map[string][]byte)
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = []byte(pairs[i+1])
	}
	return set
}

func (r *replica) wantState(id string, rev uint64, pairs ...string) {
	r.k.Helper()
	want := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	if v := r.read(id, &fanout.Query{}); v.Rev != rev || !maps.Equal(v.State, want) {
		r.k.Fatalf("the state at revision %d is %q; want %q at %d", v.Rev, v.State, want, rev)
	}
}

func set(k *kit) {
	one, other := k.replicas()
	one.append(session, fanout.Took, &fanout.Append{Create: true, Set: fields("a", "1", "b", "2")})
	other.wantState(session, 1, "a", "1", "b", "2")
	other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "x")}})
	one.wantState(session, 1, "a", "1", "b", "2")
	res := other.append(session, fanout.Took, &fanout.Append{Set: fields("a", "", "b", "3", "c", "4", "gone", ""),
		Items: []fanout.Item{events("", 0, "y", "z")}})
	if res.Rev != 2 || res.Offset != 3 {
		k.Errorf("answered %+v; want revision 2, offset 3", res.Head)
	}
	one.wantState(session, 2, "b", "3", "c", "4")
	one.append(session, fanout.Took, &fanout.Append{Set: fields("b", "", "c", "")})
	other.wantState(session, 3)
	other.append(session, fanout.Took, &fanout.Append{Set: fields("d", "5")})
	one.wantState(session, 4, "d", "5")
}

func stateUnpublished(k *kit) {
	one, other := k.replicas()
	other.subscribe(session)
	one.append(session, fanout.Took, &fanout.Append{Create: true, Set: fields("key-of-secret", "secret-value"),
		Items: []fanout.Item{events("client-of-secret", 9, "public")}})
	res := one.append(session, fanout.Took, &fanout.Append{Set: fields("key-of-secret", "secret-value-2")})
	for _, b := range other.AwaitBatches(k, session, 2) {
		if strings.Contains(string(b.Records)+b.Epoch, "secret") {
			k.Errorf("published was %q", b.Records)
		}
	}
	if got := other.Batches(session)[1]; got.Head != res.Head || got.First != 0 || len(got.Records) != 0 {
		k.Errorf("published was %+v; want only the head %+v", got, res.Head)
	}
}

func ifRevision(k *kit) {
	one, other := k.replicas()
	first := one.append(session, fanout.Took, &fanout.Append{Create: true, Set: fields("a", "1")})
	a := &fanout.Append{If: &first.Head, Set: fields("a", "2"), Items: []fanout.Item{events("c", 1, "x")}}
	second := other.append(session, fanout.Took, a)
	other.subscribe(session)
	a.Items[0].Ref = 2
	for _, r := range []*replica{one, other} {
		res := r.append(session, fanout.Conflict, a)
		if res.Head != second.Head || len(res.State) != 1 || res.State["a"] != "2" {
			k.Fatalf("the conflict came with %+v; want %+v and a=2", res, second.Head)
		}
	}
	foreign := fanout.Head{Position: fanout.Position{Epoch: "another"}, Rev: second.Rev}
	one.append(session, fanout.Conflict, &fanout.Append{If: &foreign})
	one.append(session, fanout.Conflict, &fanout.Append{If: &foreign, End: true, Create: true})
	if now := other.head(session); now != second.Head {
		k.Fatalf("a conflict changed the head to %+v", now)
	}
	moved := one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "publish")}})
	third := one.append(session, fanout.Took, &fanout.Append{If: &second.Head, Set: fields("a", "3"), Items: a.Items})
	if third.First != moved.Offset+1 || third.Rev != second.Rev+1 {
		k.Errorf("after a publish answered %+v", third)
	}
	if got := other.AwaitBatches(k, session, 2); got[0].Head != moved.Head || got[1].Head != third.Head {
		k.Errorf("published were %+v", got)
	}
}

func ifAbsent(k *kit) {
	one, other := k.replicas()
	one.append(session, fanout.Missing, &fanout.Append{If: &fanout.Head{}})
	first := one.append(session, fanout.Took, &fanout.Append{If: &fanout.Head{}, Create: true, Set: fields("by", "one")})
	res := other.append(session, fanout.Conflict, &fanout.Append{If: &fanout.Head{}, Create: true, Set: fields("by", "other")})
	if res.Head != first.Head || res.State["by"] != "one" {
		k.Errorf("the conflict came with %+v", res)
	}
	id := session + "-never-changed"
	bare := one.append(id, fanout.Took, &fanout.Append{If: &fanout.Head{}, Create: true})
	res = other.append(id, fanout.Conflict, &fanout.Append{If: &fanout.Head{}, Create: true})
	if res.Head != bare.Head || res.State == nil || len(res.State) != 0 {
		k.Errorf("the conflict with an empty state came with %+v, %v", res, res.State)
	}
}

// Goroutines per replica, and what each does.
const (
	workers = 4
	rounds  = 25
)

// compete runs work on several goroutines for each replica and waits for them.
func (k *kit) compete(replicas []*replica, work func(r *replica, worker int)) {
	var group sync.WaitGroup
	for i := range workers * len(replicas) {
		group.Go(func() { work(replicas[i%len(replicas)], i) })
	}
	group.Wait()
}

func counter(k *kit) {
	one, other := k.replicas()
	one.append(session, fanout.Took, &fanout.Append{Create: true, Set: fields("n", "0")})
	k.compete([]*replica{one, other}, func(r *replica, _ int) {
		v, err := r.Read(k.Context(), session, &fanout.Query{})
		head, state := v.Head, v.State
		for n := 0; n < rounds && err == nil; {
			count, _ := strconv.Atoi(state["n"])
			next := strconv.Itoa(count + 1)
			var res fanout.Appended
			res, err = r.Append(k.Context(), session, &fanout.Append{If: &head, Set: fields("n", next),
				Items: []fanout.Item{events("", 0, next)}})
			if res.Outcome == fanout.Took {
				n++
				res.State = map[string]string{"n": next}
			}
			head, state = res.Head, res.State
		}
		if err != nil {
			k.Error(err)
		}
	})
	total := 2 * workers * rounds
	one.wantState(session, uint64(total+1), "n", strconv.Itoa(total))
	for i, e := range one.read(session, &fanout.Query{History: true}).Events {
		if string(e.Body) != strconv.Itoa(i+1) {
			k.Fatalf("event %d is %q", i+1, e.Body)
		}
	}
}

func oneRef(k *kit) {
	one, other := k.replicas()
	one.create(session)
	var mu sync.Mutex
	took := make(map[uint64]int)
	k.compete([]*replica{one, other}, func(r *replica, _ int) {
		for ref := uint64(1); ref <= rounds; ref++ {
			res, err := r.Append(k.Context(), session, &fanout.Append{Items: []fanout.Item{events("c", ref, "x")}})
			if err != nil || res.Outcome != fanout.Took && res.Outcome != fanout.Repeated {
				k.Errorf("ref %d: %+v, %v", ref, res, err)
			}
			if res.Outcome == fanout.Took {
				mu.Lock()
				took[ref]++
				mu.Unlock()
			}
		}
	})
	for ref, n := range took {
		if n != 1 {
			k.Errorf("ref %d was taken %d times", ref, n)
		}
	}
	if got := one.head(session).Offset; got != uint64(len(took))+1 {
		k.Errorf("%d refs made %d events", len(took), got-1)
	}
}
