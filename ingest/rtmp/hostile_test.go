package rtmp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/publisher"
)

// natural loads a clip without B-frames, one key frame a second, and sound.
func natural(tb testing.TB) *publisher.Clip {
	tb.Helper()
	video, err := clip.Make(context.Background(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, GOP: 30})
	if err != nil {
		tb.Fatal(err)
	}
	sound, err := clip.MakeAudio(context.Background(), 48000)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := publisher.New(publisher.Stream{Track: video.Track, Units: video.Units}, &publisher.Stream{Track: sound.Track, Units: sound.Units})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// tap is a listener that keeps what its connections receive.
type tap struct {
	net.Listener
	mu       sync.Mutex
	received []byte
}

type tappedConn struct {
	net.Conn
	tap *tap
}

func (l *tap) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return tappedConn{nc, l}, err
}

func (c tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tap.mu.Lock()
	c.tap.received = append(c.tap.received, p[:n]...)
	c.tap.mu.Unlock()
	return n, err
}

// session is what a publisher with the key "second" sends in half a second: about 60 messages.
func session(tb testing.TB) []byte {
	tb.Helper()
	g := ingesttest.NewGate()
	var l *tap
	address := start(tb, g, func(c *rtmp.Config) {
		l = &tap{Listener: c.Listener}
		c.Listener = l
	})
	if err := natural(tb).Push(context.Background(), "rtmp://"+address+"/live/second", publisher.Options{For: 500 * time.Millisecond}); err != nil {
		tb.Fatal(err)
	}
	<-(<-g.Sinks).Closed
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.received)
}

// hello is the handshake of a client that does not care what comes back.
func hello() []byte { return append([]byte{3}, make([]byte, 2*1536)...) }

// chunk is a whole message in one chunk, of a length that may be a lie.
func chunk(stream, kind byte, length int, body []byte) []byte {
	return append([]byte{stream, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), kind, 0, 0, 0, 0}, body...)
}

// bombs are inputs made by hand, each with what the log must say of it.
func bombs() map[string]struct {
	input []byte
	says  string
} {
	nested := bytes.Repeat([]byte{0x03, 0, 1, 'a'}, 8000) // 8000 AMF objects inside each other
	many := hello()
	for stream := byte(3); stream < 63; stream++ {
		many = append(many, chunk(stream, 20, 32000, make([]byte, 128))...)
	}
	type bomb = struct {
		input []byte
		says  string
	}
	return map[string]bomb{
		"http":              {[]byte("GET / HTTP/1.1\r\n\r\n"), "HTTP"},
		"tls":               {[]byte{0x16, 3, 1, 2, 0}, "TLS"},
		"rtmpe":             {append([]byte{6}, make([]byte, 3072)...), "rtmpe"},
		"garbage":           {bytes.Repeat([]byte{0xee}, 5000), "not RTMP"},
		"huge command":      {append(hello(), chunk(3, 20, 9<<20, nil)...), "too large"},
		"huge video early":  {append(hello(), chunk(6, 9, 9<<20, nil)...), "too large"},
		"many unfinished":   {many, "unfinished"},
		"tiny chunks":       {append(hello(), chunk(2, 1, 4, []byte{0, 0, 0, 1})...), "chunk size 1"},
		"message in one":    {append(append(hello(), chunk(3, 20, 1000, make([]byte, 128))...), chunk(3, 20, 1000, nil)...), "inside another"},
		"deep AMF":          {append(hello(), chunked(3, 20, append([]byte{2, 0, 7, 'c', 'o', 'n', 'n', 'e', 'c', 't', 0, 0, 0, 0, 0, 0, 0, 0, 0}, nested...))...), "too short"},
		"bad AMF":           {append(hello(), chunk(3, 20, 3, []byte{0xff, 1, 2})...), "unsupported marker"},
		"unknown message":   {append(hello(), chunk(3, 99, 1, []byte{0})...), "message type"},
		"command first":     {append(hello(), chunk(3, 20, 16, append([]byte{2, 0, 4, 'p', 'l', 'a', 'y', 0, 0, 0, 0, 0, 0, 0, 0, 0}, 5))...), "invalid command"},
		"extended chunk id": {append(hello(), 0, 0, 0), "chunk stream IDs"},
	}
}

// chunked splits a message into chunks of 128 bytes.
func chunked(stream, kind byte, body []byte) []byte {
	out := chunk(stream, kind, len(body), body[:128])
	for body = body[128:]; len(body) > 0; {
		n := min(128, len(body))
		out = append(append(out, 0xc0|stream), body[:n]...)
		body = body[n:]
	}
	return out
}

