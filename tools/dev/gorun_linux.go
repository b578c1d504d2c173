package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// endWithGoRun makes the kernel send SIGTERM to this process when the `go run` that started it is killed: go run
// itself forwards nothing but Ctrl-C.
func endWithGoRun() {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return
	}
	//nolint:errcheck // best effort: without it, a killed go run leaves this process running
	syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
}
