package connection

import (
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

var errHeartbeat = &wire.Error{Code: wire.CodeHeartbeat, Close: wire.CloseHeartbeat, Message: "heartbeats were not answered"}

// answered counts how long the answer to the heartbeat of a moment took, in
// milliseconds since 1970. What cannot be, a client has made up, or it is of
// another program.
func (c *Conn) answered(at int64) {
	o := &c.server.options
	took := time.Since(time.UnixMilli(at))
	if at > 0 && took >= 0 && took <= o.Timeout+time.Duration(o.Misses)*o.Heartbeat {
		c.server.Stats.RoundTrip.Observe(took)
	}
}

// beat sends one heartbeat, encoded once, to connections, and closes those that
// have been silent for too long. Whatever a client sends ends its silence.
func (s *Server) beat(conns []*Conn) {
	now := time.Now()
	message := text(wire.AppendHeartbeat(nil, now.UnixMilli()))
	for _, c := range conns {
		c.watchExpiry(now)
		silence := now.Sub(time.UnixMilli(c.heard.Load()))
		switch {
		case silence <= s.options.Timeout:
			c.misses = 0
		default:
			s.Stats.Missed.Add(1)
			if c.misses++; c.misses >= s.options.Misses {
				c.End(errHeartbeat)
				continue
			}
		}
		c.socket.out.send(message, false, 0)
	}
}
