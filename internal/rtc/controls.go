package rtc

import (
	"io"
	"sync"

	"github.com/pion/rtcp"
)

// unread stands where pion would keep a stream's packets until somebody reads them, which nobody does: they are gone at once.
type unread struct {
	once   sync.Once
	closed chan struct{}
}

// Write implements io.Writer.
func (*unread) Write(b []byte) (int, error) { return len(b), nil }

// Read waits for the end: there is nothing to read.
func (u *unread) Read([]byte) (int, error) {
	<-u.closed
	return 0, io.EOF
}

// Close implements io.Closer.
func (u *unread) Close() error {
	u.once.Do(func() { close(u.closed) })
	return nil
}

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
