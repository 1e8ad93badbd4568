package rtc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func take(t *testing.T, network, address string) *socket {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		if network == "udp4" { // only IPv6 may be missing
			t.Fatal(err)
		}
		t.Skipf("no %s here: %v", network, err)
	}
	s, err := newSocket(conn.(*net.UDPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Packets go both ways, whatever the families of the socket and of its peer.
func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ network, at, peer string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1"}, {"udp6", "[::1]:0", "::1"}, {"udp", "[::]:0", "127.0.0.1"}, {"udp", "[::]:0", "::1"},
	} {
		t.Run(c.at+" to "+c.peer, func(t *testing.T) {
			t.Parallel()
			s := take(t, c.network, c.at)
			peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(c.peer)})
			if err != nil {
				if c.peer == "127.0.0.1" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			defer func() { _ = peer.Close() }()
			at := netip.AddrPortFrom(netip.MustParseAddr(c.peer), netip.MustParseAddrPort(s.LocalAddr().String()).Port())
			if _, err := peer.WriteToUDPAddrPort(numbered(1, 100), at); err != nil {
				t.Fatal(err)
			}
			var buf [200]byte
			n, from, err := s.ReadFromAddrPort(buf[:])
			if err != nil || n != 100 || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != address(peer) {
				t.Fatal(n, from, err)
			}
			if _, err := s.WriteTo(numbered(2, 100), net.UDPAddrFromAddrPort(from)); err != nil {
				t.Fatal(err)
			}
			expect(t, peer, numbered(2, 100))
		})
	}
	s := take(t, "udp4", "127.0.0.1:0")
	if _, err := s.WriteToAddrPort(numbered(1, 100), netip.MustParseAddrPort("[::1]:9")); !errors.Is(err, unix.EAFNOSUPPORT) {
		t.Errorf("a packet by IPv4 to an address of IPv6: %v", err)
	}
	if got := addrPort(&unix.SockaddrInet6{Addr: netip.MustParseAddr("fe80::1").As16(), Port: 9, ZoneId: zoneID("lo")}); got.String() != "[fe80::1%1]:9" || zoneID("1") != 1 {
		t.Errorf("an address of the first link is %v, and the link's number %d", got, zoneID("1"))
	}
}

// Close ends the reader, and nothing is sent any more.
func TestClose(t *testing.T) {
	t.Parallel()
	s := take(t, "udp4", "127.0.0.1:0")
	read := make(chan error)
	go func() {
		var buf [200]byte
		for {
			_, _, err := s.ReadFromAddrPort(buf[:])
			read <- err
		}
	}()
	at := netip.MustParseAddrPort(s.LocalAddr().String())
	if _, err := s.WriteToAddrPort(numbered(1, 100), at); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []error{nil, net.ErrClosed} {
		select {
		case err := <-read:
			if !errors.Is(err, wanted) {
				t.Errorf("read: %v, wanted %v", err, wanted)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("the reader waits")
		}
		_ = s.Close() // for the second time it may say so
	}
	if _, err := s.WriteToAddrPort(numbered(1, 100), at); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a packet by a closed socket: %v", err)
	}
	if err := <-read; err == nil {
		t.Error("a closed socket is read")
	}
}

// Nobody is woken for room to write, which the kernel tells of after every packet.
func TestSendingWakesNobody(t *testing.T) {
	t.Parallel()
	s := take(t, "udp4", "127.0.0.1:0")
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	var waiting []string
	for _, info := range infos {
		text, err := os.ReadFile(info)
		if err != nil {
			continue // closed since
		}
		for line := range strings.Lines(string(text)) {
			var fd, events int
			if _, err := fmt.Sscanf(line, "tfd: %d events: %x", &fd, &events); err == nil && fd == s.fd {
				waiting = append(waiting, fmt.Sprintf("%#x", events&(unix.EPOLLIN|unix.EPOLLOUT)))
			}
		}
	}
	if len(waiting) != 1 || waiting[0] != fmt.Sprintf("%#x", unix.EPOLLIN) {
		t.Errorf("waited for are the events %v, wanted one that is to be read", waiting)
	}
}
