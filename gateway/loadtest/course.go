package loadtest

// Second is what happened in a moment of the run: a second, or more of them
// together in a long run.
type Second struct {
	At         float64 `json:"at"` // seconds since the load began, when it ended
	Connected  int64   `json:"connected"`
	Sent       int64   `json:"sent"`
	Succeeded  int64   `json:"succeeded"`
	Failed     int64   `json:"failed"`
	Deliveries int64   `json:"deliveries"`
	P50        float64 `json:"p50"` // of what was delivered in it, in ms
	P99        float64 `json:"p99"`
	Max        float64 `json:"max"`
}

// course is the course of a run, second by second. Its owner guards it.
type course struct {
	list []Second
	last Second // the sums at the last look
	step int    // looks in one; 0 is 1
	open int    // looks in the newest
}

// mostSeconds is how many moments are kept apart: as many as a picture shows.
const mostSeconds = 1200

// begin says that the sums until now are of before.
func (c *course) begin(sums Second) { c.last = sums }

// add adds what happened since the last look, given the sums of everything
// until now. In a long run moments are joined.
func (c *course) add(sums Second) {
	next := sums
	next.Sent -= c.last.Sent
	next.Succeeded -= c.last.Succeeded
	next.Failed -= c.last.Failed
	next.Deliveries -= c.last.Deliveries
	c.last = sums
	if c.open < c.step {
		c.open++
		c.list[len(c.list)-1].join(next)
		return
	}
	c.list, c.open = append(c.list, next), 1
	if len(c.list) == mostSeconds {
		c.halve()
	}
}

// halve joins pairs.
func (c *course) halve() {
	for i := range c.list[:len(c.list)/2] {
		c.list[i] = c.list[2*i]
		c.list[i].join(c.list[2*i+1])
	}
	c.list = c.list[:len(c.list)/2]
	c.step = 2 * max(1, c.step)
	c.open = c.step
}

// join adds what came right behind. Of percentiles the worse one stands.
func (s *Second) join(next Second) {
	s.At, s.Connected = next.At, next.Connected
	s.Sent += next.Sent
	s.Succeeded += next.Succeeded
	s.Failed += next.Failed
	s.Deliveries += next.Deliveries
	s.P50, s.P99, s.Max = max(s.P50, next.P50), max(s.P99, next.P99), max(s.Max, next.Max)
}
