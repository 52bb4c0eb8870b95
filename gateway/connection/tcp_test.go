package connection

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// fast lets a test send as much as it likes.
func fast(o *Options) { o.Rate, o.RateBurst = 1e6, 1_000_000 }

// pieces splits text at random places.
func pieces(draw *rand.Rand, text string) (parts []string) {
	cuts := []int{0, len(text)}
	for range draw.IntN(4) {
		cuts = append(cuts, draw.IntN(len(text)))
	}
	slices.Sort(cuts)
	for i := range len(cuts) - 1 {
		if part := text[cuts[i]:cuts[i+1]]; part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// A client need not wait for the answer to its handshake. What it sends right
// behind it arrives, byte by byte, however TCP splits it.
func TestEarlyBytesAreKept(t *testing.T) {
	r := overTCP(t, fast)
	const workers, tries = 4, 600
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			draw := rand.New(rand.NewPCG(1, uint64(worker)))
			for try := range tries {
				name := fmt.Sprint(try, strings.Repeat("x", draw.IntN(60)))
				c := r.raw()
				session := fmt.Sprint("s", worker, "-", try) // of its own: nothing waits for a frame's turn
				first := masked(fmt.Sprintf(`{"type":"of.the.future","pad":%q}`, strings.Repeat("x", draw.IntN(6000))))
				second := masked(fmt.Sprintf(`{"type":"join","client":"c","name":%q}`, name))
				for _, part := range pieces(draw, handshake(session)+first+second) {
					c.write(part)
				}
				c.answer()
				if got := c.message(wire.TypeWelcome).Welcome; !strings.Contains(string(got.Members), `"`+name+`"`) {
					t.Errorf("try %d: joined as %s; want %s", try, got.Members, name)
				}
				c.Close()
				if t.Failed() {
					return
				}
			}
		})
	}
	all.Wait()
	await(t, "end", func() bool { return r.Stats.Open.Load() == 0 })
	r.ended(ReasonLost, workers*tries)
}

func TestManyMessagesInOneSegment(t *testing.T) {
	r := overTCP(t, fast)
	c := r.member("s")
	for round := range 10 {
		c.write(publishes(1+round*50, 50, "x"))
		for i, e := range c.events("e", 50) {
			if want := fmt.Sprint("c:", 1+round*50+i); e.Ref != want {
				t.Fatalf("event %s; want %s", e.Ref, want)
			}
		}
	}
}

func TestOneMessageInManySegments(t *testing.T) {
	r := overTCP(t, fast)
	c := r.member("s")
	for _, b := range []byte(publishes(1, 3, strings.Repeat("x", 200))) {
		c.write(string([]byte{b}))
	}
	c.events("e", 3)
	// A message and a half: the half waits in nobody's buffer.
	text := publishes(4, 2, "x")
	c.write(text[:len(text)*3/4])
	c.events("e", 1)
	c.write(text[len(text)*3/4:])
	c.events("e", 1)
}

func TestHalfClose(t *testing.T) {
	r := overTCP(t, fast)
	c := r.member("s")
	c.write(publishes(1, 1, "x"))
	c.CloseWrite()
	await(t, "end", func() bool { return r.Stats.Open.Load() == 0 })
	r.ended(ReasonLost, 1)
	other := r.member("s")
	other.write(publishes(1, 1, "x"))
	other.events("e", 1)
}

// The library answers a breach of RFC 6455 by itself.
func TestBreaches(t *testing.T) {
	for name, bytes := range map[string]string{
		"reserved bits":        "\xc1\x80\x01\x02\x03\x04",
		"not masked":           "\x81\x02{}",
		"unknown opcode":       "\x83\x80\x01\x02\x03\x04",
		"long control frame":   "\x89\xfe\x00\x7e\x01\x02\x03\x04",
		"control in pieces":    "\x09\x80\x01\x02\x03\x04",
		"a loose continuation": "\x80\x80\x01\x02\x03\x04",
		"a bad close":          "\x88\x81\x01\x02\x03\x04\x05",
	} {
		t.Run(name, func(t *testing.T) {
			r := overTCP(t, fast)
			other := r.member("s")
			c := r.member("s")
			c.write(bytes)
			await(t, "end", func() bool { return r.Stats.Open.Load() == 1 })
			r.ended(ReasonProtocol, 1)
			other.write(publishes(1, 1, "x"))
			other.events("e", 1)
		})
	}
}

// idle waits until no more goroutines run than these.
func idle(t *testing.T, most int) {
	t.Helper()
	await(t, fmt.Sprintf("rest of %d goroutines", most), func() bool { return runtime.NumGoroutine() <= most })
}

// Connections are closed from one side while the other side's messages are
// being read: nobody may read a byte that is another one's. Then the messages
// would make no sense.
func TestEndsWhileReading(t *testing.T) {
	r := overSockets(t, fast, 16<<10)
	for range 30 {
		var all sync.WaitGroup
		ended := make(chan struct{})
		for i := range 4 {
			c := r.member(fmt.Sprint("s", i))
			all.Go(func() { c.flood(ended) })
		}
		read := r.Stats.Messages.Load()
		await(t, "message", func() bool { return r.Stats.Messages.Load() > read+200 })
		for _, c := range r.all() {
			c.End(errStopping)
		}
		close(ended)
		all.Wait()
		await(t, "end", func() bool { return r.Stats.Open.Load() == 0 })
	}
	r.ended(ReasonDrained, 120)
}

// all returns the server's connections.
func (r *rig) all() (conns []*Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		conns = append(conns, c)
	}
	return conns
}

// flood sends messages as fast as it can until ended is closed, and then hangs up.
func (c *raw) flood(ended <-chan struct{}) {
	defer c.Close()
	c.SetWriteBuffer(16 << 10)
	text := []byte(strings.Repeat(masked(`{"type":"of.the.future","pad":"`+strings.Repeat("x", 300)+`"}`), 3))
	for {
		select {
		case <-ended:
			return
		default:
		}
		if _, err := c.Write(text); err != nil {
			return
		}
	}
}

// Clients break off at any stage; each accepted connection ends once, with a
// reason, which the rig checks at the end, and no goroutine is left.
func TestAbortsAtEveryStage(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("aborts", func(t *testing.T) {
		r := overTCP(t, nil)
		r.member("s")
		whole := handshake("s") + masked(join) + publishes(1, 3, "x") + masked(`{"type":"leave"}`)
		var all sync.WaitGroup
		for worker := range 4 {
			all.Go(func() {
				draw := rand.New(rand.NewPCG(2, uint64(worker)))
				for range 150 {
					c := r.raw()
					c.write(whole[:draw.IntN(len(whole)+1)])
					if draw.IntN(3) == 0 {
						c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // or nothing comes
						c.r.Peek(1 + draw.IntN(300))
					}
					switch draw.IntN(4) {
					case 0:
						c.SetLinger(0)
						c.Close()
					case 1:
						c.CloseWrite()
					case 2:
						c.CloseRead()
						c.Close()
					default:
						c.Close()
					}
				}
			})
		}
		all.Wait()
	})
	http.DefaultClient.CloseIdleConnections()
	idle(t, before)
}
