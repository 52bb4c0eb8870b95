//go:build unix && !linux

package chaos

import "syscall"

// own puts a program into a process group of its own, so that an interrupt at
// the terminal reaches only us.
func own(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
