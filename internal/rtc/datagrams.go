package rtc

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// datagrams is a UDP socket of which the runtime's poller hears only when there is something to read. A net.UDPConn is
// watched for room to write, too, and the kernel tells of that after every datagram: on a machine that has nothing else to
// do a thread is woken each time, which costs as much as sending did.
type datagrams struct {
	local  net.Addr
	wide   bool // IPv6's: an IPv4 address is written as ::ffff:a.b.c.d
	epoll  *os.File
	toRead syscall.RawConn // waits, by epoll, for something to read

	mu     sync.RWMutex // held for reading while fd is used
	fd     int          // writing blocks, reading is told not to
	closed bool
}

// takeOver makes datagrams of a socket, which is closed by it: even where it fails.
func takeOver(conn *net.UDPConn) (d *datagrams, err error) {
	d = &datagrams{local: conn.LocalAddr(), fd: -1}
	defer func() {
		if err = errors.Join(err, conn.Close()); err != nil {
			_ = d.Close()
		}
	}()
	raw, err := conn.SyscallConn()
	if err != nil {
		return d, err
	}
	controlled := raw.Control(func(fd uintptr) { d.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, controlled); err != nil {
		return d, err
	}
	address, err := unix.Getsockname(d.fd)
	if err != nil {
		return d, err
	}
	_, d.wide = address.(*unix.SockaddrInet6)
	if err = unix.SetNonblock(d.fd, false); err != nil {
		return d, err
	}
	return d, d.watch()
}

// watch has the poller wait for an epoll that waits for datagrams alone.
func (d *datagrams) watch() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	err = errors.Join(
		unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, d.fd, &unix.EpollEvent{Events: unix.EPOLLIN}),
		unix.SetNonblock(epoll, true), // which os takes as the wish to have it polled
	)
	d.epoll = os.NewFile(uintptr(epoll), "epoll")
	if err != nil {
		return err
	}
	d.toRead, err = d.epoll.SyscallConn()
	return err
}

// Close implements net.PacketConn.
func (d *datagrams) Close() error {
	var err error
	if d.epoll != nil {
		err = d.epoll.Close() // who waits to read returns
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed && d.fd >= 0 {
		err = errors.Join(err, unix.Close(d.fd))
	}
	d.closed = true
	return err
}

// use does something with the socket while it is open. A signal that comes in between does not count.
func (d *datagrams) use(do func(fd int) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for {
		if d.closed {
			return net.ErrClosed
		}
		if err := do(d.fd); err != unix.EINTR { //nolint:errorlint // errnos are not wrapped
			return err
		}
	}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (d *datagrams) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	waited := d.toRead.Read(func(uintptr) bool {
		err = d.use(func(fd int) (err error) {
			var address unix.Sockaddr
			if n, address, err = unix.Recvfrom(fd, b, unix.MSG_DONTWAIT); err == nil {
				from = addrPort(address)
			}
			return err
		})
		return err != unix.EAGAIN //nolint:errorlint // as above
	})
	if waited != nil { // the one thing that ends waiting
		err = net.ErrClosed
	}
	return max(n, 0), from, err
}

// ReadFrom implements net.PacketConn.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := d.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// send sends datagrams of one size, but for the last, which may be smaller. Where it is more than one, control tells the kernel
// the size. While the kernel has no room it waits.
func (d *datagrams) send(b, control []byte, to unix.Sockaddr) error {
	if to == nil {
		return unix.EAFNOSUPPORT
	}
	return d.use(func(fd int) error {
		_, err := unix.SendmsgN(fd, b, control, to, 0)
		return err
	})
}

// sockaddr is an address as the socket's family has it, nil where that has none.
func (d *datagrams) sockaddr(to netip.AddrPort) unix.Sockaddr {
	switch ip := to.Addr().Unmap(); {
	case d.wide:
		return &unix.SockaddrInet6{Port: int(to.Port()), Addr: ip.As16(), ZoneId: zoneID(ip.Zone())}
	case ip.Is4():
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: ip.As4()}
	default:
		return nil
	}
}

// LocalAddr implements net.PacketConn.
func (d *datagrams) LocalAddr() net.Addr { return d.local }

// SetDeadline implements net.PacketConn.
func (d *datagrams) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (d *datagrams) SetReadDeadline(time.Time) error { return nil }

// addrPort is an address as the net package has it; of a link's own addresses with the link's number.
func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if a.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(a.ZoneId), 10))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port))
	}
	return netip.AddrPort{}
}

// zoneID is the number of a link that is named by it, or by its name.
func zoneID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	link, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(link.Index)
}
