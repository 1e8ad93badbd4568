// Package ports bounds how many connections a port takes, in all and from one address, so that one host cannot keep
// the others out.
package ports

import (
	"fmt"
	"io"
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
	// Proxies are not held to PerAddress: many clients come through them.
	Proxies Proxies
	// Refusal, where set, makes what is written to a connection that is beyond them. The text says which limit it is.
	Refusal func(text string) string
	// Log gets a line of level debug for each.
	Log *slog.Logger
}

const (
	// farewell is how long a connection that is sent away may take to read its refusal, and to say what it came to say: to
	// close it before that would take the refusal away from it.
	farewell = 500 * time.Millisecond
	// maxFarewells bounds those that are seen off at once; more are closed at once.
	maxFarewells = 64
	// maxHeard bounds what is read of each.
	maxHeard = 64 << 10
)

// limited is a listener within limits.
type limited struct {
	net.Listener
	limits Limits

	farewells chan struct{} // a token for each
	seeingOff sync.WaitGroup

	mu     sync.Mutex
	closed bool // nobody is seen off any more
	open   int
	from   map[netip.Prefix]int
}

// Limit returns a listener whose connections keep to the limits; those beyond them are closed at once.
func Limit(ln net.Listener, limits Limits) net.Listener {
	return &limited{Listener: ln, limits: limits, from: make(map[netip.Prefix]int), farewells: make(chan struct{}, maxFarewells)}
}

// Accept returns the next connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, proxy := Origin(c.RemoteAddr()), l.limits.Proxies.Contains(address(c.RemoteAddr()))
		text := l.enter(from, proxy)
		if text == "" {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		l.limits.Log.Debug("connection refused", "from", from, "why", text)
		l.seeOff(c, text)
	}
}

// seeOff tells a connection why it is refused, where there is a word for it, and closes it. It does not block.
func (l *limited) seeOff(c net.Conn, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.farewells) == maxFarewells {
		_ = c.Close() // there is no time for words
		return
	}
	l.farewells <- struct{}{}
	l.seeingOff.Go(func() {
		defer func() { <-l.farewells }()
		if l.limits.Refusal != nil && c.SetDeadline(time.Now().Add(farewell)) == nil {
			_, _ = c.Write([]byte(l.limits.Refusal(text)))
			if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(c, maxHeard)) // until the client has read all and closed, or its time is over
			}
		}
		_ = c.Close() // whatever is left unread
	})
}

// Close closes the port, and returns when nobody is seen off any more, half a second later at most.
func (l *limited) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.seeingOff.Wait()
	return err
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

// address is that of a TCP connection's other end.
func address(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}

// enter counts a connection in, or says why not.
func (l *limited) enter(from netip.Prefix, proxy bool) (refusal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.limits.All:
		return fmt.Sprintf("too many connections: %d are open, the limit is set by --max-connections", l.open)
	case l.from[from] >= l.limits.PerAddress && !proxy:
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
