package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// comers come to a turnstile, each in a goroutine of its own, and note who got through.
type comers struct {
	t  *testing.T
	at *turnstile

	mu      sync.Mutex // guards the following
	through []string
	leaves  map[string]func()
	refused map[string]error
}

// queueing runs test in virtual time, with a turnstile that has so many turns.
func queueing(t *testing.T, turns int, test func(c *comers)) {
	synctest.Test(t, func(t *testing.T) {
		test(&comers{t: t, at: newTurnstile(turns), leaves: make(map[string]func()), refused: make(map[string]error)})
	})
}

// come has somebody come, and returns when they are through, or wait.
func (c *comers) come(ctx context.Context, who, session string) {
	go func() {
		leave, err := c.at.enter(ctx, session)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.refused[who] = err
			return
		}
		c.through, c.leaves[who] = append(c.through, who), leave
	}()
	synctest.Wait()
}

func (c *comers) leave(who string) {
	c.mu.Lock()
	leave := c.leaves[who]
	c.mu.Unlock()
	leave()
	synctest.Wait()
}

func (c *comers) want(who ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.through, who) {
		c.t.Fatalf("through are %v; want %v", c.through, who)
	}
}

func TestAFewGoThroughAtOnce(t *testing.T) {
	queueing(t, 2, func(c *comers) {
		for _, who := range []string{"a", "b", "c", "d"} {
			c.come(context.Background(), who, who)
		}
		c.want("a", "b")
		c.leave("b")
		c.want("a", "b", "c")
		c.leave("a")
		c.leave("c")
		c.leave("d")
		c.want("a", "b", "c", "d")
	})
}

// A session's joins share one read and one append of it, if they come together.
func TestJoinsOfOneSessionGoThroughTogether(t *testing.T) {
	queueing(t, 1, func(c *comers) {
		c.come(context.Background(), "other", "o")
		c.come(context.Background(), "a1", "a")
		c.come(context.Background(), "b", "b")
		c.come(context.Background(), "a2", "a")
		c.leave("other")
		slices.Sort(c.through[1:]) // they go at once, in any order
		c.want("other", "a1", "a2")
		c.come(context.Background(), "a3", "a")
		c.leave("a1")
		c.leave("a2")
		c.want("other", "a1", "a2", "a3") // b waits until the last of them has left
		c.leave("a3")
		c.want("other", "a1", "a2", "a3", "b")
	})
}

func TestJoinsGoBeforeHandshakes(t *testing.T) {
	queueing(t, 1, func(c *comers) {
		c.come(context.Background(), "first", "")
		c.come(context.Background(), "handshake", "")
		c.come(context.Background(), "join", "s")
		c.leave("first")
		c.leave("join")
		c.want("first", "join", "handshake")
	})
}

// A store that answers slowly holds up nobody for longer than a turn takes.
func TestATurnEnds(t *testing.T) {
	queueing(t, 1, func(c *comers) {
		for i := range 10 {
			c.come(context.Background(), fmt.Sprint(i), "s"+fmt.Sprint(i))
		}
		c.want("0")
		for range 9 {
			time.Sleep(longestTurn)
			synctest.Wait()
		}
		c.want("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
		time.Sleep(longestTurn)
		for i := range 10 {
			c.leave(fmt.Sprint(i)) // which gives no turn back twice
		}
		c.come(context.Background(), "10", "s")
		c.come(context.Background(), "11", "t")
		c.want("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
		c.leave("10")
	})
}

func TestWhoGivesUpTakesNoTurn(t *testing.T) {
	queueing(t, 1, func(c *comers) {
		why := errors.New("gone")
		ctx, cancel := context.WithCancelCause(context.Background())
		c.come(context.Background(), "first", "a")
		c.come(ctx, "handshake", "")
		c.come(ctx, "join", "b")
		c.come(ctx, "one of two", "c")
		c.come(context.Background(), "the other", "c")
		cancel(why)
		synctest.Wait()
		if len(c.refused) != 3 || c.refused["join"] != why {
			t.Errorf("refused are %v; want three, because they are gone", c.refused)
		}
		c.leave("first")
		c.want("first", "the other")
		c.leave("the other")
		c.come(context.Background(), "last", "b")
		c.want("first", "the other", "last")
		if len(c.at.sessions) != 1 || len(c.at.joins)+len(c.at.handshakes) > 0 {
			t.Errorf("the turnstile keeps %v, %v, %v", c.at.sessions, c.at.joins, c.at.handshakes)
		}
	})
}
