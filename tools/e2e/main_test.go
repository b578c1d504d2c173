package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

var shared *System

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	s, end, err := start(ctx, nil)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the shared system:", err)
		return 1
	}
	shared = s
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, "end the shared system:", err)
		return 1
	}
	return code
}

// Shared returns the system that all tests use.
func Shared(t *testing.T) *System {
	t.Helper()
	return shared
}
