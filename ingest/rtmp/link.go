package rtmp

import "io"

// link carries the RTMP library's words to the publisher. The library writes the handshake and its answers in nine pieces;
// link sends them when the library waits for the publisher to go on, so that it is four packets: what a packet costs is
// not its bytes.
type link struct {
	net io.ReadWriter
	out []byte
}

// newLink makes room for the longest of what is sent at once: S0, S1 and S2 of the handshake.
func newLink(rw io.ReadWriter) *link { return &link{net: rw, out: make([]byte, 0, 1+2*1536)} }

// Read sends what was written, and reads.
func (l *link) Read(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.net.Read(p)
}

// Write keeps p until the next Read or flush. What the library writes is bounded by what it reads.
func (l *link) Write(p []byte) (int, error) {
	l.out = append(l.out, p...)
	return len(p), nil
}

func (l *link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	_, err := l.net.Write(l.out)
	l.out = l.out[:0]
	return err
}
