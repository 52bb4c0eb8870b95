package app

import (
	"fmt"
	"syscall"
)

// spareDescriptors are for what is no member: the log, Redis, the API, files.
const spareDescriptors = 200

// descriptors returns how many files and sockets the process may have open. Go
// has raised that to what the system allows by the time it is asked.
func descriptors() (limit uint64, known bool) {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0, false
	}
	return uint64(r.Cur), true
}

// descriptorAdvice says what is wrong if the process may not have as many
// sockets open as [Settings.Connections] promises to take; empty if nothing is.
func descriptorAdvice(connections int, limit uint64, known bool) string {
	if !known || limit >= uint64(connections)+spareDescriptors {
		return ""
	}
	return fmt.Sprintf("the process may open %d files, too few for %sCONNECTIONS=%d: handshakes past that will fail; raise the limit (ulimit -n, LimitNOFILE) or lower the setting",
		limit, prefix, connections)
}
