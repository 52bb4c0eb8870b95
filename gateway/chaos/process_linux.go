package chaos

import "syscall"

// own puts a program into a process group of its own, so that an interrupt at
// the terminal reaches only us, and has the kernel send it a signal when the
// thread that started it ends.
func own(last syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: last}
}
