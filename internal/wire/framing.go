// Package wire is what Castnet's processes say to each other: the protobuf messages of media, network and transcoder,
// their framing over a byte stream, and the conversion of units, tracks, profiles and session messages, checked where
// they come from outside.
package wire

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative media.proto network.proto transcoder.proto

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"castnet/internal/media"
)

const (
	// MaxMessageBytes bounds one message: the largest unit and ample room for what surrounds it.
	MaxMessageBytes = media.MaxUnitBytes + 1<<20

	lengthBytes  = 4
	keepBuffer   = 1 << 20 // a larger buffer is given back after use: key frames of 2160p are rare
	readerBuffer = 64 << 10
)

// ErrMessageTooLarge is returned for a message above MaxMessageBytes, before anything is allocated for it.
var ErrMessageTooLarge = errors.New("message larger than 9 MiB")

// Conn carries messages over a byte stream, each prefixed by its length in four bytes, big-endian. One goroutine may
// write while another reads.
type Conn struct {
	r       *bufio.Reader
	w       io.Writer
	in, out []byte
}

// NewConn frames messages over rw. It buffers reads, and writes each message by one Write.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{r: bufio.NewReaderSize(rw, readerBuffer), w: rw}
}

// Write sends one message.
func (c *Conn) Write(m proto.Message) error {
	buf, err := proto.MarshalOptions{}.MarshalAppend(append(c.out[:0], 0, 0, 0, 0), m)
	if err != nil {
		return fmt.Errorf("encode %T: %w", m, err)
	}
	n := len(buf) - lengthBytes
	if n > MaxMessageBytes {
		return fmt.Errorf("send %T of %d bytes: %w", m, n, ErrMessageTooLarge)
	}
	binary.BigEndian.PutUint32(buf, uint32(n))
	c.out = reuse(buf)
	_, err = c.w.Write(buf)
	return err
}

// Read receives one message into m. It returns io.EOF where the stream ended between messages.
func (c *Conn) Read(m proto.Message) error {
	var prefix [lengthBytes]byte
	if _, err := io.ReadFull(c.r, prefix[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(prefix[:]))
	if n > MaxMessageBytes {
		return fmt.Errorf("receive %T of %d bytes: %w", m, n, ErrMessageTooLarge)
	}
	if cap(c.in) < n {
		c.in = make([]byte, n)
	}
	buf := c.in[:n]
	if _, err := io.ReadFull(c.r, buf); err != nil {
		return fmt.Errorf("message of %d bytes cut short: %w", n, io.ErrUnexpectedEOF)
	}
	c.in = reuse(buf)
	if err := proto.Unmarshal(buf, m); err != nil { // copies the payload out of buf
		return fmt.Errorf("decode %T: %w", m, err)
	}
	return nil
}

func reuse(buf []byte) []byte {
	if cap(buf) > keepBuffer {
		return nil
	}
	return buf
}
