package connection

import (
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

var errHeartbeat = &wire.Error{Code: wire.CodeHeartbeat, Close: wire.CloseHeartbeat, Message: "heartbeats were not answered"}

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
