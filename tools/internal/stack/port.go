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

// ports are the ports of a stack. Each is reserved by an open UDP socket with the same number, so that no other
// stack of this machine chooses it while nothing listens there. The reservations end with the process.
type ports struct {
	mu   sync.Mutex
	held []net.PacketConn
}

// choose returns a free port. It lies below the range for outgoing connections, so that it is free again when a server
// restarts.
func (p *ports) choose() (int, error) {
	const low, high = 20_000, 32_000
	for range 200 {
		port := low + rand.IntN(high-low)                 //nolint:gosec // not a secret
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
			return 0, fmt.Errorf("release port %d: %w", port, err)
		}
	}
	return 0, errors.New("no free port found")
}

// release ends the reservations.
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
