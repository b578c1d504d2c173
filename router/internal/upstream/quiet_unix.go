//go:build unix

package upstream

import (
	"crypto/tls"
	"net"
	"syscall"
)

// quiet reports whether the other end of an idle connection has neither closed it nor sent anything. It reads without
// waiting: an http.Transport finds out by a goroutine that waits for each connection.
func quiet(c net.Conn) bool {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		_, failed = syscall.Read(int(fd), make([]byte, 1))
		return true
	})
	return err == nil && (failed == syscall.EAGAIN || failed == syscall.EWOULDBLOCK)
}
