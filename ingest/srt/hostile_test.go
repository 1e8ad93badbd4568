package srt_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/srt"
)

// TestBrokenHandshake sends handshakes that are cut off in their extensions, which the library panics on: who comes next
// publishes all the same.
func TestBrokenHandshake(t *testing.T) {
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	nc, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	handshake := make([]byte, 16+48, 16+48+4)
	handshake[0] = 0x80                                    // control, handshake
	binary.BigEndian.PutUint32(handshake[16:], 5)          // version
	binary.BigEndian.PutUint16(handshake[16+6:], 1)        // there are extensions
	binary.BigEndian.PutUint32(handshake[16+20:], 1<<32-1) // conclusion
	for rest := 1; rest < 4; rest++ {
		if _, err := nc.Write(handshake[:16+48+rest]); err != nil {
			t.Fatal(err)
		}
	}
	_, args := material(t)
	if out, err := push(t, "srt://"+address+"?streamid=publish:demo", args); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r := g.Wait(t); r.Reason != nil {
		t.Errorf("ended with %v", r.Reason)
	}
}

// caller speaks SRT by hand.
type caller struct {
	t    *testing.T
	nc   net.Conn
	peer uint32 // the server's socket
}

// call shakes hands as a publisher of the key "demo" whose packets have so many bytes. It returns what the server makes of it.
func call(t *testing.T, address string, unit uint32) (*caller, packet.HandshakeType) {
	t.Helper()
	nc, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	c := &caller{t: t, nc: nc}
	answer := c.shake(&packet.CIFHandshake{IsRequest: true, Version: 4, ExtensionField: 2, HandshakeType: packet.HSTYPE_INDUCTION}, unit)
	answer = c.shake(&packet.CIFHandshake{
		IsRequest: true, Version: 5, HandshakeType: packet.HSTYPE_CONCLUSION, SynCookie: answer.SynCookie,
		HasHS: true, HasSID: true, StreamId: "publish:demo",
		SRTHS: &packet.CIFHandshakeExtension{SRTVersion: 0x010401, SRTFlags: packet.CIFHandshakeExtensionFlags{
			TSBPDSND: true, TSBPDRCV: true, CRYPT: true, TLPKTDROP: true, PERIODICNAK: true, REXMITFLG: true,
		}},
	}, unit)
	c.peer = answer.SRTSocketId
	return c, answer.HandshakeType
}

func (c *caller) shake(h *packet.CIFHandshake, unit uint32) *packet.CIFHandshake {
	c.t.Helper()
	h.SRTSocketId, h.MaxTransmissionUnitSize, h.MaxFlowWindowSize = 1234, unit, 25600
	h.InitialPacketSequenceNumber = circular.New(0, packet.MAX_SEQUENCENUMBER)
	p := packet.NewPacket(c.nc.RemoteAddr())
	p.Header().IsControlPacket, p.Header().ControlType = true, packet.CTRLTYPE_HANDSHAKE
	if err := p.MarshalCIF(h); err != nil {
		c.t.Fatal(err)
	}
	c.send(p)
	for {
		answer, ok := c.read(20 * time.Second)
		if !ok {
			c.t.Fatal("no answer to a handshake")
		}
		if answer.Header().ControlType != packet.CTRLTYPE_HANDSHAKE {
			continue
		}
		var cif packet.CIFHandshake
		if err := answer.UnmarshalCIF(&cif); err != nil {
			c.t.Fatal(err)
		}
		return &cif
	}
}

func (c *caller) send(p packet.Packet) {
	c.t.Helper()
	p.Header().DestinationSocketId = c.peer
	var raw bytes.Buffer
	if err := p.Marshal(&raw); err != nil {
		c.t.Fatal(err)
	}
	_, _ = c.nc.Write(raw.Bytes()) // where the server is gone, it says so
}

// read waits for the server's next packet.
func (c *caller) read(patience time.Duration) (packet.Packet, bool) {
	raw := make([]byte, 1500)
	_ = c.nc.SetReadDeadline(time.Now().Add(patience))
	n, err := c.nc.Read(raw)
	if err != nil {
		return nil, false
	}
	p, err := packet.NewPacketFromData(c.nc.RemoteAddr(), raw[:n])
	if err != nil {
		c.t.Fatal(err)
	}
	return p, true
}

// until sends, again and again, until the server hangs up.
func (c *caller) until(r *ingesttest.Recorder, send func()) {
	c.t.Helper()
	end := time.After(2 * time.Minute)
	for {
		select {
		case <-r.Closed:
			return
		case <-end:
			c.t.Fatal("the server never hung up")
		case <-time.After(10 * time.Millisecond):
			send()
		}
	}
}

// TestTinyPackets shakes hands for packets that have no room for their own header: the library would make a buffer of 4 GiB.
func TestTinyPackets(t *testing.T) {
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	for _, unit := range []uint32{0, 43, 75} {
		if _, answer := call(t, address, unit); !answer.IsRejection() {
			t.Errorf("packets of %d bytes: %v", unit, answer)
		}
	}
	if _, answer := call(t, address, 1500); answer != packet.HSTYPE_CONCLUSION {
		t.Errorf("packets as usual: %v", answer)
	}
	if g.Next(t); len(g.Requests) != 1 {
		t.Errorf("the gate was asked for %+v", g.Requests)
	}
}

// TestFuture sends packets whose time comes in an hour: they are not kept without bounds.
func TestFuture(t *testing.T) {
	g := ingesttest.NewGate()
	c, _ := call(t, start(t, g, nil), 1500)
	r := g.Next(t)
	number := circular.New(0, packet.MAX_SEQUENCENUMBER)
	c.until(r, func() {
		for range 500 {
			p := packet.NewPacket(c.nc.RemoteAddr())
			p.Header().PacketSequenceNumber, p.Header().Timestamp, p.Header().MessageNumber = number, 3600e6, 1
			p.SetData(make([]byte, 188))
			c.send(p)
			number = number.Inc()
		}
	})
	if code := ingest.CodeOf(r.Reason); code != ingest.CodeLimit || !strings.Contains(r.Reason.Error(), "held") {
		t.Errorf("ended with %v", r.Reason)
	}
}

// TestSignsOfLife sends nothing else: that does not keep the key. The library has the same patience with one that sends nothing at
// all, which a loaded machine may seem to be.
func TestSignsOfLife(t *testing.T) {
	g := ingesttest.NewGate()
	c, _ := call(t, start(t, g, func(c *srt.Config) { c.IdleTimeout = 5 * time.Second }), 1500)
	r := g.Next(t)
	c.until(r, func() {
		p := packet.NewPacket(c.nc.RemoteAddr())
		p.Header().IsControlPacket, p.Header().ControlType = true, packet.CTRLTYPE_KEEPALIVE
		c.send(p)
	})
	if r.Reason == nil || !strings.Contains(r.Reason.Error(), "nothing came") {
		t.Errorf("ended with %v", r.Reason)
	}
}
