package limit

import "sync"

// Counts holds each key to a number of things at once. Its methods may be called
// concurrently.
type Counts[K comparable] struct {
	most int

	mu    sync.Mutex // guards the following
	count map[K]int
}

// NewCounts allows each key most at once; 0 allows everything.
func NewCounts[K comparable](most int) *Counts[K] {
	return &Counts[K]{most: most, count: make(map[K]int)}
}

// Enter counts one in, and reports false if that would be too many. With true it
// is followed by one [Counts.Leave].
func (c *Counts[K]) Enter(key K) bool {
	if c.most == 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[key] >= c.most {
		return false
	}
	c.count[key]++
	return true
}

// Leave counts one out.
func (c *Counts[K]) Leave(key K) {
	if c.most == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[key]--; c.count[key] <= 0 {
		delete(c.count, key)
	}
}
