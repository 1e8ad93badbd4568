package rtsp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest/ingesttest"
	"castnet/ingest/rtsp"
)

// scripts is a listener whose connections say what they were given, and do not listen.
type scripts struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *scripts) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *scripts) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *scripts) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

type script struct {
	io.Reader
	once   *sync.Once
	closed chan struct{}
}

func (c script) Write(p []byte) (int, error) { return len(p), nil }
func (c script) Close() error                { c.once.Do(func() { close(c.closed) }); return nil }

func (c script) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (c script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (c script) SetDeadline(time.Time) error      { return nil }
func (c script) SetReadDeadline(time.Time) error  { return nil }
func (c script) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession says anything, from the beginning or once its publisher was let in: the connection ends, and so does what was
// published by it.
func FuzzSession(f *testing.F) {
	const sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" +
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtoCgPaEAAADAAQAAAMA8DxYuoA=,aM48gA==; profile-level-id=42C01E\r\na=control:streamid=0\r\n" +
		"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190\r\na=control:streamid=1\r\n"
	ask := func(n int, method, path, headers, body string) string {
		if body != "" {
			headers += fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n", len(body))
		}
		return fmt.Sprintf("%s rtsp://127.0.0.1/live/demo%s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n%s", method, path, n, headers, body)
	}
	announce := ask(1, "ANNOUNCE", "", "", sdp)
	setup := ask(2, "SETUP", "/streamid=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n", "")
	record := ask(3, "RECORD", "", "", "")
	packet := []byte{'$', 0, 0, 17, 0x80, 0xe0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0x65, 0x88, 0x84, 0, 1}
	f.Add(byte(0), []byte(announce+setup+record+string(packet)))
	f.Add(byte(0), []byte(ask(1, "OPTIONS", "", "", "")+ask(2, "DESCRIBE", "", "Accept: application/sdp\r\n", "")))
	f.Add(byte(1), []byte(setup+record+string(packet)))
	f.Add(byte(2), bytes.Repeat(packet, 3))
	f.Add(byte(2), []byte("$\x01\x00\x1c\x80\xc8\x00\x06\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"))
	l := &scripts{conns: make(chan net.Conn), done: make(chan struct{})}
	g := ingesttest.NewGate()
	server, err := rtsp.New(rtsp.Config{Listener: l, Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		f.Fatal(err)
	}
	ingesttest.Run(f, server.Run)
	f.Fuzz(func(t *testing.T, from byte, said []byte) {
		before := []string{"", announce, announce + setup + record}[from%3]
		c := script{io.MultiReader(bytes.NewReader([]byte(before)), bytes.NewReader(said)), new(sync.Once), make(chan struct{})}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		select {
		case l.conns <- c:
		case <-ctx.Done():
			t.Fatal("nobody accepts")
		}
		select {
		case <-c.closed:
		case <-ctx.Done():
			t.Fatal("the connection does not end")
		}
		for {
			select {
			case r := <-g.Sinks:
				select {
				case <-r.Closed:
				case <-ctx.Done():
					t.Fatal("the stream does not end")
				}
				continue
			default:
			}
			return
		}
	})
}
