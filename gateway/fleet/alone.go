package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Alone is the fleet of a replica with the embedded log.
type Alone struct {
	ID      string
	Serving func() []string // in order
	Obey    func(order string)
}

// ErrStranger tells that there is no such replica.
var ErrStranger = errors.New("there is no such replica")

// Order has this replica obey at once.
func (a *Alone) Order(_ context.Context, id, order string) error {
	if id != a.ID {
		return ErrStranger
	}
	a.Obey(order)
	return nil
}

// Starting is [Fleet.Starting].
func (a *Alone) Starting(_ context.Context, prefix, after string, limit int) ([]string, error) {
	return a.list(after, limit, func(id string) bool { return strings.HasPrefix(id, prefix) }), nil
}

// Containing is [Fleet.Containing].
func (a *Alone) Containing(_ context.Context, text, after string, limit int) ([]string, error) {
	return a.list(after, limit, func(id string) bool { return strings.Contains(id, text) }), nil
}

func (a *Alone) list(after string, limit int, want func(id string) bool) []string {
	found := slices.DeleteFunc(a.Serving(), func(id string) bool { return id <= after || !want(id) })
	return found[:min(limit, len(found))]
}
