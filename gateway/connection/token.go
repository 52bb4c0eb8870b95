package connection

import (
	"context"
	"errors"
	"time"

	"github.com/plenum-gateway/plenum/gateway/auth"
	"github.com/plenum-gateway/plenum/gateway/session"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// refreshToken is the command with which a client brings a new token before the
// old one ends. Every kind of session has it where tokens are asked for.
const refreshToken = "refresh_token"

// leastNotice is the least time before the end of a token at which a client is
// told of it, if the token was good for so long.
const leastNotice = time.Minute

// authenticate returns who the join's token says it is.
func (c *Conn) authenticate(ctx context.Context, token, sessionID string) (session.Person, error) {
	if c.server.options.Tokens == nil {
		return session.Person{}, nil
	}
	who, err := c.server.options.Tokens.Verify(ctx, token, sessionID)
	if err != nil {
		return session.Person{}, err
	}
	c.subject = who.Subject
	c.expires.Store(who.Expires.UnixMilli())
	return session.Person{Subject: who.Subject, Name: who.Name, Role: who.Role}, nil
}

// refresh takes a new token in place. One that is refused leaves the old one as
// it was. Name and role count at the next join.
func (c *Conn) refresh(m *wire.Command) {
	member := c.member.Load()
	var data struct {
		Token string `json:"token"`
	}
	if wire.Unmarshal(m.Data, &data) != nil {
		member.Refuse(&wire.Error{Code: wire.CodeBadData, Ref: m.Ref, Message: `the data of refresh_token is {"token": string}`})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.server.options.JoinTimeout)
	defer cancel()
	who, err := c.server.options.Tokens.Verify(ctx, data.Token, member.Session())
	if err == nil && who.Subject != c.subject {
		err = &wire.Error{Code: wire.CodeForbidden, Message: "the token is somebody else's: connect anew to join as them"}
	}
	var e *wire.Error
	if errors.As(err, &e) {
		told := *e
		told.Ref, told.Close = m.Ref, 0
		member.Refuse(&told)
		return
	}
	c.expires.Store(who.Expires.UnixMilli())
	c.watchExpiry(time.Now())
	member.Settle(m.Ref)
}

// watchExpiry tells a client in time that its token ends, and ends a connection
// whose token has. It is called at each heartbeat, so that an idle connection has
// no timer of its own; only for what ends before the next one there is a timer.
func (c *Conn) watchExpiry(now time.Time) {
	at := c.expires.Load()
	if at == 0 {
		return
	}
	left, next := time.UnixMilli(at).Sub(now), c.server.options.Heartbeat
	if left <= max(leastNotice, 2*next) && c.warned.Swap(at) != at {
		c.Send((&wire.Error{Code: wire.CodeTokenExpiring, Retry: true, After: max(0, left),
			Message: "the token ends: send the command refresh_token with a new one"}).Encode())
	}
	switch {
	case left <= 0:
		c.End(auth.Expired)
	case left <= next:
		time.AfterFunc(left, func() {
			if c.expires.Load() == at {
				c.End(auth.Expired)
			}
		})
	}
}
