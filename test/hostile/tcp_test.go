package hostile_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"castnet/test/clip"
	"castnet/test/hostile"
	"castnet/test/publisher"
	"castnet/test/testnet"
)

// record makes the corpus of each port out of real sessions.
func record(t *testing.T, n *testnet.Network) []port {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: 160, Height: 90, FPS: 30, Seconds: 2, GOP: 10, Bitrate: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	ts := transportStream(t, v, sound)
	rtmp := recordRTMP(t, n, v, sound)
	ports := []port{
		tcp("rtmp", host(n.RTMP), nil, rtmp, rtmpBombs()),
		tcp("rtmps", host(n.RTMPS), &tls.Config{InsecureSkipVerify: true}, rtmp, rtmpBombs()),
		tcp("rtmps raw", host(n.RTMPS), nil, append([][]byte{clientHello(t, host(n.RTMPS))}, rtmp...), nil),
		tcp("rtsp", host(n.RTSP), nil, recordRTSP(t, n, v, sound), rtspBombs()),
		leaving(tcp("webrtc tcp", n.WebRTCAddress(), nil, [][]byte{framed(stun("a:b"))}, nil)),
		tcp("http raw", host(n.HTTP), nil, requests(), httpBombs()),
		tcp("metrics", n.MetricsAddress(1), nil, [][]byte{[]byte("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")}, httpBombs()),
		tcp("grpc raw", n.OrchestratorAddress(0), nil, [][]byte{clientHello(t, n.OrchestratorAddress(0))}, nil),
		tcp("grpc http2", n.OrchestratorAddress(0), insecure(), [][]byte{preface()}, nil),
		grpcPort(t, n), httpPort(t, n),
		{name: "http push", throw: (&segmentsByHTTP{n: n, ts: ts}).throw},
	}
	return append(ports, udpPorts(t, n, v, sound, ts)...)
}

// host is the host:port of a URL.
func host(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	address, _, _ := strings.Cut(rest, "/")
	return address
}

// tcp throws spoiled messages, and now and then one of the bombs that were made by hand, at a port. Every connection has
// to end by itself.
func tcp(name, address string, config *tls.Config, messages [][]byte, bombs map[string][]byte) port {
	return port{name: name, throw: func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
		kind, input := hostile.Spoil(r, messages)
		if len(bombs) > 0 && r.IntN(8) == 0 {
			kind, input = pick(r, bombs)
		}
		input = bytes.ReplaceAll(input, []byte(key(0)), []byte(key(r.IntN(spare))))
		var nc net.Conn
		if config == nil {
			nc, err = new(net.Dialer).DialContext(ctx, "tcp", address)
		} else {
			nc, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
		}
		if err != nil {
			return kind, "", err
		}
		defer nc.Close()
		until, limited := ctx.Deadline()
		if !limited {
			until = time.Now().Add(patience)
		}
		if err := nc.SetDeadline(until); err != nil {
			return kind, "", err
		}
		go func() {
			_, _ = nc.Write(input) // the server may have had enough
			if half, ok := nc.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		}()
		answer, err := io.ReadAll(io.LimitReader(nc, 1<<20))
		return kind, closing(answer, err), hung(err)
	}}
}

// leaving has a port's attackers go away after a moment: a connection by ICE may come before the session that it is for,
// and is kept for half a minute.
func leaving(p port) port {
	throw := p.throw
	p.throw = func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		kind, outcome, err = throw(ctx, r)
		if hung(err) != nil || errors.Is(err, errOpen) || ctx.Err() != nil { // a busy machine may take as long to connect
			return kind, "open until we left", nil
		}
		return kind, outcome, err
	}
	return p
}

func pick(r *rand.Rand, from map[string][]byte) (string, []byte) {
	names := make([]string, 0, len(from))
	for name := range from {
		names = append(names, name)
	}
	sortStrings(names)
	name := names[r.IntN(len(names))]
	return name, bytes.Clone(from[name])
}

var said = regexp.MustCompile(`NetStream\.[A-Za-z.]+|(HTTP|RTSP)/1\.[01] \d{3}`)

// closing says how a connection ended.
func closing(answer []byte, err error) string {
	how := "closed"
	if errors.Is(err, syscall.ECONNRESET) {
		how = "reset"
	}
	if all := said.FindAll(answer, -1); all != nil {
		return how + " after " + string(all[len(all)-1])
	}
	if len(answer) > 0 {
		return how + " after an answer"
	}
	return how
}

var errOpen = fmt.Errorf("the connection was open still after %v", patience)

// hung is an error where a connection was not ended.
func hung(err error) error {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return errOpen
	}
	return nil
}

