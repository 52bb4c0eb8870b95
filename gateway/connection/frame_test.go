package connection

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenum-gateway/plenum/fanout"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

func TestHeaderSizes(t *testing.T) {
	for _, c := range []struct {
		size   int
		header string // after the first byte
	}{
		{0, "\x00"}, {1, "\x01"}, {125, "\x7d"},
		{126, "\x7e\x00\x7e"}, {127, "\x7e\x00\x7f"}, {65535, "\x7e\xff\xff"},
		{65536, "\x7f\x00\x00\x00\x00\x00\x01\x00\x00"}, {1 << 33, "\x7f\x00\x00\x00\x02\x00\x00\x00\x00"},
	} {
		got := appendHeader(nil, finText, c.size)
		if string(got) != "\x81"+c.header {
			t.Errorf("%d: % x; want 81 % x", c.size, got, c.header)
		}
		if headerSize(got) != len(got) {
			t.Errorf("%d: the header has %d bytes, headerSize says %d", c.size, len(got), headerSize(got))
		}
	}
}

// The library, as a client, reads messages of these sizes whole.
func TestMessagesOfEverySize(t *testing.T) {
	r := overTCP(t, func(o *Options) { o.MessageLimit, o.Backlog = 1<<20, 1<<24 })
	p := r.dialTCP("s")
	p.join(`,"accept":["gzip"]`)
	c := r.one()
	for _, size := range []int{125, 126, 127, 65535, 65536, 65537, 200_000} {
		message := `{"type":"x","pad":"` + strings.Repeat("x", size-21) + `"}`
		if len(message) != size {
			t.Fatal(len(message))
		}
		c.Send([]byte(message))
		await(t, fmt.Sprint("message of ", size, " bytes"), func() bool {
			got := p.all("x")
			return len(got) > 0 && got[len(got)-1].size == size
		})
	}
}

// one returns the server's only connection.
func (r *rig) one() *Conn {
	r.Helper()
	all := r.all()
	if len(all) != 1 {
		r.Fatalf("%d connections", len(all))
	}
	return all[0]
}

func events(n, size int) (all []fanout.Event) {
	for i := range n {
		body := wire.AppendEventBody(nil, &wire.EventBody{At: 1763866000123, Event: []byte("chat.message"), From: "m_7f2a",
			Client: "c9f1", Ref: uint64(i + 1), Data: []byte(`"` + strings.Repeat("x", size) + `"`)})
		all = append(all, fanout.Event{Offset: uint64(i + 41), Body: body})
	}
	return all
}

func TestFrameIsEncodedWithOneAllocation(t *testing.T) {
	for _, n := range []int{1, 10, 100} {
		batch := events(n, 50)
		if allocs := testing.AllocsPerRun(100, func() { Codec{}.Encode(batch) }); allocs != 1 {
			t.Errorf("%d events: %.1f allocations; want 1", n, allocs)
		}
	}
}

func TestCompressedFrame(t *testing.T) {
	plain := Codec{}.Encode(events(20, 200))
	for range 3 { // the packer is used again
		packed, err := Codec{}.Compress(plain)
		if err != nil {
			t.Fatal(err)
		}
		if packed[0] != finBinary || headerSize(packed)+payload(packed) != len(packed) {
			t.Errorf("the frame begins % x and has %d bytes", packed[:4], len(packed))
		}
		got, err := unpack(packed[headerSize(packed):])
		if err != nil || !bytes.Equal(got, plain[headerSize(plain):]) {
			t.Errorf("unpacked %d bytes, %v; want %d", len(got), err, len(plain))
		}
	}
}

// payload is the length that the header of a small frame tells.
func payload(frame []byte) int {
	if frame[1] < 126 {
		return int(frame[1])
	}
	return int(frame[2])<<8 | int(frame[3])
}

