//go:build unix && !linux

package loadtest

import "syscall"

// ofOurs puts a process into a group of its own, so that an interrupt at the
// terminal reaches only us.
func ofOurs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
