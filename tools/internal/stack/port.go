package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Local returns the address of a port on this machine.
func Local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// PortFree reports whether a server could listen on the port now.
func PortFree(port int) bool {
	l, err := net.Listen("tcp", Local(port)) //nolint:noctx // returns at once
	return err == nil && l.Close() == nil
}

// ports are those that a stack has chosen. No other stack of this machine chooses the same, also
// while nobody listens there yet, or just now: a UDP socket of the same number says so, which ends
// with this process at the latest.
type ports struct {
	mu   sync.Mutex
	held []net.PacketConn
}

// choose returns a port that nobody listens on. It lies below the range from which systems take
// the local ports of outgoing connections, so that a server finds it free again after a restart.
func (p *ports) choose() (int, error) {
	const low, high = 20_000, 32_000
	for range 200 {
		port := low + rand.IntN(high-low)                 //nolint:gosec // nothing secret about it
		hold, err := net.ListenPacket("udp", Local(port)) //nolint:noctx // returns at once
		if err != nil {
			continue
		}
		if PortFree(port) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.held = append(p.held, hold)
			return port, nil
		}
		if err := hold.Close(); err != nil {
			return 0, fmt.Errorf("let go of port %d: %w", port, err)
		}
	}
	return 0, errors.New("found no free port")
}

// release lets other stacks have the ports.
func (p *ports) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, hold := range p.held {
		errs = append(errs, hold.Close())
	}
	p.held = nil
	return errors.Join(errs...)
}