// Large frames go compressed to those who asked for it, and to nobody else.
func TestCompressionOnRequest(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		plain, packs := r.dial("s", nil), r.dial("s", nil)
		plain.join(`,"accept":["br"]`)
		packs.join(`,"accept":["br","gzip"]`)
		time.Sleep(time.Second)
		big := strings.Repeat("abc ", 1000)
		plain.say(`{"type":"publish","ref":1,"event":"big","data":"` + big + `"}`)
		time.Sleep(time.Second)
		packs.say(`{"type":"publish","ref":1,"event":"small","data":"x"}`)
		time.Sleep(time.Second)
		for _, p := range []*peer{plain, packs} {
			if len(p.events("big")) != 1 || len(p.events("small")) != 1 || !strings.Contains(string(p.events("big")[0].Data), big) {
				r.Errorf("events %v %v", p.events("big"), p.events("small"))
			}
			for _, h := range p.all(wire.TypeFrame) {
				if want := p == packs && h.Frame.Events[0].Event == "big"; h.packed != want {
					r.Errorf("compressed %v; want %v", h.packed, want)
				}
			}
		}
	})
}

// With 500 members a frame is encoded once and compressed at most once.
func TestOneFrameForFiveHundredMembers(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		var all []*peer
		for i := range 500 {
			p := r.dial("s", nil)
			p.say(`{"type":"join","client":"c","name":"n"` + []string{"", `,"accept":["gzip"]`}[i%2] + `}`)
			all = append(all, p)
		}
		time.Sleep(2 * time.Second)
		stats := &r.hub.Stats
		frames, packed, deliveries := stats.Frames.Load(), stats.Compressions.Load(), stats.Deliveries.Load()
		for ref := range 3 {
			all[ref].say(fmt.Sprintf(`{"type":"publish","ref":%d,"event":"big","data":%q}`, ref+1, strings.Repeat("abc ", 1000)))
			time.Sleep(time.Second)
		}
		if got := stats.Frames.Load() - frames; got != 3 {
			r.Errorf("3 frames were encoded %d times", got)
		}
		if got := stats.Compressions.Load() - packed; got != 3 {
			r.Errorf("3 frames were compressed %d times", got)
		}
		if got := stats.Deliveries.Load() - deliveries; got != 1500 {
			r.Errorf("%d deliveries; want 1500", got)
		}
		for _, p := range all {
			if got := len(p.events("big")); got != 3 {
				r.Errorf("a member saw %d events", got)
			}
		}
		synctest.Wait()
	})
}

// probe is a subscriber that measures the delivery to a connection.
type probe struct {
	to     *Conn
	once   sync.Once
	allocs float64
	got    chan struct{}
}

func (p *probe) Deliver(f *fanout.Frame) {
	p.once.Do(func() {
		p.allocs = testing.AllocsPerRun(100, func() { p.to.Deliver(f) })
		close(p.got)
	})
}

func TestDeliveryAllocatesNothing(t *testing.T) {
	for _, packs := range []bool{false, true} {
		r := overTCP(t, nil)
		near, far := tcpPair(t, 1<<20)
		var reading sync.WaitGroup
		reading.Go(func() {
			buffer := make([]byte, 64<<10)
			for {
				if _, err := far.Read(buffer); err != nil {
					return
				}
			}
		})
		c := newConn(r.Server)
		c.socket = newSocket(near, 1<<20, c)
		c.packs.Store(packs)
		pool, err := r.hub.Open(t.Context(), "s")
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		r.dialTCP("s").join("") // makes the session
		p := &probe{to: c, got: make(chan struct{})}
		link, err := pool.Attach(p, pool.Head().Position, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		record := fanout.AppendEphemeral(nil, "", events(1, 2000)[0].Body)
		pool.Propose(&fanout.Proposal{Change: fanout.Change{Passing: record}})
		<-p.got
		pool.Detach(link)
		if p.allocs != 0 {
			t.Errorf("a delivery (gzip %v) allocates %.1f times", packs, p.allocs)
		}
		far.Close()
		reading.Wait()
	}
}
