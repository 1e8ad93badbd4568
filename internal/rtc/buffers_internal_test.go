package rtc

import (
	"errors"
	"io"
	"testing"

	"github.com/pion/transport/v4/packetio"
)

// TestBounded: streams beyond the limit are reported, and keep nothing and nobody.
func TestBounded(t *testing.T) {
	made, reported := 0, 0
	buffer := bounded(func(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
		made++
		return packetio.NewBuffer()
	}, func() { reported++ })
	var last io.ReadWriteCloser
	for ssrc := range uint32(maxStreams + 3) {
		last = buffer(packetio.RTPBufferPacket, ssrc)
	}
	if made != maxStreams || reported != 3 {
		t.Errorf("%d buffers were made, %d streams were reported", made, reported)
	}
	if _, err := last.Write(make([]byte, 1000)); err != nil {
		t.Errorf("write: %v", err)
	}
	if n, err := last.Read(make([]byte, 1000)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a reader gets %d bytes and %v, and must not wait", n, err)
	}
}
