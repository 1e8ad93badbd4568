package rtmp

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/message"
)

// handshakeBytes is the size of C1, S1, C2 and S2 (RTMP 1.0, 5.2).
const handshakeBytes = 1536

// newGreeting makes S0 and S1, which are the same for every publisher: the bytes after S1's two numbers, both 0, only let an
// end tell its own handshake from the other's.
func newGreeting() ([]byte, error) {
	greeting := make([]byte, 1+handshakeBytes)
	greeting[0] = 3 // the version
	if _, err := rand.Read(greeting[1+8:]); err != nil {
		return nil, fmt.Errorf("rtmp: random bytes: %w", err)
	}
	return greeting, nil
}

// wire carries a connection's messages: bytes pass the guard and the RTMP library's reader on their way in, its writer and
// the link on their way out. Its buffers serve one connection after the other.
type wire struct {
	link  link
	guard guard
	count *bytecounter.Reader // what passed the guard, for acknowledgements
	in    *bufio.Reader       // the library takes both as they are, and makes none of its own
	out   *bufio.Writer

	reader *message.Reader
	writer *message.Writer
}

func newWire() *wire {
	w := &wire{link: link{out: make([]byte, 0, 1+2*handshakeBytes)}}
	w.count = bytecounter.NewReader(&w.guard)
	w.in = bufio.NewReader(w.count)
	w.out = bufio.NewWriter(&w.link)
	return w
}

// attach begins a connection.
func (w *wire) attach(rw io.ReadWriter) {
	w.link = link{net: rw, out: w.link.out[:0]}
	w.guard = newGuard(&w.link)
	w.count.SetCount(0)
	w.in.Reset(w.count)
	w.out.Reset(&w.link)
	w.reader = message.NewReader(w.in, w.count, func(count uint32) error {
		return w.write(&message.Acknowledge{Value: count})
	})
	w.writer = message.NewWriter(w.out, nil, false) // acknowledgements are not waited for, so nothing is counted
}

// detach ends the connection: nothing of it is kept.
func (w *wire) detach() {
	w.link.net, w.reader, w.writer = nil, nil, nil
}

// shakeHands answers a plain handshake; the guard lets no other one through.
func (w *wire) shakeHands(greeting []byte) error {
	hello, err := w.in.Peek(1 + handshakeBytes)
	if err != nil {
		return err
	}
	w.link.out = append(append(w.link.out, greeting...), hello[1:]...) // S2 is C1
	_, err = w.in.Discard(1 + 2*handshakeBytes)                        // C2 comes when S1 has
	return err
}

// read returns the next message, once what was written is on its way.
func (w *wire) read() (message.Message, error) {
	msg, err := w.reader.Read()
	if err != nil {
		return nil, err
	}
	if ping, ok := msg.(*message.UserControlPingRequest); ok {
		return msg, w.write(&message.UserControlPingResponse{ServerTime: ping.ServerTime})
	}
	return msg, nil
}

// write keeps messages until the next read or flush.
func (w *wire) write(messages ...message.Message) error {
	for _, m := range messages {
		if err := w.writer.Write(m); err != nil {
			return err
		}
	}
	return nil
}

// link sends what was written when the publisher's answer is waited for, so that the nine pieces of the handshake and of
// our answers are four packets: what a packet costs is not its bytes.
type link struct {
	net io.ReadWriter
	out []byte
}

// Read sends what was written, and reads.
func (l *link) Read(p []byte) (int, error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	return l.net.Read(p)
}

// Write keeps p until the next Read or flush. What is written is bounded by what is read.
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
