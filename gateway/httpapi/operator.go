package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/plenum-gateway/plenum/gateway/fleet"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/gateway/stats"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// Operators is what operators may see and do. All of its requests need an API key.
type Operators struct {
	Sessions *session.Service
	Stats    *stats.Collector
	Lists    Lists
	Orders   Orders
	Log      *zap.Logger // has what they do, and to what
}

// Lists are the sessions that the replicas of the fleet serve, by id, in order: at
// most limit, those that come after another one.
type Lists interface {
	Starting(ctx context.Context, prefix, after string, limit int) ([]string, error)
	Containing(ctx context.Context, text, after string, limit int) ([]string, error)
}

// Orders reach a replica, by its incarnation.
type Orders interface {
	Order(ctx context.Context, id, order string) error
}

// did notes what an operator has done.
func (o Operators) did(what string, fields ...zap.Field) {
	o.Log.Info("an operator: "+what, fields...)
}

// remove answers DELETE /api/ops/sessions/{id}/members/{member}.
func (o Operators) remove(w http.ResponseWriter, r *http.Request) {
	id, member := r.PathValue("id"), r.PathValue("member")
	if !validSession(w, id) {
		return
	}
	if err := o.Sessions.Remove(r.Context(), id, member); err != nil {
		refuseOperator(w, err)
		return
	}
	o.did("removed a member", zap.String("session", id), zap.String("member", member))
	w.WriteHeader(http.StatusNoContent)
}

// drain answers POST /api/ops/replicas/{name}/drain.
func (o Operators) drain(w http.ResponseWriter, r *http.Request) {
	all, target, ok := o.replica(w, r)
	if !ok {
		return
	}
	others := 0
	for _, other := range all.Replicas {
		if other.Replica.ID != target.ID && !other.Replica.Draining {
			others++
		}
	}
	if others == 0 && r.URL.Query().Get("force") != "true" {
		refuse(w, http.StatusConflict, codeOnlyReplica,
			"no other replica takes members in: they would have nowhere to go. Start another one, or say ?force=true")
		return
	}
	o.order(w, r, target, fleet.OrderDrain)
}

// serve answers DELETE /api/ops/replicas/{name}/drain.
func (o Operators) serve(w http.ResponseWriter, r *http.Request) {
	if _, target, ok := o.replica(w, r); ok {
		o.order(w, r, target, fleet.OrderServe)
	}
}

func (o Operators) order(w http.ResponseWriter, r *http.Request, to *stats.Replica, order string) {
	if err := o.Orders.Order(r.Context(), to.ID, order); err != nil {
		refuseOperator(w, err)
		return
	}
	o.did("gave an order to a replica", zap.String("order", order), zap.String("to", to.Name), zap.String("incarnation", to.ID))
	answer(w, http.StatusAccepted, map[string]any{"replica": map[string]string{"name": to.Name, "id": to.ID}, "order": order})
}

// replica finds the one that a request names, by name or by incarnation, and refuses
// the request if it cannot.
func (o Operators) replica(w http.ResponseWriter, r *http.Request) (*stats.FleetReport, *stats.Replica, bool) {
	all, err := o.Stats.Fleet(r.Context())
	if err != nil {
		refuseOperator(w, err)
		return nil, nil, false
	}
	name := r.PathValue("name")
	var found []*stats.Replica
	for _, report := range all.Replicas {
		if report.Replica.Name == name || report.Replica.ID == name {
			found = append(found, report.Replica)
		}
	}
	switch len(found) {
	case 1:
		return all, found[0], true
	case 0:
		refuse(w, http.StatusNotFound, codeNotFound, "there is no replica "+name+" that is alive; GET /api/stats?scope=fleet lists them")
	default:
		refuse(w, http.StatusConflict, codeAmbiguous, "several replicas are called "+name+": say the id of one, as in GET /api/stats?scope=fleet")
	}
	return nil, nil, false
}

// Codes of refusals that only operators see.
const (
	codeOnlyReplica wire.Code = "only_replica"
	codeAmbiguous   wire.Code = "ambiguous_name"
)

// validSession refuses a request whose session cannot be.
func validSession(w http.ResponseWriter, id string) bool {
	if !wire.ValidSessionID(id) {
		refuse(w, http.StatusBadRequest, wire.CodeBadSession, "a session id has 1 to 64 characters of A-Z a-z 0-9 _ -")
		return false
	}
	return true
}

// refuseOperator answers with the problem that an error of a service is.
func refuseOperator(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, session.ErrNone):
		refuse(w, http.StatusNotFound, wire.CodeNoSession, err.Error())
	case errors.Is(err, session.ErrNoMember):
		refuse(w, http.StatusNotFound, wire.CodeUnknownMember, err.Error())
	default:
		later(w, http.StatusServiceUnavailable, wire.CodeUnavailable, "the store is away", time.Second)
	}
}
