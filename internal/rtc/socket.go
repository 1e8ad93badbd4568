package rtc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// runSegments is how many packets the kernel is given at once. More would save little, and come as a burst.
	runSegments = 8
	// runBytes bounds them: room for runSegments of the size that every path carries.
	runBytes = runSegments * 1280
	// lanes is how many writers can send at once, as far as their peers fall into different lanes.
	lanes = 16
)

// socket is the UDP socket that all connections share. While somebody holds it, packets of one size to one peer are
// collected and handed to the kernel together, which splits them (UDP_SEGMENT, generic segmentation offload): one walk
// through the network stack for several packets. The order of the packets to one peer stays. It implements
// ice.AddrPortReaderWriter, which is how ICE's mux writes.
type socket struct {
	*datagrams

	offload atomic.Bool  // the kernel and the route can segment
	holders atomic.Int32 // who have called hold and not yet release
	lanes   [lanes]lane
}

// lane is the packets that wait to be sent, all to one peer. A peer's packets always take the same lane.
type lane struct {
	waiting atomic.Bool // set before holders is read, so that release and write cannot miss each other

	mu    sync.Mutex
	to    netip.AddrPort
	peer  unix.Sockaddr // the same, for the kernel
	size  int           // of each packet but the last, which may be smaller
	count int
	bytes []byte
	// control is the message that tells the kernel the size to split by (udp(7), UDP_SEGMENT).
	control []byte
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	s := &socket{}
	header := unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
	header.SetLen(unix.CmsgLen(2))
	for i := range s.lanes {
		s.lanes[i].control = make([]byte, unix.CmsgSpace(2))
		if _, err := binary.Encode(s.lanes[i].control, binary.NativeEndian, &header); err != nil {
			return nil, err
		}
	}
	var err error
	if s.datagrams, err = takeOver(conn); err != nil {
		return nil, err
	}
	_, err = unix.GetsockoptInt(s.fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT) // Linux has it since 4.18
	s.offload.Store(err == nil)
	return s, nil
}

// hold begins a batch: packets may wait until release. Who holds the socket writes at once and releases it soon.
func (s *socket) hold() { s.holders.Add(1) }

// release sends what waits, whoever wrote it.
func (s *socket) release() {
	s.holders.Add(-1)
	for i := range s.lanes {
		if l := &s.lanes[i]; l.waiting.Load() {
			l.mu.Lock()
			_ = s.flush(l) // what cannot be sent is lost, as on the way
			l.mu.Unlock()
		}
	}
}

// SetWriteDeadline does nothing. ICE's mux sets a deadline, now, when a connection ends while another one writes, and lifts it
// after the last write that it knows of. What release and write send together it does not know: that would be lost, whoever it
// is for. And there is nothing to be cut short: a datagram is taken as soon as the socket's buffer has room.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// WriteTo implements net.PacketConn.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("a packet to %v, which is no UDP address", to)
	}
	return s.WriteToAddrPort(b, udp.AddrPort())
}

// WriteToAddrPort implements ice.AddrPortReaderWriter: it sends a packet, or lets it wait for others.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	l := s.lane(to)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count > 0 && (l.to != to || len(b) > l.size) {
		_ = s.flush(l) // the error is not this packet's
	}
	l.waiting.Store(true)
	if s.holders.Load() == 0 || !s.offload.Load() || len(b) > runBytes/runSegments {
		_ = s.flush(l)
		return len(b), s.send(b, nil, s.sockaddr(to))
	}
	if l.count == 0 {
		if l.to != to {
			l.to, l.peer = to, s.sockaddr(to)
		}
		l.size = len(b)
	}
	l.bytes = append(l.bytes, b...)
	l.count++
	if l.count == runSegments || len(b) < l.size { // a smaller one can only be the last
		return len(b), s.flush(l)
	}
	return len(b), nil
}

// lane is where a peer's packets wait. Peers of one address differ in the port.
func (s *socket) lane(to netip.AddrPort) *lane {
	address := to.Addr().As16()
	return &s.lanes[(binary.BigEndian.Uint16(address[14:])^to.Port())%lanes]
}

// flush sends what waits in a lane, which is locked.
func (s *socket) flush(l *lane) error {
	l.waiting.Store(false)
	if l.count == 0 {
		return nil
	}
	count, bytes := l.count, l.bytes
	l.count, l.bytes = 0, l.bytes[:0]
	if count > 1 && s.offload.Load() {
		binary.NativeEndian.PutUint16(l.control[unix.CmsgLen(0):], uint16(l.size))
		err := s.send(bytes, l.control, l.peer)
		if err == nil {
			return nil
		}
		// This network device cannot: no checksum offload. The other peers of this process are reached by the same one nearly
		// always, so that nobody tries again; what that costs is processor time alone.
		if errors.Is(err, unix.EIO) {
			s.offload.Store(false)
		}
	}
	var failed error
	for len(bytes) > 0 { // one by one, for instance because this route's packets are smaller (EINVAL)
		n := min(l.size, len(bytes))
		if err := s.send(bytes[:n], nil, l.peer); err != nil {
			failed = err
		}
		bytes = bytes[n:]
	}
	return failed
}
