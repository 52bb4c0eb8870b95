package integration

import (
	"strconv"
	"strings"
	"testing"
	"time"

	ps "github.com/shirou/gopsutil/v4/process"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// gauge reads what processes and a Redis have used so far. It is for benchmarks,
// which measure the programs as they are.
type gauge struct {
	b     testing.TB
	pids  []int
	redis *redistest.Server // may be nil
}

// reading is what a gauge shows.
type reading struct {
	at     time.Time
	cpu    time.Duration // of all processes together
	rss    float64       // bytes
	opened int           // files and sockets
	redis  redisReading
}

// redisReading is the part of Redis's own INFO that has a price.
type redisReading struct {
	cpu     time.Duration
	scripts float64 // EVALSHA and the like: what the gateways ask for
	calls   float64 // commands in all, those in scripts too
	in, out float64 // bytes over the network
	memory  float64 // bytes of data
}

func (g *gauge) read() (r reading) {
	g.b.Helper()
	r.at = time.Now()
	for _, pid := range g.pids {
		p, err := ps.NewProcess(int32(pid))
		if err != nil {
			g.b.Fatalf("process %d: %v", pid, err)
		}
		times, err := p.Times()
		if err != nil {
			g.b.Fatalf("processor time of process %d: %v", pid, err)
		}
		memory, err := p.MemoryInfo()
		if err != nil {
			g.b.Fatalf("memory of process %d: %v", pid, err)
		}
		opened, err := p.NumFDs()
		if err != nil {
			g.b.Fatalf("descriptors of process %d: %v", pid, err)
		}
		r.cpu += time.Duration((times.User + times.System) * float64(time.Second))
		r.rss += float64(memory.RSS)
		r.opened += int(opened)
	}
	if g.redis != nil {
		r.redis = g.readRedis()
	}
	return r
}

func (g *gauge) readRedis() (r redisReading) {
	g.b.Helper()
	text, err := g.redis.Do("INFO", "everything")
	if err != nil {
		g.b.Fatalf("INFO: %v", err)
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, _ := strconv.ParseFloat(value, 64) // 0 where it is none
		switch name {
		case "used_cpu_sys", "used_cpu_user":
			r.cpu += time.Duration(number * float64(time.Second))
		case "total_commands_processed":
			r.calls = number
		case "total_net_input_bytes":
			r.in = number
		case "total_net_output_bytes":
			r.out = number
		case "used_memory":
			r.memory = number
		case "cmdstat_evalsha", "cmdstat_evalsha_ro", "cmdstat_eval":
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			n, _ := strconv.ParseFloat(calls, 64)
			r.scripts += n
		}
	}
	return r
}

// since is what was used between two readings.
func (r reading) since(before reading) reading {
	return reading{at: r.at, cpu: r.cpu - before.cpu, rss: r.rss - before.rss, opened: r.opened - before.opened, redis: redisReading{
		cpu: r.redis.cpu - before.redis.cpu, scripts: r.redis.scripts - before.redis.scripts, calls: r.redis.calls - before.redis.calls,
		in: r.redis.in - before.redis.in, out: r.redis.out - before.redis.out, memory: r.redis.memory - before.redis.memory}}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
