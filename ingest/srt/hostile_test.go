package srt_test

import (
	"encoding/binary"
	"net"
	"testing"

	"castnet/ingest/ingesttest"
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
