package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

const (
	listLimit = 50  // sessions of one answer, if the request does not say
	listMost  = 200 // that it may say
)

// sessionLine is a session in a list.
type sessionLine struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	Created     int64    `json:"created"`
	Offset      uint64   `json:"offset"`
	Members     int      `json:"members"`
	Online      int      `json:"online"`
	Connections int      `json:"connections"`
	Replicas    []string `json:"replicas"` // names, of those it has connections on
}

// sessionDetail is a session with its members and their connections.
type sessionDetail struct {
	wire.SessionInfo
	Created int64      `json:"created"`
	Owner   string     `json:"owner,omitempty"`
	Members []seatLine `json:"members"`
}

type seatLine struct {
	wire.Member
	Joined      int64            `json:"joined"`
	Until       int64            `json:"until,omitempty"`
	Connections []connectionLine `json:"connections"`
}

type connectionLine struct {
	Client    string `json:"client"`
	Replica   string `json:"replica"`    // its name
	ReplicaID string `json:"replica_id"` // its incarnation
	Since     int64  `json:"since"`
}

// list answers GET /api/ops/sessions.
func (o Operators) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	text, after, limit := query.Get("q"), query.Get("after"), listLimit
	if said := query.Get("limit"); said != "" {
		var err error
		if limit, err = strconv.Atoi(said); err != nil || limit < 1 || limit > listMost {
			refuse(w, http.StatusBadRequest, codeBadQuery, "limit must be from 1 to "+strconv.Itoa(listMost))
			return
		}
	}
	find := o.Lists.Starting
	switch query.Get("match") {
	case "", "prefix":
	case "contains":
		find = o.Lists.Containing
	default:
		refuse(w, http.StatusBadRequest, codeBadQuery, "match must be prefix or contains")
		return
	}
	ids, err := find(r.Context(), text, after, limit)
	if err != nil {
		refuseOperator(w, err)
		return
	}
	next := ""
	if len(ids) == limit {
		query.Set("after", ids[limit-1])
		next = "/api/ops/sessions?" + query.Encode()
	}
	if wire.ValidSessionID(text) {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == text })
		if after == "" {
			ids = slices.Insert(ids, 0, text) // it may be there, without anybody connected; further pages had it on the first
		}
	}
	lines, err := o.lines(r.Context(), ids)
	if err != nil {
		refuseOperator(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, struct {
		Sessions []sessionLine `json:"sessions"`
		Next     string        `json:"next,omitempty"`
	}{lines, next})
}

// lines reads what there is of sessions, all at once. Those that have ended
// meanwhile are left out.
func (o Operators) lines(ctx context.Context, ids []string) ([]sessionLine, error) {
	names := o.names(ctx)
	details, errs := make([]session.Detail, len(ids)), make([]error, len(ids))
	var reading sync.WaitGroup
	for i, id := range ids {
		reading.Go(func() { details[i], errs[i] = o.Sessions.Detail(ctx, id) })
	}
	reading.Wait()
	lines := make([]sessionLine, 0, len(ids))
	for i := range ids {
		switch {
		case errors.Is(errs[i], session.ErrNone):
		case errs[i] != nil:
			return nil, errs[i]
		default:
			lines = append(lines, line(&details[i], names))
		}
	}
	return lines, nil
}

func line(d *session.Detail, names map[string]string) sessionLine {
	l := sessionLine{ID: d.ID, Kind: d.Kind, Created: d.Created, Offset: d.Offset, Members: len(d.Members), Replicas: []string{}}
	for _, m := range d.Members {
		if m.Status == wire.StatusOnline {
			l.Online++
		}
		l.Connections += len(m.Connections)
		for _, c := range m.Connections {
			if name := named(c.Replica, names); !slices.Contains(l.Replicas, name) {
				l.Replicas = append(l.Replicas, name)
			}
		}
	}
	slices.Sort(l.Replicas)
	return l
}

// detail answers GET /api/ops/sessions/{id}.
func (o Operators) detail(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !validSession(w, id) {
		return
	}
	d, err := o.Sessions.Detail(r.Context(), id)
	if err != nil {
		refuseOperator(w, err)
		return
	}
	names := o.names(r.Context())
	out := sessionDetail{SessionInfo: d.SessionInfo, Created: d.Created, Owner: d.Owner, Members: make([]seatLine, len(d.Members))}
	for i, m := range d.Members {
		seat := seatLine{Member: m.Member, Joined: m.Joined, Until: m.Until, Connections: make([]connectionLine, len(m.Connections))}
		for j, c := range m.Connections {
			seat.Connections[j] = connectionLine{Client: c.Client, Replica: named(c.Replica, names), ReplicaID: c.Replica, Since: c.Since}
		}
		out.Members[i] = seat
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, out)
}

// names are those of the replicas, by incarnation.
func (o Operators) names(ctx context.Context) map[string]string {
	names := make(map[string]string)
	all, err := o.Stats.Fleet(ctx)
	if err != nil {
		return names
	}
	for _, r := range all.Replicas {
		names[r.Replica.ID] = r.Replica.Name
	}
	for _, l := range all.Lost {
		names[l.ID] = l.Name
	}
	return names
}

// named is the name of a replica; of one that nobody knows any more its incarnation.
func named(id string, names map[string]string) string {
	if name, ok := names[id]; ok {
		return name
	}
	return id
}
