package loadtest

import (
	"fmt"
	"syscall"
)

// enoughDescriptors reports whether the process may open a socket for each
// member, and what else it needs. (The runtime has raised the soft limit to the
// hard one.)
func enoughDescriptors(members int) error {
	const beside = 50
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil // then a dial will tell
	}
	if need := uint64(members + beside); limit.Cur < need {
		return fmt.Errorf("%d members need %d file descriptors; this process may have %d: raise the limit (ulimit -n %d), or use several machines",
			members, need, limit.Cur, need)
	}
	return nil
}
