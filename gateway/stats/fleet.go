package stats

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FleetReport is what all replicas have to say together, and each.
type FleetReport struct {
	Total    Report
	Replicas []Report // by name
	Lost     []Lost
}

// Lost is a replica whose lease has ended, within the last hour, without its giving
// it up, and that is not back under its name.
type Lost struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	Ago  int64  `json:"ago"` // milliseconds
}

// MarshalJSON implements json.Marshaler.
func (f *FleetReport) MarshalJSON() ([]byte, error) {
	replicas := make([]reportJSON, len(f.Replicas))
	for i := range f.Replicas {
		replicas[i] = f.Replicas[i].json()
	}
	lost := f.Lost
	if lost == nil {
		lost = []Lost{}
	}
	return json.Marshal(struct {
		Scope string `json:"scope"`
		reportJSON
		Replicas []reportJSON `json:"replicas"`
		Lost     []Lost       `json:"lost"`
	}{"fleet", f.Total.json(), replicas, lost})
}

// Fleet returns the reports of all replicas; an answer that is younger than a
// second is given again. The error is the store's.
func (c *Collector) Fleet(ctx context.Context) (*FleetReport, error) {
	if c.fleet == nil {
		return fleetOf([]Report{c.Report()}, nil), nil
	}
	c.gathering.Lock()
	defer c.gathering.Unlock()
	if c.answer != nil && time.Since(c.answered) < answerFor {
		return c.answer, nil
	}
	left, err := c.fleet.Gather(ctx)
	if err != nil {
		return nil, fmt.Errorf("gathering the reports of the fleet: %w", err)
	}
	reports, lost := sorted(left)
	own := slices.IndexFunc(reports, func(r Report) bool { return r.Replica.ID == c.replica.ID })
	if own >= 0 {
		reports[own] = c.Report()
	}
	c.answer, c.answered = fleetOf(reports, lost), time.Now()
	return c.answer, nil
}

func fleetOf(reports []Report, lost []Lost) *FleetReport {
	return &FleetReport{Total: together(time.Now().UnixMilli(), reports), Replicas: reports, Lost: lost}
}

// sorted tells the reports of those who are alive from those who are lost, each by
// name. What cannot be read is of another version, and left out.
func sorted(left []Left) (reports []Report, lost []Lost) {
	names := make(map[string]bool)
	for _, l := range left {
		var r Report
		if json.Unmarshal(l.Report, &r) != nil || r.Replica == nil || r.Figures.values == nil || r.Recent.Figures.values == nil {
			continue
		}
		if l.Ended > 0 {
			lost = append(lost, Lost{Name: r.Replica.Name, ID: l.ID, Ago: l.Ended.Milliseconds()})
			continue
		}
		reports = append(reports, r)
		names[r.Replica.Name] = true
	}
	lost = slices.DeleteFunc(lost, func(l Lost) bool { return names[l.Name] })
	slices.SortFunc(reports, func(a, b Report) int {
		return strings.Compare(a.Replica.Name+" "+a.Replica.ID, b.Replica.Name+" "+b.Replica.ID)
	})
	slices.SortFunc(lost, func(a, b Lost) int { return strings.Compare(a.Name+" "+a.ID, b.Name+" "+b.ID) })
	return reports, lost
}
