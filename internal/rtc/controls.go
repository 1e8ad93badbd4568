package rtc

import (
	"io"
	"sync"

	"github.com/pion/rtcp"
)

// controls stands where a stream's buffer of RTCP packets would: each is handed on at once, so that no goroutine has to
// read them. Players address transport-wide feedback to any of the streams, also to those of repeated packets, which
// pion has no reader for.
type controls struct {
	heed   func([]rtcp.Packet)
	once   sync.Once
	closed chan struct{}
}

// Write takes packets that have been decrypted and checked.
func (c *controls) Write(b []byte) (int, error) {
	packets, err := rtcp.Unmarshal(b)
	if err == nil {
		c.heed(packets)
	}
	return len(b), nil
}

// Read waits for the end: there is nothing to read.
func (c *controls) Read([]byte) (int, error) {
	<-c.closed
	return 0, io.EOF
}

// Close implements io.Closer.
func (c *controls) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
