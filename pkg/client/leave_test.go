package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		p := f.join()
		p.welcome(0)
		s.publish(1)
		p.publishes(1)
		left := make(chan error, 1)
		go func() { left <- s.Leave(t.Context()) }()
		p.quiet() // what was published is settled first
		if _, err := s.Publish("e", nil); !errors.Is(err, client.ErrClosed) {
			t.Errorf("published while leaving: %v", err)
		}
		p.echo(1, 1)
		p.next(wire.TypeLeave)
		p.Close(1000, "")
		if err := <-left; err != nil {
			t.Errorf("Leave returned %v", err)
		}
		if err := s.wait(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		f.noJoin()
	})
}

// The seat may be gone already when the answer to a leave was lost.
func TestLeaveWithALostAnswer(t *testing.T) {
	for name, end := range map[string]func(p *peer){
		"the seat is unknown": func(p *peer) {
			p.refuse(wire.Error{Code: wire.CodeSeatUnknown, Message: "who?"})
			p.Close(4508, "")
		},
		"a replica had not heard of it": func(p *peer) {
			p.welcome(0)
			p.Close(4505, "removed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := start(t, f)
				p := f.join()
				p.welcome(0)
				left := make(chan error, 1)
				go func() { left <- s.Leave(t.Context()) }()
				p.next(wire.TypeLeave)
				f.srv.Cut()
				end(f.join())
				if err := <-left; err != nil {
					t.Errorf("Leave returned %v", err)
				}
				if err := s.wait(); err != nil {
					t.Errorf("Run returned %v", err)
				}
			})
		})
	}
}

func TestLeaveThatIsNotThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := start(t, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Leave without a connection returned %v", err)
		}
		f.join()
		left := make(chan error, 1)
		go func() { left <- s.Leave(t.Context()) }()
		synctest.Wait()
		s.end()
		if err := <-left; !errors.Is(err, client.ErrClosed) {
			t.Errorf("Leave returned %v after Run's context ended", err)
		}
	})
}
