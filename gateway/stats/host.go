package stats

import (
	"context"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// Host looks at the process and its machine. Its methods may be called
// concurrently; only Look asks the system.
type Host struct {
	process *process.Process
	limits  hostFigures // what does not change

	mu      sync.Mutex // guards the following
	last    hostFigures
	counted time.Time // when descriptors were
}

// hostFigures are 0 where the system does not tell.
type hostFigures struct {
	memory, memoryLimit           float64 // bytes
	cpu                           float64 // seconds
	cores, goroutines             float64
	descriptors, descriptorsLimit float64
	received, sent                float64 // bytes
}

// NewHost returns the view of this process.
func NewHost(ctx context.Context) *Host {
	h := new(Host)
	h.process, _ = process.NewProcessWithContext(ctx, int32(os.Getpid())) // nil where there is no such thing
	h.limits.cores = float64(runtime.GOMAXPROCS(0))
	h.limits.memoryLimit = memoryLimit(ctx)
	if h.process != nil {
		limits, _ := h.process.RlimitUsageWithContext(ctx, false)
		for _, l := range limits {
			if l.Resource == process.RLIMIT_NOFILE {
				h.limits.descriptorsLimit = float64(l.Soft)
			}
		}
	}
	h.last = h.limits
	return h
}

// Figures returns what was seen last.
func (h *Host) Figures() hostFigures {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// countEvery is between two counts of descriptors where that means to list them.
const countEvery = 15 * time.Second

// Look asks the system.
func (h *Host) Look(ctx context.Context) {
	now := h.limits
	now.goroutines = float64(runtime.NumGoroutine())
	now.received, now.sent = traffic(ctx)
	if h.process != nil {
		if m, err := h.process.MemoryInfoWithContext(ctx); err == nil {
			now.memory = float64(m.RSS)
		}
		if t, err := h.process.TimesWithContext(ctx); err == nil {
			now.cpu = t.User + t.System
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now.descriptors = h.descriptorsLocked(ctx)
	h.last = now
}

// descriptorsLocked counts open files. Since Linux 6.2 the size of the directory
// is their number; listing 100,000 of them takes a while.
func (h *Host) descriptorsLocked(ctx context.Context) float64 {
	if info, err := os.Stat("/proc/self/fd"); err == nil && info.Size() > 0 {
		return float64(info.Size())
	}
	if h.process == nil || time.Since(h.counted) < countEvery {
		return h.last.descriptors
	}
	h.counted = time.Now()
	n, _ := h.process.NumFDsWithContext(ctx)
	return float64(n)
}

// traffic is what went over all interfaces but the loopback's.
func traffic(ctx context.Context) (received, sent float64) {
	interfaces, _ := net.IOCountersWithContext(ctx, true)
	for _, i := range interfaces {
		if i.Name != "lo" && !strings.HasPrefix(i.Name, "lo0") {
			received += float64(i.BytesRecv)
			sent += float64(i.BytesSent)
		}
	}
	return received, sent
}

// memoryLimit is what the control group allows, or what the machine has.
func memoryLimit(ctx context.Context) float64 {
	limit := math.Inf(1)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if n, parse := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil && parse == nil {
			limit = min(limit, n)
		}
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		limit = min(limit, float64(m.Total))
	}
	if math.IsInf(limit, 1) {
		return 0
	}
	return limit
}
