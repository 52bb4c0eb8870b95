package stats

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// board is where replicas leave their reports.
type board struct {
	left  map[string]Left
	away  error
	reads int
}

type place struct {
	*board
	id string
}

func (p place) Report(_ context.Context, report []byte) error {
	if p.away == nil {
		p.left[p.id] = Left{ID: p.id, Report: report}
	}
	return p.away
}

func (b *board) Count(_ context.Context, recently time.Duration) (alive, ended int, err error) {
	for _, l := range b.left {
		switch {
		case l.Ended == 0:
			alive++
		case l.Ended < recently:
			ended++
		}
	}
	return alive, ended, b.away
}

func (b *board) Gather(context.Context) (all []Left, err error) {
	b.reads++
	for _, l := range b.left {
		all = append(all, l)
	}
	return all, b.away
}

// In a fleet counters add up, gauges as the table says, and quantiles come from
// all buckets together.
func TestFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{left: make(map[string]Left)}
		quick, slow := newReplica(t, "quick", place{b, "id-quick"}), newReplica(t, "slow", place{b, "id-slow"})
		for _, r := range []*replica{quick, slow} {
			r.look(t.Context())
			r.people.Stats.Joins.Add(100)
			r.sockets.Stats.Open.Add(7)
		}
		quick.log.Publish.ObserveMany(time.Millisecond, 980)
		slow.log.Publish.ObserveMany(900*time.Millisecond, 20)
		slow.people.Stats.Refused.Add(100)
		slow.drains = true
		time.Sleep(20 * time.Second)
		for _, r := range []*replica{quick, slow} {
			r.look(t.Context())
			r.tell(t.Context(), zap.NewNop())
		}
		fleet, err := quick.Fleet(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := tree(t, fleet)
		for path, want := range map[string]any{
			"scope": "fleet", "figures.connections.open": 14.0, "figures.connections.limit": 20.0, "figures.sessions.joins.new": 200.0,
			"recent.figures.sessions.joins.new": 10.0, "ratios.join_success": 0.667, "figures.latency.publish.count": 1000.0,
			"figures.latency.publish.max": 900.0, "figures.process.draining": 1.0, "figures.redis.up": 1.0,
		} {
			if at(t, got, path) != want {
				t.Errorf("%s is %v, want %v", path, at(t, got, path), want)
			}
		}
		if p99 := at(t, got, "recent.figures.latency.publish.p99").(float64); p99 < 700 || p99 > 900 {
			t.Errorf("the 99th percentile of the fleet is %v ms: 2 %% took 900 ms, all of them on one replica", p99)
		}
		replicas := got["replicas"].([]any)
		if len(replicas) != 2 || at(t, replicas[0], "replica.name") != "quick" || at(t, replicas[1], "replica.draining") != true {
			t.Errorf("%v", replicas)
		}
		for _, path := range []string{"start_time", "network_sent"} {
			if v, ok := at(t, got, "figures.process").(map[string]any)[path]; ok {
				t.Errorf("the fleet has %s: %v", path, v)
			}
			at(t, replicas[0], "figures.process."+path)
		}
	})
}

// A replica that is gone is told as lost, until another one has its name.
func TestLostReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{left: make(map[string]Left)}
		r, other := newReplica(t, "one", place{b, "id-one"}), newReplica(t, "two", place{b, "id-two"})
		r.tell(t.Context(), zap.NewNop())
		other.tell(t.Context(), zap.NewNop())
		gone := b.left["id-two"]
		gone.Ended = 90 * time.Second
		b.left["id-two"] = gone
		b.left["junk"] = Left{ID: "junk", Report: []byte(`{"at":1}`), Ended: time.Second}
		r.tell(t.Context(), zap.NewNop())
		fleet, err := r.Fleet(t.Context())
		if err != nil || len(fleet.Replicas) != 1 || len(fleet.Lost) != 1 || fleet.Lost[0] != (Lost{"two", "id-two", 90_000}) {
			t.Errorf("%+v, %v", fleet, err)
		}
		replicas := row("redis", "replicas")
		if f := r.Report().Figures; f.of(replicas, "alive") != 1 || f.of(replicas, "lost") != 1 {
			t.Errorf("%v", f.values[replicas])
		}
		again := newReplica(t, "two", place{b, "id-three"})
		again.tell(t.Context(), zap.NewNop())
		r.tell(t.Context(), zap.NewNop())
		time.Sleep(2 * answerFor)
		fleet, err = r.Fleet(t.Context())
		if err != nil || len(fleet.Replicas) != 2 || len(fleet.Lost) != 0 || r.Report().Figures.of(replicas, "lost") != 0 {
			t.Errorf("%+v, %v", fleet, err)
		}
	})
}

// Many who ask cost the store as much as one.
func TestFleetIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{left: make(map[string]Left)}
		r := newReplica(t, "one", place{b, "id-one"})
		r.tell(t.Context(), zap.NewNop())
		b.reads = 0
		for range 100 {
			if _, err := r.Fleet(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if b.reads != 1 {
			t.Errorf("asked %d times", b.reads)
		}
		b.away = errors.New("away")
		time.Sleep(2 * answerFor)
		if _, err := r.Fleet(t.Context()); !errors.Is(err, b.away) {
			t.Errorf("error %v", err)
		}
		alone := newReplica(t, "alone", nil)
		if fleet, err := alone.Fleet(t.Context()); err != nil || len(fleet.Replicas) != 1 {
			t.Errorf("%+v, %v", fleet, err)
		}
	})
}

// During a deploy two versions are there: what one does not know is 0 or passed over.
func TestReportsOfOtherVersions(t *testing.T) {
	r := newReplica(t, "one", nil)
	r.sockets.Stats.Open.Add(3)
	text := tree(t, new(r.Report()))
	figures := text["figures"].(map[string]any)
	delete(figures, "latency")
	figures["connections"].(map[string]any)["of_the_future"] = 5
	figures["future"] = map[string]any{"x": map[string]int{"y": 1}}
	delete(figures["sessions"].(map[string]any)["joins"].(map[string]any), "new")
	edited, _ := json.Marshal(text)
	var read Report
	if err := json.Unmarshal(edited, &read); err != nil {
		t.Fatal(err)
	}
	both := together(1, []Report{read, r.Report()})
	if got := both.Figures.number(row("connections", "open")); got != 6 {
		t.Errorf("%v are open; want 6", got)
	}
	at(t, tree(t, &both), "figures.latency.publish.p99")
}
