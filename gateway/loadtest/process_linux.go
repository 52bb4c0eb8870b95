package loadtest

import "syscall"

// ofOurs puts a process into a group of its own, so that an interrupt at the
// terminal reaches only us, and has the kernel kill it when the thread that
// started it ends.
func ofOurs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
