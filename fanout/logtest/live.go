package logtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
)

var liveCases = []testCase{
	{"Subscribe", "everything that is appended after Subscribe has returned is delivered", subscribed},
	{"Unsubscribe", "after Unsubscribe deliveries end; a Subscribe right behind it stands", unsubscribed},
	{"Sessions", "what is appended to one session is delivered for that one alone", sessionsApart},
	{"Order", "each log delivers a session's batches in the order of their offsets, whoever appends", order},
	{"Expiry", "a session that nobody uses is forgotten after its TTL; one whose head is read is not", expiry},
	{"Ageing", "a client's ref is known for a TTL at least, and is forgotten while the session lives on", ageing},
}

func subscribed(k *kit) {
	one, other := k.replicas()
	for i := range 200 {
		id := fmt.Sprintf("%s-%d", session, i)
		one.subscribe(id)
		head := other.create(id)
		if got := one.AwaitBatches(k, id, 1)[0]; got.Head != head || got.First != 1 {
			k.Fatalf("delivered was %+v; want %+v", got, head)
		}
	}
}

func unsubscribed(k *kit) {
	one, other := k.replicas()
	other.create(session)
	one.subscribe(session)
	for i := range 200 {
		one.Unsubscribe(session)
		one.subscribe(session)
		head := other.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "x")}}).Head
		one.Await(k, fmt.Sprintf("offset %d in round %d", head.Offset, i), func() bool {
			got := one.Batches(session)
			return len(got) > 0 && got[len(got)-1].Head == head
		})
	}
	one.Unsubscribe(session)
	one.Unsubscribe(session)
	one.Unsubscribe("never subscribed")
	marker := session + "-marker"
	one.subscribe(marker)
	other.create(marker)
	Eventually(k, "deliveries end", func() bool {
		before, marks := len(one.Batches(session)), len(one.Batches(marker))
		for _, id := range []string{session, marker} {
			other.append(id, fanout.Took, &fanout.Append{Items: []fanout.Item{events("", 0, "x")}})
		}
		one.AwaitBatches(k, marker, marks+1)
		return len(one.Batches(session)) == before
	})
}

func sessionsApart(k *kit) {
	one, other := k.replicas()
	ids := []string{"s", "s:1", "s}1", "{s}", "S", "s*", "s-"}
	one.subscribe(ids...)
	for round := range 3 {
		for i, id := range ids {
			text := strings.Repeat("x", i+1)
			other.append(id, fanout.Took, &fanout.Append{Create: true, Set: fields("id", id), Items: []fanout.Item{events("c", uint64(round+1), text)}})
		}
	}
	for i, id := range ids {
		one.AwaitBatches(k, id, 3)
		want := events("", 0, strings.Repeat("x", i+1)).Records
		for n, b := range one.Batches(id) {
			if b.Offset != uint64(n+1) || string(b.Records) != string(want) {
				k.Errorf("session %q was delivered %+v", id, b)
			}
		}
		other.wantState(id, 3, "id", id)
	}
}

func order(k *kit) {
	one, other := k.replicas()
	replicas := []*replica{one, other}
	for _, r := range replicas {
		r.subscribe(session)
	}
	k.compete(replicas, func(r *replica, worker int) {
		for n := range rounds {
			text := fmt.Sprintf("%d.%d", worker, n)
			many := make([]string, 1+n%3)
			for i := range many {
				many[i] = text
			}
			res, err := r.Append(k.Context(), session, &fanout.Append{Create: true, Items: []fanout.Item{events(strconv.Itoa(worker), uint64(n+1), many...)}})
			if err != nil || res.Outcome != fanout.Took {
				k.Errorf("append: %+v, %v", res, err)
			}
		}
	})
	for _, r := range replicas {
		next := uint64(1)
		for _, b := range r.AwaitBatches(k, session, 2*workers*rounds) {
			got, err := fanout.DurableEvents(nil, b.First, b.Records)
			if err != nil || b.First != next || b.Offset != next+uint64(len(got))-1 {
				k.Fatalf("after offset %d came a batch from %d to %d: %v", next-1, b.First, b.Offset, err)
			}
			next = b.Offset + 1
		}
		if head := r.head(session).Offset; head != next-1 {
			k.Fatalf("delivered was up to %d; the head is %d", next-1, head)
		}
	}
}

// brief is a TTL that a test can wait for.
const brief = time.Second

func expiry(k *kit) {
	one := k.open(Options{History: 10, TTL: brief})
	idle, kept := session+"-idle", session+"-kept"
	for _, id := range []string{idle, kept} {
		one.append(id, fanout.Took, &fanout.Append{Create: true, Set: fields("a", "1"), Items: []fanout.Item{events("c", 1, "x")}})
	}
	made := time.Now()
	Eventually(k, "the idle session is forgotten", func() bool {
		one.head(kept)
		return !one.read(idle, &fanout.Query{}).Exists
	})
	if after := time.Since(made); after < brief/2 {
		k.Errorf("the idle session was forgotten after %v; its TTL is %v", after, brief)
	}
	one.append(idle, fanout.Missing, &fanout.Append{Items: []fanout.Item{events("", 0, "x")}})
	one.wantState(kept, 1, "a", "1")
	Eventually(k, "the TTL of every part of the other is over", func() bool {
		if one.head(kept) == (fanout.Head{}) {
			k.Fatal("the session whose head is read was forgotten")
		}
		return time.Since(made) > 3*brief
	})
	v := one.read(kept, &fanout.Query{History: true, Clients: []string{"c"}})
	if len(v.State) != 1 || v.Refs[0].Last != 1 || len(v.Events) != 1 {
		k.Errorf("of the session whose head is read this is left: %+v", v)
	}
	anew := one.append(idle, fanout.Took, &fanout.Append{Create: true, Items: []fanout.Item{events("c", 1, "x")}})
	if anew.First != 1 || anew.Rev != 0 {
		k.Errorf("the session began anew with %+v", anew)
	}
}

func ageing(k *kit) {
	one := k.open(Options{History: 1 << 30, TTL: brief})
	gone := []fanout.Item{events("gone", 1, "old")}
	one.append(session, fanout.Took, &fanout.Append{Create: true, Set: fields("a", "1"), Items: gone})
	made := time.Now()
	var refs, first uint64
	Eventually(k, "the ref and the event are forgotten", func() bool {
		refs++
		one.append(session, fanout.Took, &fanout.Append{Items: []fanout.Item{events("here", refs, "new")}})
		again, err := one.Append(k.Context(), session, &fanout.Append{Items: gone, If: &fanout.Head{}}) // never taken
		if err != nil {
			k.Fatal(err)
		}
		v := one.read(session, &fanout.Query{Clients: []string{"gone", "here"}, History: true})
		if known := again.Outcome == fanout.Repeated; known != (v.Refs[0].Last == 1) {
			k.Fatalf("an append of the ref answered %v; a read %d", again.Outcome, v.Refs[0].Last)
		}
		if v.Refs[1].Last != refs {
			k.Fatalf("the ref %d of a client that is here is %d", refs, v.Refs[1].Last)
		}
		first = v.Events[0].Offset
		if since := time.Since(made); since < brief/2 && (v.Refs[0].Last == 0 || first != 1) {
			k.Fatalf("ref %d, oldest event %d after %v; the TTL is %v", v.Refs[0].Last, first, since, brief)
		}
		return v.Refs[0].Last == 0 && first > 1
	})
	one.wantState(session, 1, "a", "1")
}
