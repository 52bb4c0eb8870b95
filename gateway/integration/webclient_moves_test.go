package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A drained replica is left for another one without a gap: the next connection
// is there before the old one goes.
func webDrained(t *testing.T, b *browser) {
	for _, v := range webMoves(t, b, func(g *gateway) {
		g.Term()
		g.Wait(t)
	}) {
		if phases := v.text("me.statuses.map((s) => s.phase).join()"); strings.Contains(phases, "reconnecting") {
			t.Errorf("a drained connection was lost: %s", phases)
		}
		served := "me.sockets.filter((s) => s.welcomed)"
		if overlap := v.text(served + ".slice(1).every((s, i) => s.welcomed <= Math.min(" + served + "[i].left, " + served + "[i].closed ?? Infinity))"); overlap != "true" {
			t.Errorf("connections do not overlap: %s", v.text("JSON.stringify(me.sockets)"))
		}
	}
}

func webKilled(t *testing.T, b *browser) {
	webMoves(t, b, func(g *gateway) { g.Kill() })
}

// webMoves has two people talk while each of two replicas ends and comes back.
func webMoves(t *testing.T, b *browser, end func(*gateway)) []*visitor {
	both, again := pinned(t, "PLENUM_DRAIN_TIMEOUT=10s")
	proxy := startNginx(t, both...)
	people := []*visitor{
		alone(t, b, proxy.URL(), "moves", options{"name": "Ada"}),
		alone(t, b, proxy.URL(), "moves", options{"name": "Bo"}),
	}
	for _, v := range people {
		v.run("me.talk(60)")
	}
	for i := range both {
		end(both[i])
		for _, v := range people { // while there is only the other one
			seen := evaluated[int](v, "me.events.length")
			v.until("both to be heard after that", fmt.Sprintf(
				"new Set(me.events.slice(%d).map((e) => e.from)).size === 2 && me.events.length > %d", seen, seen+20))
		}
		again(i)
		both[i].awaitReady(t, 200)
	}
	want := make(map[string]int)
	for _, v := range people {
		v.run("clearInterval(me.talking)")
		v.settled()
		want[v.text("me.client.member")] = evaluated[int](v, "me.outcomes.length")
	}
	caughtUp(people...)
	for _, v := range people {
		r, said := v.judge()
		for member, n := range want {
			if !slices.Equal(said[member], all(n)) {
				t.Errorf("of 0 to %d was seen %v", n-1, said[member])
			}
		}
		if len(r.States) != 1 {
			t.Errorf("there were %d snapshots; all but the first are replays that did not work", len(r.States))
		}
		var replicas []string
		for i, w := range r.Welcomes {
			replicas = append(replicas, w.Replica)
			if i > 0 && !w.Resumed {
				t.Errorf("welcome %d is no replay", i)
			}
		}
		t.Logf("of %d events, served by %v", len(r.Events), replicas)
		if !slices.Contains(replicas, "first") || !slices.Contains(replicas, "second") {
			t.Errorf("served by %v; want both", replicas)
		}
	}
	return people
}

// An answer gets lost, then the network; what was asked for before and since
// takes effect once, in order.
func webOutbox(t *testing.T, b *browser) {
	g := startGateway(t)
	way := startCable(t, g.Addr)
	ada := alone(t, b, g.URL(), "outbox", options{"name": "Ada"})
	bo := alone(t, b, way.URL(), "outbox", options{"name": "Bo"})
	bo.run("me.sockets[0].socket.onmessage = null; me.publish('answer lost')")
	ada.saw(`"answer lost"`)
	way.pull()
	bo.until("the loss to be noticed", "me.client.phase === 'reconnecting'")
	bo.run("for (let i = 0; i < 40; i++) me.publish(i)")
	ada.run("me.publish('meanwhile')")
	ada.settled()
	if pending := evaluated[int](bo, "me.client.pending"); pending != 41 {
		t.Errorf("%d are pending, want 41", pending)
	}
	way.plug()
	bo.settled()
	caughtUp(ada, bo)
	for _, v := range []*visitor{ada, bo} {
		r, said := v.judge()
		if got := said[bo.text("me.client.member")]; !slices.Equal(got, append([]string{`"answer lost"`}, all(40)...)) {
			t.Errorf("Bo said %v", got)
		}
		if len(r.States) != 1 {
			t.Errorf("not a replay: %+v", r.Welcomes)
		}
	}
	if acked := evaluated[int](bo, "me.welcomes[1].acked"); acked != 1 {
		t.Errorf("the gateway knew %d of Bo's requests, want 1", acked)
	}
}

// A connection that looks open and is dead: a request that is not answered
// makes the client look for another one, and takes effect once.
func webSilence(t *testing.T, b *browser) {
	g := startGateway(t)
	way := startCable(t, g.Addr)
	ada := alone(t, b, g.URL(), "silence", options{"name": "Ada"})
	bo := alone(t, b, way.URL(), "silence", options{"name": "Bo"})
	way.silence()
	ada.run("me.publish('unheard')")
	bo.run("me.publish('is anybody there')")
	bo.settled()
	caughtUp(ada, bo)
	for _, v := range []*visitor{ada, bo} {
		if r, said := v.judge(); len(r.States) != 1 || len(said) != 2 {
			t.Errorf("a replay with what both said: %+v %v", r.States, said)
		}
	}
	if n := evaluated[int](bo, "me.sockets.length"); n < 2 {
		t.Error("it went on over the dead connection")
	}
}

// Redis forgets everything: members are told so in place, and go on. Whatever
// they asked for is in the end in the state, or an event behind it.
func webReset(t *testing.T, b *browser) {
	redis, both := replicas(t, "PLENUM_SESSION_KIND=document")
	people := []*visitor{
		alone(t, b, both[0].URL(), "reset", options{"name": "Ada"}),
		alone(t, b, both[1].URL(), "reset", options{"name": "Bo"}),
	}
	patch := func(when string) {
		for i, v := range people {
			v.run(fmt.Sprintf("me.command('patch', { %s%d: 1 })", when, i))
		}
		for _, v := range people {
			v.settled()
		}
		caughtUp(people...)
	}
	patch("before")
	if _, err := redis.Do("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	patch("behind")
	patch("later")
	for _, v := range people {
		if outcomes := v.text("me.outcomes.map((o) => typeof o.now).join()"); outcomes != "number,number,number" {
			t.Errorf("not everything took effect: %s", v.text("JSON.stringify(me.outcomes)"))
		}
		r, _ := v.judge()
		if len(r.States) < 2 || r.States[1].Reason != "reset" {
			t.Errorf("not told of the reset: %+v", r.States)
		}
		got := v.text("Object.keys(me.events.slice(me.states.at(-1).behind).reduce((all, e) => ({ ...all, ...e.data }), me.states.at(-1).state)).sort().join()")
		if got != "before0,before1,behind0,behind1,later0,later1" {
			t.Errorf("the document has %s", got)
		}
		if here := v.text("me.client.members.list.map((m) => m.name + m.status).sort().join()"); here != "Adaonline,Boonline" {
			t.Errorf("the members are %s", here)
		}
	}
}
