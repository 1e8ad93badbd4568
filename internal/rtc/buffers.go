package rtc

import (
	"io"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
)

// maxStreams bounds the RTP and RTCP streams that the other side of a connection may name in its packets: pion keeps something
// of each for as long as the connection lasts. Players name those that they are sent, and one of their own; browsers that
// publish three sizes of pictures, each with its repeated packets, and sound, about twenty.
const maxStreams = 64

// What is kept of a publisher's stream until it is read, in bytes: pion's own limits.
const (
	maxUnreadMedia   = 1_000_000
	maxUnreadReports = 100_000
)

// buffers makes what takes the packets of a stream.
type buffers func(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser

// bounded makes maxStreams buffers. For each stream beyond them it calls abused, and nothing of it is kept.
func bounded(buffer buffers, abused func()) buffers {
	var named atomic.Int32
	return func(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
		if named.Add(1) > maxStreams {
			abused()
			return unread{}
		}
		return buffer(kind, ssrc)
	}
}

// unread stands where pion would keep a stream's packets until somebody reads them, which nobody should: they are gone at
// once, and who reads all the same is told that this is all.
type unread struct{}

// Write implements io.Writer.
func (unread) Write(b []byte) (int, error) { return len(b), nil }

// Read implements io.Reader.
func (unread) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer.
func (unread) Close() error { return nil }

// controls stands where a stream's buffer of RTCP packets would: each is handed on at once, so that no goroutine has to
// read them. Players address transport-wide feedback to any of the streams, also to those of repeated packets, which
// pion has no reader for.
type controls struct {
	unread

	heed func([]rtcp.Packet)
}

// Write takes packets that have been decrypted and checked.
func (c *controls) Write(b []byte) (int, error) {
	packets, err := rtcp.Unmarshal(b)
	if err == nil {
		c.heed(packets)
	}
	return len(b), nil
}
