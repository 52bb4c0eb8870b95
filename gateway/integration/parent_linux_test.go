package integration

import "syscall"

// signalledByParent has the kernel signal a process when the thread that started
// it ends.
func signalledByParent(s syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: s}
}
