//go:build unix && !linux

package stack

import "syscall"

// endWithParent does nothing where the system has no such thing: there, the next run ends what a
// killed one has left behind.
func endWithParent(*syscall.SysProcAttr, syscall.Signal) {}