// throw sends an input and waits until the server has closed the connection.
func throw(t *testing.T, address string, input []byte) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Error(err)
	}
	go func() {
		_, _ = nc.Write(input) // the server may have had enough
		_ = nc.(*net.TCPConn).CloseWrite()
	}()
	var timeout net.Error
	if _, err := io.Copy(io.Discard, nc); errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the server holds on to %d bytes that begin % x", len(input), input[:min(8, len(input))])
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestBombsGetOneClearLine(t *testing.T) {
	for name, bomb := range bombs() {
		t.Run(name, func(t *testing.T) {
			var log lines
			address := start(t, ingesttest.NewGate(), func(c *rtmp.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			throw(t, address, bomb.input)
			if s := log.String(); !strings.Contains(s, bomb.says) || strings.Count(s, "\n") != 1 || strings.Contains(s, "panic") {
				t.Errorf("the log says %q, want one line with %q", s, bomb.says)
			}
		})
	}
}

// TestHealthyStreamGoesOn publishes in real time while a corpus of mutated sessions is thrown at the same server: the
// healthy stream loses nothing, and memory stays bounded.
func TestHealthyStreamGoesOn(t *testing.T) {
	recorded := session(t)
	var corpus [][]byte
	for _, b := range bombs() {
		corpus = append(corpus, b.input)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		corpus = append(corpus, mutate(rng, recorded))
	}

	var log lines
	g := ingesttest.NewGate()
	address := start(t, g, func(c *rtmp.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	healthy := make(chan error, 1)
	c := natural(t)
	go func() {
		healthy <- c.Push(t.Context(), "rtmp://"+address+"/live/demo", publisher.Options{For: 4 * time.Second})
	}()
	r := g.Next(t)

	inputs := make(chan []byte)
	var throwers sync.WaitGroup
	for range 4 {
		throwers.Go(func() {
			for input := range inputs {
				throw(t, address, input)
			}
		})
	}
	for _, input := range corpus {
		inputs <- input
	}
	close(inputs)
	throwers.Wait()

	if err := <-healthy; err != nil {
		t.Fatalf("the healthy publisher: %v", err)
	}
	<-r.Closed
	units := r.Units[media.H264]
	if r.Reason != nil || len(units) != 120 || r.Dropped != 0 {
		t.Fatalf("the healthy stream: %d of 120 pictures, %v", len(units), r.Reason)
	}
	for i, u := range units {
		if want := (int64(i)*1000 + 15) / 30 * 90; u.PTS != want {
			t.Fatalf("picture %d has PTS %d, want %d", i, u.PTS, want)
		}
	}
	if strings.Contains(log.String(), "panic") {
		t.Error(log.String())
	}
	g.Sinks = nil
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	if mem.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB are still in use", mem.HeapAlloc>>20)
	}
}

// mutate cuts, flips, repeats or inserts.
func mutate(rng *rand.Rand, session []byte) []byte {
	out := bytes.Clone(session)
	const handshake = 3073
	for range 1 + rng.IntN(4) {
		at := handshake + rng.IntN(min(len(out)-handshake, 1+rng.IntN(len(out)-handshake)))
		switch rng.IntN(5) {
		case 0:
			out = out[:at+1]
		case 1:
			out[at] ^= 1 << rng.IntN(8)
		case 2:
			n := min(rng.IntN(64), len(out)-at)
			out = append(out[:at:at], out[at+n:]...)
		case 3:
			out = append(out[:at:at], append(bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(64)), out[at:]...)...)
		case 4:
			if len(out) >= at+4 {
				binary.BigEndian.PutUint32(out[at:], rng.Uint32())
			}
		}
		if len(out) <= handshake+1 {
			break
		}
	}
	return out
}

// scripts is a listener of connections that have said all they will say.
type scripts struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *scripts) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *scripts) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *scripts) Addr() net.Addr { return &net.TCPAddr{} }

// script is one such connection: it never blocks, and does not listen.
type script struct {
	io.Reader
	closed chan struct{}
}

func (c script) Write(p []byte) (int, error)      { return len(p), nil }
func (c script) Close() error                     { close(c.closed); return nil }
func (c script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c script) SetDeadline(time.Time) error      { return nil }
func (c script) SetReadDeadline(time.Time) error  { return nil }
func (c script) SetWriteDeadline(time.Time) error { return nil }

// TestBytesThatDribble: a session is the same whether it comes at once or byte by byte, after others on the same buffers.
func TestBytesThatDribble(t *testing.T) {
	recorded := session(t)
	p := &scripts{conns: make(chan net.Conn), done: make(chan struct{})}
	g := ingesttest.NewGate()
	start(t, g, func(c *rtmp.Config) { c.Listener = p })
	var first []*media.Unit
	for i, read := range []func(io.Reader) io.Reader{iotest.DataErrReader, iotest.OneByteReader, iotest.HalfReader} {
		c := script{read(bytes.NewReader(recorded)), make(chan struct{})}
		p.conns <- c
		<-c.closed
		units := g.Wait(t).Units[media.H264]
		if i == 0 {
			first = units
		}
		if len(units) == 0 || !reflect.DeepEqual(payloads(units), payloads(first)) {
			t.Errorf("%d pictures, %d when they came at once", len(units), len(first))
		}
	}
}

func payloads(units []*media.Unit) (list [][]byte) {
	for _, u := range units {
		list = append(list, u.Payload)
	}
	return list
}

