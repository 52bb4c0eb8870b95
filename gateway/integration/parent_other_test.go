//go:build !linux

package integration

import "syscall"

func signalledByParent(syscall.Signal) *syscall.SysProcAttr { return nil }
