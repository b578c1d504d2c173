package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"boxoffice.dev/tools/internal/shop"
	"boxoffice.dev/tools/internal/stack"
)

var shared *System

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		// Most tests wait more than they compute.
		if err := parallel.Value.Set(strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
			panic(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	s, end, err := startShared(ctx)
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

// startShared starts the shared system, with the storefront where Node.js is installed to build it.
func startShared(ctx context.Context) (*System, func() error, error) {
	root, err := stack.Root()
	if err != nil {
		return nil, nil, err
	}
	build, err := shop.Make(ctx, root, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil && !errors.Is(err, shop.ErrNoNode) {
		return nil, nil, err
	}
	return start(ctx, map[string][]string{"router": build.Settings()})
}

// Shared returns the system that all tests share.
func Shared(t *testing.T) *System {
	t.Helper()
	return shared
}
