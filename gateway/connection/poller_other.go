//go:build !linux

package connection

import (
	"context"
	"errors"
)

// poller waits for idle connections without goroutines; there is none on this system.
type poller struct{}

func newPoller() (*poller, error) { return nil, nil }

func (*poller) wait(*Conn) error    { return errors.ErrUnsupported }
func (*poller) remove(*Conn)        {}
func (*poller) run(context.Context) {}
