//go:build unix && !linux

package redistest

import "syscall"

// dieWithParent does nothing where the kernel offers no such thing.
func dieWithParent() *syscall.SysProcAttr { return nil }
