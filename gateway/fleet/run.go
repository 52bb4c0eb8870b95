package fleet

import (
	"context"
	"time"
)

// Orders of an operator.
const (
	OrderDrain = "drain" // take nobody in, and move everybody elsewhere
	OrderServe = "serve" // go on
)

const beat = 2 * time.Second

// Run announces which sessions this replica serves and takes orders, every 2 s,
// until ctx ends; then it takes out what this replica has in Redis. obey must not
// block.
func (f *Fleet) Run(ctx context.Context, serving func() []string, obey func(order string)) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.turn(ctx, serving, obey)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			f.Leave(last) // what is left expires by itself
			return
		}
	}
}

// turn does it once. Without Redis it is for the next turn.
func (f *Fleet) turn(ctx context.Context, serving func() []string, obey func(order string)) {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	if f.Announce(ctx, serving()) != nil {
		return
	}
	if order, err := f.Take(ctx); err == nil && order != "" {
		obey(order)
	}
}
