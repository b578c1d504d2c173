package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Local returns the address of a port on this machine.
func Local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// portFree reports whether a server could listen on the port now.
func portFree(port int) bool {
	l, err := net.Listen("tcp", Local(port)) //nolint:noctx // returns at once
	return err == nil && l.Close() == nil
}

// freePort returns a port that nobody listens on. It lies below the range from which systems take
// the local ports of outgoing connections, so that a server finds it free again after a restart.
func freePort() (int, error) {
	const low, high = 20_000, 32_000
	for range 200 {
		port := low + rand.IntN(high-low) //nolint:gosec // nothing secret about it
		if portFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("found no free port")
}

func freePorts(n int) ([]int, error) {
	var ports []int
	taken := map[int]bool{}
	for len(ports) < n {
		port, err := freePort()
		if err != nil {
			return nil, fmt.Errorf("%d ports: %w", n, err)
		}
		if !taken[port] {
			taken[port] = true
			ports = append(ports, port)
		}
	}
	return ports, nil
}
