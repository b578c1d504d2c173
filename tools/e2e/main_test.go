package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"boxoffice.dev/tools/internal/shop"
	"boxoffice.dev/tools/internal/stack"
)

// shared is the system that all tests share, from the first test that needs it.
var shared struct {
	sync.Once
	system *System
	end    func() error
	err    error
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		// Most tests wait more than they compute.
		if err := parallel.Value.Set(strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if shared.end != nil {
		if err := shared.end(); err != nil {
			fmt.Fprintln(os.Stderr, "end the shared system:", err)
			return 1
		}
	}
	return code
}

// Shared returns the system that all tests share, after starting it for the first one.
func Shared(t *testing.T) *System {
	t.Helper()
	shared.Do(func() { shared.system, shared.end, shared.err = startShared(t.Context()) })
	if shared.err != nil {
		t.Fatalf("start the shared system: %v", shared.err)
	}
	return shared.system
}

// startShared starts a system, with the storefront where Node.js is installed to build it.
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
