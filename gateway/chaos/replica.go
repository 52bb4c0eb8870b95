package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// drainTimeout is what a replica is given to move its members, and drainPatience
// what it may take until it is gone.
const (
	drainTimeout  = 5 * time.Second
	drainPatience = drainTimeout + 25*time.Second
)

// replica is one gateway with its links. Its methods may be called concurrently.
type replica struct {
	number int
	binary string
	log    string
	port   int
	store  *link // to Redis
	front  *link // from nginx

	mu      sync.Mutex // guards the following
	process *process   // nil before the first start
	wanted  bool       // a process shall run
}

func newReplica(number int, binary, dir, redis string) (*replica, error) {
	r := &replica{number: number, binary: binary, log: filepath.Join(dir, fmt.Sprintf("replica-%d.log", number))}
	var err error
	if r.port, err = freePort(); err != nil {
		return nil, err
	}
	if r.store, err = newLink(redis); err != nil {
		return nil, err
	}
	if r.front, err = newLink(loopback(r.port)); err != nil {
		r.store.close()
		return nil, err
	}
	return r, nil
}

// settings of a replica. Times are shorter than by default, so that a minute
// holds several heartbeats, missed ones, and ends of a grace.
func (r *replica) settings() []string {
	env := make([]string, 0, 32)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PLENUM_") {
			env = append(env, v)
		}
	}
	return append(env,
		"PLENUM_LISTEN="+loopback(r.port),
		"PLENUM_REDIS_URL=redis://"+r.store.addr(),
		fmt.Sprintf("PLENUM_REPLICA=replica-%d", r.number),
		"PLENUM_LOG_FORMAT=json",
		"PLENUM_SESSION_CAPACITY=1000",
		"PLENUM_GRACE=6s",
		"PLENUM_HEARTBEAT_INTERVAL=2s",
		"PLENUM_HEARTBEAT_TIMEOUT=5s",
		"PLENUM_BACKLOG=16384",
		"PLENUM_HISTORY=300",
		"PLENUM_DRAIN_RATE=50",
		"PLENUM_DRAIN_TIMEOUT="+drainTimeout.String())
}

// start starts the process.
func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = true
	return r.startLocked()
}

func (r *replica) startLocked() (err error) {
	r.process, err = launch(fmt.Sprintf("replica %d", r.number), r.log, syscall.SIGKILL, r.settings(), r.binary)
	return err
}

// end ends the process.
func (r *replica) end(s syscall.Signal, patience time.Duration) error {
	p := r.unwanted()
	if p == nil {
		return nil
	}
	if err := p.end(s, patience); err != nil || s == syscall.SIGKILL {
		return err
	}
	return p.result()
}

// serves reports whether the replica answers: it has started, and is not just
// about to end because it found no Redis.
func (r *replica) serves() bool {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + loopback(r.port) + "/healthz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return true
}

func (r *replica) unwanted() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = false
	return r.process
}

func (r *replica) current() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process
}

// supervise starts the process again when it ends by itself, as a supervisor
// does, until ctx ends. A replica may do so only if it finds no Redis at its
// start; anything else is told to problem.
func (r *replica) supervise(ctx context.Context, problem func(format string, args ...any)) {
	const between = 200 * time.Millisecond
	for {
		select {
		case <-r.current().exited:
		case <-ctx.Done():
			return
		}
		if !sleep(ctx, between) {
			return
		}
		if end := r.revive(); end != nil && !strings.Contains(tail(r.log), "cannot start") {
			problem("%v; its log ends with:\n%s", end, tail(r.log))
		}
	}
}

// revive starts the process again if it has ended and shall run. It returns how
// it had ended.
func (r *replica) revive() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wanted || r.process.running() {
		return nil
	}
	end := r.process.result()
	if err := r.startLocked(); err != nil {
		return err
	}
	return end
}

// await waits until the replica is ready.
func (r *replica) await(ctx context.Context) error {
	return await(ctx, fmt.Sprintf("replica %d", r.number), r.log, r.current, "http://"+loopback(r.port)+"/readyz")
}

// stop ends the process for good, and the links.
func (r *replica) stop() {
	_ = r.end(syscall.SIGKILL, time.Minute)
	r.store.close()
	r.front.close()
}
