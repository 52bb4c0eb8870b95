package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// fleetFigures is GET /api/stats?scope=fleet, as far as tests look at it.
type fleetFigures struct {
	Figures  figures
	Recent   struct{ Figures figures }
	Ratios   map[string]*float64
	Replicas []struct {
		Replica struct {
			Name     string
			Draining bool
		}
		Figures figures
	}
	Lost []struct{ Name string }
}

type figures struct {
	Connections struct {
		Open, Joined, Accepted float64
		Closed                 map[string]float64
	}
	Sessions struct {
		Active         float64
		Members, Joins map[string]float64
		Resumes        map[string]float64
	}
	Messages struct{ Received float64 }
	Latency  map[string]struct{ Count, Mean, P50, P99, Max float64 }
	Frames   struct {
		Events          float64
		EventDeliveries float64 `json:"event_deliveries"`
	}
	Redis struct {
		Up, Memory float64
		Replicas   map[string]float64
	}
}

// awaitFleet waits until what a replica tells of the fleet is as it should be.
func awaitFleet(t testing.TB, g *gateway, what string, ok func(f *fleetFigures) bool) *fleetFigures {
	t.Helper()
	var last fleetFigures
	poll(t, what, func() error {
		_, body, err := get(g.URL() + "/api/stats?scope=fleet")
		last = fleetFigures{}
		if err = errors.Join(err, json.Unmarshal(body, &last)); err == nil && !ok(&last) {
			err = fmt.Errorf("%s tells %s", g.Addr, body)
		}
		return err
	})
	return &last
}

// Any replica tells of all: what members did on both is added up, a session on
// both is one, and a replica that was killed is missed.
func TestStatisticsOfTheFleet(t *testing.T) {
	t.Parallel()
	_, both := replicas(t)
	var members []*member
	for i, more := range []int{2, 3} { // behind the first one, who is there to see them
		members = append(members, everyone(t, 1, "shared", []string{both[i].URL()})...)
		members = append(members, everyone(t, more, "shared", []string{both[i].URL()})...)
	}
	allTalk(t, members, 20, 20*time.Millisecond)
	head := allCaughtUp(t, members)

	for _, g := range both {
		// What the other replica counts comes in reports, and the last one may be of the middle of all this.
		f := awaitFleet(t, g, "seven members in one session, and what they said", func(f *fleetFigures) bool {
			return len(f.Replicas) == 2 && f.Figures.Sessions.Active == 1 && f.Figures.Sessions.Members["online"] == 7 &&
				f.Figures.Connections.Joined == 7 && f.Figures.Messages.Received >= 7*20 && f.Figures.Redis.Replicas["alive"] == 2 &&
				f.Figures.Latency["publish"].Count >= float64(head-2) && // the first join on each replica is seen by nobody there
				f.Figures.Frames.EventDeliveries >= 7*20*7
		})
		if joins := f.Figures.Sessions.Joins["new"]; joins != 7 || *f.Ratios["join_success"] != 1 {
			t.Errorf("%v joined, %v of those who came", joins, *f.Ratios["join_success"])
		}
		publish := f.Figures.Latency["publish"]
		if publish.Count > float64(head) || publish.P50 <= 0 || publish.P50 > publish.P99 || publish.P99 > publish.Max || publish.Mean > publish.Max {
			t.Errorf("of %d events took: %+v", head, publish)
		}
		if f.Figures.Redis.Up != 1 || f.Figures.Redis.Memory < 100_000 {
			t.Errorf("%+v", f.Figures)
		}
	}

	both[1].Kill()
	f := awaitFleet(t, both[0], "the second replica to be lost, and its members here", func(f *fleetFigures) bool {
		return len(f.Replicas) == 1 && len(f.Lost) == 1 && f.Figures.Sessions.Members["reconnecting"] == 4
	})
	if f.Lost[0].Name != "second" || f.Replicas[0].Replica.Name != "first" {
		t.Errorf("%+v", f)
	}
}
