package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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

func startReturners(b *testing.B, addresses []string) *returners {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, fmt.Sprintf("-failover-sessions=%d", *failoverSessions), fmt.Sprintf("-failover-jitter=%v", *failoverJitter))
	cmd.Env = append(os.Environ(), returnersVariable+"="+strings.Join(addresses, ","))
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
func runReturners(addresses []string) int {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 15) // on Linux of this thread and all that follow from it
	p := &returning{back: make(chan struct{}), left: *failoverSessions * failoverMembers / 3}
	ctx, cancel := context.WithCancel(context.Background())
	defer p.running.Wait()
	defer cancel()
	p.fill(ctx, addresses)
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

func (p *returning) fill(ctx context.Context, addresses []string) {
	gate := make(chan struct{}, failoverJoining)
	for i := 0; i < *failoverSessions*failoverMembers; i += 3 {
		gate <- struct{}{}
		joined := make(chan struct{})
		p.running.Go(func() {
			// As behind a proxy, each of the others gets a half of them.
			if err := p.live(ctx, addresses[0], addresses[1+i%2], i, joined); err != nil && ctx.Err() == nil {
				if p.errors.Add(1) == 1 {
					fmt.Fprintf(os.Stderr, "the first error of those who return, of member %d: %v\n", i, err)
				}
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

// live has one member join at one address, and come back to another one when that
// connection ends. It returns what was not as it must be.
func (p *returning) live(ctx context.Context, first, second string, i int, joined chan<- struct{}) error {
	session, name := failoverMember(i)
	join := newcomer(name)
	old, m, err := p.join(ctx, first, session, join)
	close(joined)
	if err != nil {
		return err
	}
	if err = old.stay(); old.ledger.fault != nil {
		return err
	}
	// A page that loses its gateway waits at random before it comes back.
	select {
	case <-time.After(rand.N(*failoverJitter)):
	case <-ctx.Done():
		return nil
	}
	join.Seat, join.Since = m.You.Seat, &old.ledger.at
	back, m, err := p.join(ctx, second, session, join)
	if err != nil {
		return err
	}
	p.returned(m.Resumed && m.position() == *join.Since && m.You.Member == old.ledger.welcome.You.Member)
	return back.stay()
}

// join opens a connection, which ends with ctx, and joins over it.
func (p *returning) join(ctx context.Context, address, session string, j joinMessage) (*peer, *told, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	c := &peer{Conn: conn}
	if err := c.put(handshake(address, session)); err != nil {
		return nil, nil, err
	}
	if err := c.accepted(); err != nil {
		return nil, nil, err
	}
	if err := c.send(j.encode()); err != nil {
		return nil, nil, err
	}
	m, err := c.await("welcome")
	return c, m, err
}

// stay reads until the connection ends, or breaks a promise.
func (p *peer) stay() error {
	for {
		p.late = time.Now().Add(time.Hour)
		if _, err := p.message(); err != nil {
			return err
		}
	}
}

func (p *returning) returned(byReplay bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times = append(p.times, time.Now())
	if byReplay {
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
