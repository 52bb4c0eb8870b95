package connection

// Evict closes with 4000 whoever is left after [Server.Drain]. The server goes on.
func (s *Server) Evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.accepted {
			c.run(func() { c.End(errStopping) })
		}
	}
}

// Resume lets people in again after [Server.Drain], unless the server is stopping.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = s.stopping
}
