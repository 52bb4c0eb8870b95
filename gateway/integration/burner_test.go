package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// burnerVariable makes this program use processor time and do nothing else: how
// often a second, for how long each time, for how long in all, and how nice it is.
const burnerVariable = "PLENUM_TEST_BURNER"

// runBurner is that process. It burns at random moments, as clients come back.
func runBurner(order string) int {
	said := strings.Fields(order)
	rate, err := strconv.ParseFloat(said[0], 64)
	each, err2 := time.ParseDuration(said[1])
	span, err3 := time.ParseDuration(said[2])
	nice, err4 := strconv.Atoi(said[3])
	if err != nil || err2 != nil || err3 != nil || err4 != nil {
		fmt.Fprintf(os.Stderr, "%s=%q\n", burnerVariable, order)
		return 1
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice)
	var burning sync.WaitGroup
	next := time.Now()
	for end := next.Add(span); next.Before(end); next = next.Add(time.Duration(rand.ExpFloat64() / rate * float64(time.Second))) {
		time.Sleep(time.Until(next))
		burning.Go(func() {
			for began := time.Now(); time.Since(began) < each; {
			}
		})
	}
	burning.Wait()
	return 0
}

// burn has other processes use as much processor time as the return of f.cut()
// members does, in as many processes and as often, for a while.
func (f *failover) burn(b *testing.B, span time.Duration) (done func()) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	rate := min(float64(f.cut())/failoverJitter.Seconds(), 1500) // which keeps two processors busy
	var burners []*exec.Cmd
	for _, order := range []string{
		fmt.Sprintf("%f %v %v 0", rate/2, failoverServers, span), // a replica, with its part of Redis
		fmt.Sprintf("%f %v %v 0", rate/2, failoverServers, span),
		fmt.Sprintf("%f %v %v 15", rate, failoverClient, span), // those who return
	} {
		cmd := exec.Command(self)
		cmd.Env, cmd.Stderr = append(os.Environ(), burnerVariable+"="+order), os.Stderr
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		burners = append(burners, cmd)
	}
	return func() {
		for _, cmd := range burners {
			if err := cmd.Wait(); err != nil {
				b.Errorf("burning processor time: %v", err)
			}
		}
	}
}
