package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// numbered gives a token that tells how often it was asked.
func numbered(asked *atomic.Int64, wait time.Duration) func(o *client.Options) {
	return func(o *client.Options) {
		o.Token = func(ctx context.Context) (string, error) {
			n := asked.Add(1)
			if n > 1 && wait > 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
			return fmt.Sprintf("token-%d", n), nil
		}
	}
}

func (p *peer) expiring() {
	p.refuse(wire.Error{Code: wire.CodeTokenExpiring, Message: "it ends", Retry: true, After: time.Minute})
}

// A new token takes the place of the old one over the same connection, in the
// order of the other requests, and nobody is told of it.
func TestTokenIsRefreshedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, asked := newFake(t), new(atomic.Int64)
		s := start(t, f, numbered(asked, 0))
		p := f.join()
		if p.join.Token != "token-1" {
			t.Errorf("joined with %q", p.join.Token)
		}
		p.welcome(10)
		s.publish(1)
		p.publishes(1)
		p.expiring()
		m := p.next(wire.TypeCommand).Command
		if m.Ref != 2 || string(m.Command) != "refresh_token" || string(m.Data) != `{"token":"token-2"}` {
			t.Errorf("sent %d %s %s", m.Ref, m.Command, m.Data)
		}
		if got := s.Pending(); got != 1 {
			t.Errorf("%d pending", got)
		}
		s.Publish("e", 1)
		p.publishes(3)
		p.ack(2, 10)
		p.echo(11, 1)
		p.echo(12, 3)
		s.hears("settled error", "settled 1 at 11: <nil>", "settled 3 at 12: <nil>")
		p.expiring()
		p.next(wire.TypeCommand)
		p.refuse(wire.Error{Code: wire.CodeNotAuthenticated, Message: "no", Ref: 4})
		s.hears("settled error", "error not_authenticated: no")
	})
}

// What was not settled goes away with its connection: the next join has a token
// of its own.
func TestTokenAfterAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, asked := newFake(t), new(atomic.Int64)
		s := start(t, f, numbered(asked, 0))
		p := f.join()
		p.welcome(10)
		p.expiring()
		p.next(wire.TypeCommand)
		s.Publish("e", 1)
		p.publishes(2)
		p.refuse(wire.Error{Code: wire.CodeTokenExpired, Message: "over", Retry: true})
		p.Conn.Close(4005, "token_expired")
		next := f.join()
		if next.join.Token != "token-3" {
			t.Errorf("joined with %q", next.join.Token)
		}
		next.welcome(10, resumed)
		next.publishes(2)
		next.echo(11, 2)
		s.hears("settled", "settled 2 at 11: <nil>")
	})
}

// A token that does not come holds nothing up: neither messages, nor the end.
func TestTokenThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, asked := newFake(t), new(atomic.Int64)
		s := start(t, f, numbered(asked, time.Hour))
		p := f.join()
		p.welcome(10)
		p.expiring()
		p.expiring() // asked anew
		p.frame(11)
		s.hears("events", "events 11")
		s.publish(1)
		p.publishes(1)
		if err := s.end(); err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		fails := false
		s := start(t, f, func(o *client.Options) {
			o.Token = func(context.Context) (string, error) {
				if fails {
					return "", errors.New("the issuer is away")
				}
				fails = true
				return "token", nil
			}
		})
		p := f.join()
		p.welcome(10)
		p.expiring()
		p.quiet()
		s.hears("error")
	})
}

// A client without a token function is told.
func TestTokenExpiringWithoutAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(10)
		p.expiring()
		p.quiet()
		s.hears("error", "error token_expiring: it ends")
	})
}
