package rtc

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// pair is a socket and some peers of it.
func pair(t *testing.T, peers int) (*socket, []*net.UDPConn) {
	t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	s, err := newSocket(listen())
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*net.UDPConn, peers)
	for i := range all {
		all[i] = listen()
		if err := all[i].SetReadBuffer(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
	return s, all
}

func address(c *net.UDPConn) netip.AddrPort { return netip.MustParseAddrPort(c.LocalAddr().String()) }

// numbered is a packet of some size that begins with its number.
func numbered(number, size int) []byte {
	p := bytes.Repeat([]byte{byte(number)}, size)
	binary.BigEndian.PutUint32(p, uint32(number))
	return p
}

func expect(t *testing.T, c *net.UDPConn, want []byte) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	var buf [4096]byte
	n, _, err := c.ReadFrom(buf[:])
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf[:n], want) {
		t.Fatalf("packet of %d bytes, number %d; want %d, number %d",
			n, binary.BigEndian.Uint32(buf[:]), len(want), binary.BigEndian.Uint32(want))
	}
}

func TestPacketsArriveAsTheyWereWritten(t *testing.T) {
	sizes := []int{
		1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 300, // a run, and the rest of a picture
		100, 1200, 1200, 1212, 1200, 4, 4, 1280, 1280, 1281, 1500, 1280, 7,
	}
	for _, offload := range []bool{true, false} {
		s, peers := pair(t, 2)
		if !offload {
			s.offload.Store(false)
		}
		s.hold()
		for i, size := range sizes {
			for _, p := range peers {
				if n, err := s.WriteToAddrPort(numbered(i, size), address(p)); n != size || err != nil {
					t.Fatal(n, err)
				}
			}
		}
		s.release()
		for i, size := range sizes {
			for _, p := range peers {
				expect(t, p, numbered(i, size))
			}
		}
	}
}

func TestNothingWaitsWithoutAHolder(t *testing.T) {
	s, peers := pair(t, 1)
	if _, err := s.WriteToAddrPort(numbered(1, 100), address(peers[0])); err != nil {
		t.Fatal(err)
	}
	expect(t, peers[0], numbered(1, 100))
	s.hold()
	if _, err := s.WriteToAddrPort(numbered(2, 100), address(peers[0])); err != nil {
		t.Fatal(err)
	}
	s.hold()
	s.release() // of the second holder: what waits is sent even so
	expect(t, peers[0], numbered(2, 100))
	s.release()
}

// A deadline that ICE's mux sets for one connection is not for the packets of the others.
func TestDeadlinesAreNobodyElses(t *testing.T) {
	s, peers := pair(t, 1)
	s.hold()
	for i := range 3 {
		if _, err := s.WriteToAddrPort(numbered(i, 100), address(peers[0])); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	s.release()
	for i := range 3 {
		expect(t, peers[0], numbered(i, 100))
	}
}

// Writers of one peer take turns, with and without holding; others come in between. Nothing is lost, doubled, or
// overtaken, and nothing waits for longer than its writer holds.
func TestManyWriters(t *testing.T) {
	const rounds, burst = 200, 12
	s, peers := pair(t, 40) // more than lanes
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() {
			number := 0
			for round := range rounds {
				holds := (round+i)%3 > 0
				if holds {
					s.hold()
				}
				first := number
				for range burst {
					if _, err := s.WriteToAddrPort(numbered(number, 600+number%burst/11), address(p)); err != nil {
						t.Error(err)
					}
					number++
				}
				if holds {
					s.release()
				}
				for ; first < number; first++ { // whatever the others do, mine have been sent
					expect(t, p, numbered(first, 600+first%burst/11))
				}
			}
		})
	}
	all.Wait()
}