// FuzzServer sends any bytes after a good beginning: handshake only, or an admitted publisher.
func FuzzServer(f *testing.F) {
	recorded := session(f)
	const handshake = 3073
	metadata := bytes.Index(recorded, []byte("@setDataFrame")) - 3 - 8 // its AMF marker and length, and a short chunk header
	if metadata < handshake {
		f.Fatal("no metadata in the session")
	}
	f.Add(false, recorded[handshake:handshake+2000])
	f.Add(true, recorded[metadata:metadata+4000])
	for _, b := range bombs() {
		f.Add(false, b.input[min(handshake, len(b.input)):])
	}
	p := &scripts{conns: make(chan net.Conn), done: make(chan struct{})}
	g := ingesttest.NewGate()
	var log lines
	server, err := rtmp.New(rtmp.Config{
		Listener: p, Gate: g, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Errorf("Run: %v", err)
		}
	})
	f.Fuzz(func(t *testing.T, publishing bool, data []byte) {
		input := recorded[:handshake]
		if publishing {
			input = recorded[:metadata]
		}
		c := script{io.MultiReader(bytes.NewReader(input), bytes.NewReader(data)), make(chan struct{})}
		p.conns <- c
		<-c.closed
		select {
		case r := <-g.Sinks:
			<-r.Closed
		default:
			if publishing {
				t.Fatal("the publisher was not admitted")
			}
		}
		if strings.Contains(log.String(), "panic") {
			t.Fatal(log.String())
		}
	})
}

func TestPublisherThatVanishesIsNoticed(t *testing.T) {
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	ctx, cancel := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	c := natural(t)
	go func() {
		pushed <- c.Push(ctx, "rtmp://"+address+"/live/demo", publisher.Options{OnSent: func(pts int64, _ time.Time) {
			if pts > 30000 {
				cancel() // in the middle of a GOP
			}
		}})
	}()
	r := g.Wait(t)
	if r.Reason == nil || !strings.Contains(r.Reason.Error(), "goodbye") {
		t.Errorf("closed with %v", r.Reason)
	}
	if err := <-pushed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// The key is free again.
	if err := c.Push(t.Context(), "rtmp://"+address+"/live/demo", publisher.Options{For: 200 * time.Millisecond}); err != nil {
		t.Error(err)
	}
}

func TestTimeouts(t *testing.T) {
	recorded := session(t)
	for name, tc := range map[string]struct {
		input           []byte
		handshake, idle time.Duration // the other one is as long as a busy machine may need
		says            string
	}{
		"half-open":        {nil, 200 * time.Millisecond, time.Minute, "handshake did not come to its end"},
		"half a handshake": {hello()[:2000], 200 * time.Millisecond, time.Minute, "handshake did not come to its end"},
		"no command":       {hello(), 200 * time.Millisecond, time.Minute, "handshake did not come to its end"},
		"media stops":      {recorded[:len(recorded)/2], time.Minute, 300 * time.Millisecond, "nothing came from the publisher"},
	} {
		var log lines
		g := ingesttest.NewGate()
		address := start(t, g, func(c *rtmp.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.HandshakeTimeout, c.IdleTimeout = tc.handshake, tc.idle
		})
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write(tc.input); err != nil {
			t.Fatal(err)
		}
		if err := nc.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(nc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		nc.Close()
		if !strings.Contains(log.String(), tc.says) {
			t.Errorf("%s: the log says %q", name, log.String())
		}
		if name == "media stops" {
			if !bytes.Contains(answer, []byte(tc.says)) {
				t.Errorf("%s: the publisher was not told", name)
			}
			if r := g.Wait(t); ingest.CodeOf(r.Reason) != ingest.CodeLimit {
				t.Errorf("%s: closed with %v", name, r.Reason)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	g := ingesttest.NewGate()
	address := start(t, g, func(c *rtmp.Config) { c.MaxPerAddress = 1 })
	c := natural(t)
	first := make(chan error, 1)
	go func() {
		first <- c.Push(t.Context(), "rtmp://"+address+"/live/demo", publisher.Options{For: time.Second})
	}()
	r := g.Next(t)
	<-r.Started
	err := c.Push(t.Context(), "rtmp://"+address+"/live/second", publisher.Options{})
	if err == nil || !strings.Contains(err.Error(), "--max-connections-per-address") {
		t.Errorf("beyond the limit: %v", err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-r.Closed
}

func TestSinkErrorReachesThePublisher(t *testing.T) {
	g := ingesttest.NewGate()
	g.OnWrite = func(_ *ingesttest.Recorder, u *media.Unit) error {
		if u.PTS > 20000 {
			return &ingest.Refusal{Code: ingest.CodeLimit, Message: "enough of this"}
		}
		return nil
	}
	address := start(t, g, nil)
	err := natural(t).Push(t.Context(), "rtmp://"+address+"/live/demo", publisher.Options{})
	var refused *publisher.Refused
	if !errors.As(err, &refused) || refused.Description != "enough of this" {
		t.Fatalf("got %v", err)
	}
	if r := g.Wait(t); ingest.CodeOf(r.Reason) != ingest.CodeLimit {
		t.Errorf("closed with %v", r.Reason)
	}
}
