// Package ports bounds how many connections a port takes, in all and from one address, so that one host cannot keep
// the others out.
package ports

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound a port's connections.
type Limits struct {
	// All and PerAddress are how many may be open at once: in all, and from one IPv4 address or IPv6 /64 network.
	All, PerAddress int
	// Refusal, where set, makes what is written to a connection that is beyond them. The text says which limit it is.
	Refusal func(text string) string
	// Log gets a line of level debug for each.
	Log *slog.Logger
}

// farewell is how long a connection that is sent away may take its refusal.
const farewell = 100 * time.Millisecond

// limited is a listener within limits.
type limited struct {
	net.Listener
	limits Limits

	mu   sync.Mutex
	open int
	from map[netip.Prefix]int
}

// Limit returns a listener whose connections keep to the limits; those beyond them are closed at once.
func Limit(ln net.Listener, limits Limits) net.Listener {
	return &limited{Listener: ln, limits: limits, from: make(map[netip.Prefix]int)}
}

// Accept returns the next connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := Origin(c.RemoteAddr())
		text := l.enter(from)
		if text == "" {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		l.limits.Log.Debug("connection refused", "from", from, "why", text)
		if l.limits.Refusal != nil && c.SetWriteDeadline(time.Now().Add(farewell)) == nil {
			_, _ = c.Write([]byte(l.limits.Refusal(text))) // an empty socket takes it at once
		}
		_ = c.Close() // nothing else was said on it
	}
}

// Origin is what connections are counted by: an IPv6 user has a whole /64.
func Origin(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip, bits := tcp.AddrPort().Addr().Unmap(), 32
	if ip.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

// enter counts a connection in, or says why not.
func (l *limited) enter(from netip.Prefix) (refusal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.limits.All:
		return fmt.Sprintf("too many connections: %d are open, the limit is set by --max-connections", l.open)
	case l.from[from] >= l.limits.PerAddress:
		return fmt.Sprintf("too many connections from your address: %d are open, the limit is set by --max-connections-per-address", l.from[from])
	}
	l.open++
	l.from[from]++
	return ""
}

func (l *limited) leave(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[from]--; l.from[from] == 0 {
		delete(l.from, from)
	}
}

// conn is one connection within the limits.
type conn struct {
	net.Conn
	leave func()
}

// CloseWrite closes our half of the connection. An HTTP server does so after an answer to a request that it has not read whole:
// closing both would have the client lose the answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
