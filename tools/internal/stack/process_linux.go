package stack

import "syscall"

// endWithParent makes the kernel send the signal to the child when the thread that started it
// ends, also when this process is killed.
func endWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }
