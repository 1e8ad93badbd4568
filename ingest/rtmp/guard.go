package rtmp

import (
	"encoding/binary"
	"fmt"
	"io"

	"castnet/ingest"
)

// The RTMP library allocates what a chunk header announces, before a byte of it has come: up to 10 MiB on each of 62
// chunk streams, and its AMF decoder recurses as deep as a message is long. So a stranger could take 600 MiB with a
// few hundred bytes, or overflow the stack. The guard bounds both.
const (
	// maxControl bounds every message that is not media: commands and metadata are a few hundred bytes. It also
	// bounds AMF nesting, as each level takes four bytes or more.
	maxControl = 32 << 10
	// minChunkSize is what the protocol starts with; smaller chunks only multiply allocations.
	minChunkSize = 128
	// interleave is what may be unfinished on other chunk streams while one message comes.
	interleave = 64 << 10
	// handshakeTail is C1 and C2: what follows the version byte, before the first chunk.
	handshakeTail = 2 * handshakeBytes
)

// Message types that the guard must understand (RTMP 1.0, 5.4 and 7.1).
const (
	typeSetChunkSize = 1
	typeAbort        = 2
	typeAudio        = 8
	typeVideo        = 9
)

// guard passes a connection's bytes on to the RTMP library, and follows the chunk headers in them (RTMP 1.0, 5.3), to
// refuse what is no RTMP or asks for too much memory before the library sees it. It keeps no bytes.
type guard struct {
	r        io.Reader
	maxMedia int // bounds one audio or video message; 0 until the publisher is admitted
	err      error

	state     guardState
	need      int // bytes that the state still waits for
	header    [11]byte
	filled    int // bytes of header
	format    byte
	chunkSize int
	stream    *chunkStream
	streams   [64]chunkStream
	unread    int // announced bytes of unfinished messages, on all chunk streams
}

type guardState uint8

const (
	atVersion guardState = iota
	inHandshake
	atChunk
	inHeader
	inExtended
	inBody
)

type chunkStream struct {
	length, received int
	kind             byte
	extended         bool
	control          [4]byte // the first bytes of a message, for control messages
}

func newGuard(r io.Reader) guard {
	return guard{r: r, chunkSize: minChunkSize}
}

func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if g.err = g.scan(p[:n]); g.err != nil {
		return 0, g.err
	}
	return n, err
}

func (g *guard) scan(b []byte) error {
	for len(b) > 0 {
		n := 1
		switch g.state {
		case atVersion:
			if err := checkVersion(b[0]); err != nil {
				return err
			}
			g.state, g.need = inHandshake, handshakeTail
		case atChunk:
			g.basicHeader(b[0])
		default:
			n = min(g.need, len(b))
			g.take(b[:n])
		}
		b = b[n:]
		if err := g.advance(); err != nil {
			return err
		}
	}
	return nil
}

// take takes in the next bytes of a part that was waited for.
func (g *guard) take(b []byte) {
	g.need -= len(b)
	switch s := g.stream; g.state {
	case inHeader, inExtended:
		g.filled += copy(g.header[g.filled:], b)
	case inBody:
		if s.received < len(s.control) {
			copy(s.control[s.received:], b)
		}
		s.received += len(b)
	default: // the handshake is not looked at
	}
}

func checkVersion(b byte) error {
	switch b {
	case 3:
		return nil
	case 6:
		return ingest.BadData("encrypted RTMP (rtmpe://) is not supported: use rtmp:// or rtmps://")
	case 0x16:
		return ingest.BadData("this is TLS, and the port takes plain RTMP: use rtmp://, or the port for rtmps://")
	case 'G', 'P', 'H', 'O', 'C', 'D':
		return ingest.BadData("this looks like HTTP, and the port takes RTMP")
	default:
		return ingest.BadData(fmt.Sprintf("this is not RTMP: it begins with byte 0x%02x", b))
	}
}

func (g *guard) basicHeader(b byte) {
	g.format = b >> 6
	g.stream = &g.streams[b&0x3f] // ids 0 and 1 announce longer ids, which the library refuses
	g.filled = 0
	g.need = [4]int{11, 7, 3, 0}[g.format]
	g.state = inHeader
}

// advance goes on from a part of a chunk that is complete.
func (g *guard) advance() error {
	for g.need == 0 {
		switch g.state {
		case inHandshake:
			g.state = atChunk
			return nil
		case inHeader:
			if g.messageHeader() {
				g.state, g.need, g.filled = inExtended, 4, 0
				return nil
			}
			if err := g.beginBody(); err != nil {
				return err
			}
		case inExtended:
			if g.format < 3 {
				g.stream.extended = binary.BigEndian.Uint32(g.header[:]) >= 0xffffff
			}
			if err := g.beginBody(); err != nil {
				return err
			}
		case inBody:
			g.state = atChunk
			return g.endBody()
		default:
			return nil
		}
	}
	return nil
}

// messageHeader takes in a chunk's message header, and reports whether an extended timestamp follows.
func (g *guard) messageHeader() (extended bool) {
	s := g.stream
	if g.format == 3 {
		return s.extended
	}
	if g.format < 2 && s.received == 0 {
		s.length = int(g.header[3])<<16 | int(g.header[4])<<8 | int(g.header[5])
		s.kind = g.header[6]
	}
	s.extended = false
	return g.header[0] == 0xff && g.header[1] == 0xff && g.header[2] == 0xff
}

func (g *guard) beginBody() error {
	s := g.stream
	if s.received > 0 && g.format != 3 {
		return ingest.BadData("a message begins inside another one")
	}
	if s.received == 0 {
		limit := maxControl
		if s.kind == typeAudio || s.kind == typeVideo {
			limit = max(limit, g.maxMedia)
		}
		if s.length > limit {
			return &ingest.Refusal{
				Code: ingest.CodeLimit, Message: "a message is too large: lower the bitrate",
				Asked: fmt.Sprintf("%d bytes", s.length), Limit: fmt.Sprintf("%d bytes", limit),
			}
		}
		if g.unread += s.length; g.unread > limit+interleave {
			return ingest.BadData("too many messages are unfinished at once")
		}
	}
	g.state, g.need = inBody, min(s.length-s.received, g.chunkSize)
	return nil
}

func (g *guard) endBody() error {
	s := g.stream
	if s.received < s.length {
		return nil
	}
	s.received = 0
	g.unread -= s.length
	if s.length < len(s.control) {
		return nil // the library refuses control messages that are too short
	}
	switch value := binary.BigEndian.Uint32(s.control[:]); s.kind {
	case typeSetChunkSize:
		if value < minChunkSize {
			return ingest.BadData(fmt.Sprintf("chunk size %d: allowed is %d or more", value, minChunkSize))
		}
		g.chunkSize = int(min(value, 1<<24))
	case typeAbort:
		if value < uint32(len(g.streams)) && g.streams[value].received > 0 {
			g.unread -= g.streams[value].length
			g.streams[value].length, g.streams[value].received = 0, 0
		}
	}
	return nil
}
