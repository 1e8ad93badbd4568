package rpc

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// limitListener closes connections above its limits at once, so that one host cannot keep the others out.
type limitListener struct {
	net.Listener
	all, perHost int
	log          *slog.Logger

	mu    sync.Mutex
	open  int
	hosts map[netip.Addr]int
}

func newLimitListener(ln net.Listener, all, perHost int, log *slog.Logger) *limitListener {
	return &limitListener{Listener: ln, all: all, perHost: perHost, log: log, hosts: make(map[netip.Addr]int)}
}

// Accept returns the next connection within the limits.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host := hostOf(conn)
		if l.enter(host) {
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { l.leave(host) })}, nil
		}
		l.log.Debug("connection refused: too many", "host", host, "limit", l.all, "limit_per_host", l.perHost)
		_ = conn.Close() // nothing was said on it
	}
}

func hostOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (l *limitListener) enter(host netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all || l.hosts[host] >= l.perHost {
		return false
	}
	l.open++
	l.hosts[host]++
	return true
}

func (l *limitListener) leave(host netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection and makes room for another.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