func recordRTMP(t *testing.T, n *testnet.Network, v *clip.Video, sound *clip.Audio) [][]byte {
	t.Helper()
	c, err := publisher.New(publisher.Stream{Track: v.Track, Units: v.Units}, &publisher.Stream{Track: sound.Track, Units: sound.Units})
	if err != nil {
		t.Fatal(err)
	}
	session, err := hostile.RecordTCP(t.Context(), host(n.RTMP), func(address string) error {
		return c.Push(t.Context(), "rtmp://"+address+"/live/"+key(0), publisher.Options{For: 500 * time.Millisecond})
	})
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{session, session[:min(len(session), 4000)]}
}

// transportStream is two seconds of a publisher's.
func transportStream(t *testing.T, v *clip.Video, sound *clip.Audio) []byte {
	t.Helper()
	ts, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-nostdin", "-i", v.File, "-i", sound.File,
		"-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "2", "-f", "mpegts", "pipe:1").Output()
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func recordRTSP(t *testing.T, n *testnet.Network, v *clip.Video, sound *clip.Audio) [][]byte {
	t.Helper()
	run := func(args ...string) func(string) error {
		return func(address string) error {
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "ADDRESS", address)
			}
			out, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("ffmpeg: %w\n%s", err, out)
			}
			return nil
		}
	}
	var sessions [][]byte
	for _, dial := range []func(string) error{
		run("-re", "-i", v.File, "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "1", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://ADDRESS/live/"+key(0)),
	} {
		said, err := hostile.RecordTCP(t.Context(), host(n.RTSP), dial)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, said, said[:min(len(said), 2000)])
	}
	return append(sessions,
		[]byte("OPTIONS rtsp://h/demo RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/demo RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n"+
			"SETUP rtsp://h/demo/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\nPLAY rtsp://h/demo RTSP/1.0\r\nCSeq: 4\r\n\r\n"))
}

// rtmpBombs are made by hand; ingest/rtmp has more, each with its line in the log.
func rtmpBombs() map[string][]byte {
	hello := append([]byte{3}, make([]byte, 2*1536)...)
	chunk := func(kind byte, length int, body []byte) []byte {
		return append([]byte{3, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), kind, 0, 0, 0, 0}, body...)
	}
	with := func(more []byte) []byte { return append(bytes.Clone(hello), more...) }
	deep := append([]byte{2, 0, 7, 'c', 'o', 'n', 'n', 'e', 'c', 't', 0, 0, 0, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{3, 0, 1, 'a'}, 8000)...)
	whole := append([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff}, chunk(20, len(deep), deep)...) // chunks of 16 MiB
	return map[string][]byte{
		"another protocol":     []byte("GET / HTTP/1.1\r\n\r\n"),
		"a handshake of zeros": hello,
		"half a handshake":     hello[:1000],
		"a huge command":       with(chunk(20, 9<<20, nil)),
		"chunks of one byte":   with(append([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 1}, chunk(20, 65535, make([]byte, 4096))...)),
		"an AMF depth bomb":    with(whole),
	}
}

func rtspBombs() map[string][]byte {
	frame := append([]byte{'$', 0, 0xff, 0xff}, make([]byte, 1000)...)
	announce := "ANNOUNCE rtsp://h/live/" + key(0) + " RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"
	sdp := "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=a\r\nt=0 0\r\n" + strings.Repeat("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:x\r\n", 500)
	return map[string][]byte{
		"interleaved frames alone":    bytes.Repeat(frame, 50),
		"a body of 4 GB":              []byte(fmt.Sprintf(announce, 4<<30, "v=0\r\n")),
		"an SDP of 500 tracks":        []byte(fmt.Sprintf(announce, len(sdp), sdp)),
		"an SDP of nothing":           []byte(fmt.Sprintf(announce, 4, "\r\n\r\n")),
		"a header without an end":     append([]byte("OPTIONS rtsp://h/ RTSP/1.0\r\nA: "), bytes.Repeat([]byte("a"), 1<<20)...),
		"a thousand headers":          append([]byte("OPTIONS rtsp://h/ RTSP/1.0\r\n"), append(bytes.Repeat([]byte("A: b\r\n"), 1000), "\r\n"...)...),
		"a path out of the directory": []byte("DESCRIBE rtsp://h/../../../etc/passwd RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
	}
}

// slowloris opens connections that say a byte a second, on every TCP port. The function that it returns ends them, and
// checks that the ports were not taken by them.
func slowloris(t *testing.T, n *testnet.Network) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	openers := map[string]string{
		host(n.RTMP): "\x03", host(n.RTSP): "OPTIONS rtsp://h/", host(n.HTTP): "POST /whip/" + key(1) + " HTTP/1.1\r\nContent-Length: 60000\r\nA: ",
		n.WebRTCAddress(): "\x00", n.MetricsAddress(1): "GET /", n.OrchestratorAddress(0): "\x16\x03\x01",
	}
	var conns []net.Conn
	for address, opener := range openers {
		for range 20 {
			nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = nc.Write([]byte(opener))
			conns = append(conns, nc)
		}
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for _, nc := range conns {
					_, _ = nc.Write([]byte("a")) // cut off, by now
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
		for _, nc := range conns {
			_ = nc.Close()
		}
	}
}
