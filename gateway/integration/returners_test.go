package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plenum-gateway/plenum/pkg/client"
	"github.com/plenum-gateway/plenum/pkg/wire"
)

// returners are the members of the replica that BenchmarkFailover kills, in a
// process of their own. It says a line when all are in, another one when all are
// back, and at last what it has seen; and it is told when the replica was killed,
// and when it is enough.
type returners struct {
	b     *testing.B
	pid   int
	in    io.Writer
	lines *bufio.Scanner
}

// returnersVariable makes this program them. It holds the addresses.
const returnersVariable = "PLENUM_TEST_RETURNERS"

// returned is what they report.
type returned struct {
	Members int
	Replays int
	Errors  int64
	Back    []time.Duration // after the kill, sorted
}

func startReturners(b *testing.B, urls []string) *returners {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, fmt.Sprintf("-failover-sessions=%d", *failoverSessions))
	cmd.Env = append(os.Environ(), returnersVariable+"="+strings.Join(urls, ","))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			b.Errorf("the process of those who return: %v", err)
		}
	})
	r := &returners{b: b, pid: cmd.Process.Pid, in: in, lines: bufio.NewScanner(out)}
	r.lines.Buffer(nil, 16<<20)
	return r
}

func (r *returners) tell(b *testing.B, line string) {
	if _, err := fmt.Fprintln(r.in, line); err != nil {
		b.Error(err)
	}
}

// read waits for the next line.
func (r *returners) read(b *testing.B) string {
	if !r.lines.Scan() {
		b.Errorf("the process of those who return has ended: %v", r.lines.Err())
	}
	return r.lines.Text()
}

// runReturners is that process.
func runReturners(urls []string) int {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 15) // on Linux of this thread and all that follow from it
	p := &returning{back: make(chan struct{}), left: *failoverSessions * failoverMembers / 3}
	ctx, cancel := context.WithCancel(context.Background())
	defer p.running.Wait()
	defer cancel()
	p.fill(ctx, urls)
	withoutCollector()
	fmt.Println("in")
	told := bufio.NewScanner(os.Stdin)
	if !told.Scan() {
		return 1
	}
	killed, err := strconv.ParseInt(told.Text(), 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	enough := make(chan struct{})
	go func() {
		told.Scan()
		close(enough)
	}()
	select {
	case <-p.back:
	case <-enough:
	}
	fmt.Println("back")
	<-enough
	report := p.report(time.Unix(0, killed))
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return 1
	}
	told.Scan() // until the other process has ended, or closed this
	return 0
}

// returning is what the process keeps.
type returning struct {
	running sync.WaitGroup
	errors  atomic.Int64
	back    chan struct{} // closed when all are

	mu      sync.Mutex // guards the following
	left    int        // who are not back yet
	times   []time.Time
	replays int
}

func (p *returning) fill(ctx context.Context, urls []string) {
	gate := make(chan struct{}, failoverJoining)
	for i := 0; i < *failoverSessions*failoverMembers; i += 3 {
		gate <- struct{}{}
		o, joined, once := failoverOptions(urls, i), make(chan struct{}), false
		if i%2 == 1 { // as behind a proxy, each of the others gets a half of them
			o.URLs[1], o.URLs[2] = o.URLs[2], o.URLs[1]
		}
		// A page that loses its gateway waits at random before it comes back.
		o.Backoff = client.Backoff{First: 5 * time.Second}
		o.Rand = firstAddress()
		o.OnError = func(error) { p.errors.Add(1) }
		o.OnWelcome = func(w *wire.Welcome) {
			if once {
				p.returned(w)
				return
			}
			once = true
			close(joined)
		}
		m := client.New(o)
		p.running.Go(func() {
			if m.Run(ctx) != nil && ctx.Err() == nil {
				p.errors.Add(1)
			}
		})
		go func() {
			<-joined
			<-gate
		}()
	}
	for range failoverJoining {
		gate <- struct{}{}
	}
}

// firstAddress has a client begin with the first of its addresses, and draw
// everything else. It may be called concurrently.
func firstAddress() func() float64 {
	var drawn atomic.Bool
	return func() float64 {
		if drawn.CompareAndSwap(false, true) {
			return 0
		}
		return rand.Float64()
	}
}

func (p *returning) returned(w *wire.Welcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times = append(p.times, time.Now())
	if w.Resumed {
		p.replays++
	}
	if p.left--; p.left == 0 {
		close(p.back)
	}
}

func (p *returning) report(killed time.Time) returned {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := returned{Members: *failoverSessions * failoverMembers / 3, Replays: p.replays, Errors: p.errors.Load()}
	for _, at := range p.times {
		r.Back = append(r.Back, at.Sub(killed))
	}
	slices.Sort(r.Back)
	return r
}
