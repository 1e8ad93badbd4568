package rtsp_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtsp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// start runs a server until the test ends, and returns its address.
func start(t *testing.T, g ingest.Gate, change func(*rtsp.Config)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := rtsp.Config{
		Listener: listener, Gate: g, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	server, err := rtsp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, server.Run)
	return listener.Addr().String()
}

// udp opens two ports in a row that nobody has.
func udp(t *testing.T) (packets, reports net.PacketConn) {
	t.Helper()
	var err error
	for range 100 {
		free, failed := net.ListenPacket("udp", "127.0.0.1:0")
		if failed != nil {
			t.Fatal(failed)
		}
		at := netip.MustParseAddrPort(free.LocalAddr().String())
		_ = free.Close()
		if packets, reports, err = rtsp.ListenUDP(t.Context(), netip.AddrPortFrom(at.Addr(), at.Port()&^1)); err == nil {
			return packets, reports
		}
	}
	t.Fatal(err)
	return nil, nil
}

// run runs a program and returns what it says.
func run(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	return string(out), err
}

func ffmpeg(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return run(t, "/usr/bin/ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, args...)...)
}

// udpBitrate is so low that a socket's buffer, as kernels have it, holds a second of pictures while a busy machine does not read it:
// some 90 packets.
const udpBitrate = 300_000

// material is a natural clip with B-frames, and sound.
func material(t *testing.T) (video *clip.Video, args []string) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, BFrames: 3, GOP: 30, Bitrate: udpBitrate})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 44100)
	if err != nil {
		t.Fatal(err)
	}
	return video, []string{"-re", "-i", video.File, "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "4"}
}

// TestFFmpegPush takes what ffmpeg pushes by TCP and by UDP: every picture, B-frames in their order, sound beside them.
func TestFFmpegPush(t *testing.T) {
	video, args := material(t)
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			address := start(t, g, func(c *rtsp.Config) { c.RTP, c.RTCP = udp(t) })
			if out, err := ffmpeg(t, append(slices.Clone(args), "-f", "rtsp", "-rtsp_transport", transport, "rtsp://"+address+"/live/demo")...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			if r.Reason != nil || len(r.Tracks) != 2 || r.Tracks[0].Width != 640 || r.Tracks[0].Reorder != 2 || r.Dropped != 0 {
				t.Errorf("ended with %v, %d dropped, tracks %+v", r.Reason, r.Dropped, r.Tracks)
			}
			if request := g.Requests[0]; request.Protocol != "rtsp" || request.Key != "demo" {
				t.Errorf("asked as %+v", request)
			}
			units := r.Units[media.H264]
			if len(units) != len(video.Units) {
				t.Fatalf("%d pictures came of %d", len(units), len(video.Units))
			}
			for i, u := range units {
				want := video.Units[i]
				if off := (u.PTS - units[0].PTS) - (want.PTS - video.Units[0].PTS); off < -1 || off > 1 || u.Key != want.Key || u.DTS > u.PTS {
					t.Fatalf("picture %d: PTS %d, DTS %d, key %v, want %d later than the first", i, u.PTS, u.DTS, u.Key, want.PTS-video.Units[0].PTS)
				}
				if i > 0 && u.DTS <= units[i-1].DTS {
					t.Fatalf("picture %d: DTS %d after %d", i, u.DTS, units[i-1].DTS)
				}
			}
			together(t, r)
		})
	}
}

// TestGoodbyeByRTCP ends a stream whose senders say BYE and no TEARDOWN, as GStreamer's rtspclientsink does, while its
// connection stays. The goodbye of one track is not the other's, one that names somebody else ends nothing that goes on, and
// a picture that was overtaken by its sender's goodbye is taken.
func TestGoodbyeByRTCP(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 1, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	g := ingesttest.NewGate()
	var passed atomic.Int64 // on the server's clock: nothing is late on a slow machine
	address := start(t, g, func(c *rtsp.Config) {
		c.IdleTimeout = time.Hour
		c.Now = func() time.Time { return time.Unix(1_700_000_000, passed.Load()) }
	})
	sets := slices.Collect(media.NALUs(video.Track.Config))
	h264 := &format.H264{PayloadTyp: 96, SPS: sets[0], PPS: sets[1], PacketizationMode: 1}
	pictures := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h264}}
	sound := &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{&format.Opus{PayloadTyp: 97, ChannelCount: 2}}}
	transport := gortsplib.TransportTCP
	client := gortsplib.Client{Transport: &transport}
	if err := client.StartRecording("rtsp://"+address+"/live/demo", &description.Session{Medias: []*description.Media{pictures, sound}}); err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	encoder, err := h264.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var sender uint32
	send := func(units ...*media.Unit) {
		for _, u := range units {
			packets, err := encoder.Encode(slices.Collect(media.NALUs(u.Payload)))
			must(err)
			for _, packet := range packets {
				packet.Timestamp, sender = uint32(u.PTS), packet.SSRC
				must(client.WritePacketRTP(pictures, packet))
			}
		}
	}
	const ofSound = 7
	must(client.WritePacketRTP(sound, &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 97, SSRC: ofSound}, Payload: []byte{0xfc, 0xff, 0xfe}}))
	send(video.Units[:10]...)
	must(client.WritePacketRTCP(sound, &rtcp.Goodbye{Sources: []uint32{ofSound}}))
	must(client.WritePacketRTCP(pictures, &rtcp.Goodbye{Sources: []uint32{sender + 1}}))
	<-time.After(300 * time.Millisecond) // for longer than a tail may be on its way
	passed.Add(int64(300 * time.Millisecond))
	last := len(video.Units) - 1
	send(video.Units[10:last]...)
	must(client.WritePacketRTCP(pictures, &rtcp.Goodbye{Sources: []uint32{sender}}))
	send(video.Units[last])
	r := g.Next(t)
	for r.Count(media.H264) < len(video.Units) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-r.Closed:
			t.Fatalf("it was over after %d of %d pictures: %v", r.Count(media.H264), len(video.Units), r.Reason)
		}
	}
	passed.Add(int64(time.Minute))
	select {
	case <-r.Closed:
	case <-time.After(2 * time.Minute):
		t.Fatal("it was never over")
	}
	if r.Reason != nil {
		t.Errorf("ended with %v", r.Reason)
	}
}

// TestSoundAlone takes a stream without pictures, whose sound begins at once.
func TestSoundAlone(t *testing.T) {
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	if out, err := ffmpeg(t, "-re", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac",
		"-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+"/live/demo"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r := g.Wait(t)
	if r.Reason != nil || len(r.Tracks) != 1 || r.Tracks[0].Codec != media.AAC || r.Starts != 1 || len(r.Units[media.AAC]) < 30 {
		t.Errorf("ended with %v, tracks %+v, %d packets", r.Reason, r.Tracks, len(r.Units[media.AAC]))
	}
}

// together checks that sound is whole and begins where the pictures do, within 45 ms.
func together(t *testing.T, r *ingesttest.Recorder) {
	t.Helper()
	sound := r.Units[media.AAC]
	if track := r.Tracks[1]; track.ClockRate != 44100 || track.Channels != 2 || len(sound) < 165 {
		t.Fatalf("sound %+v, %d packets", track, len(sound))
	}
	for i, u := range sound[1:] {
		if u.PTS != sound[i].PTS+1024 {
			t.Fatalf("packet %d of sound at %d, the one before at %d", i+1, u.PTS, sound[i].PTS)
		}
	}
	pictures := r.Units[media.H264]
	last := func(u *media.Unit, rate int) time.Duration {
		return time.Duration(u.PTS) * time.Second / time.Duration(rate)
	}
	end := slices.MaxFunc(pictures, func(a, b *media.Unit) int { return int(a.PTS - b.PTS) })
	if off := last(sound[len(sound)-1], 44100) - last(end, media.VideoClockRate); off < -90*time.Millisecond || off > 90*time.Millisecond {
		t.Errorf("sound ends %v after the pictures", off) // both files are cut at 4 s, to a picture and a packet
	}
}

// TestCodecs takes the other codecs, made by ffmpeg.
func TestCodecs(t *testing.T) {
	for _, tc := range []struct {
		codec media.Codec
		args  []string
	}{
		{media.HEVC, []string{"libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=0:keyint=30"}},
		{media.VP8, []string{"libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30"}},
		{media.VP9, []string{"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-lag-in-frames", "0", "-strict", "experimental"}},
	} {
		t.Run(tc.codec.String(), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "made.mkv")
			args := append([]string{
				"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=3", "-f", "lavfi", "-i", "sine=duration=3:sample_rate=48000",
				"-pix_fmt", "yuv420p", "-c:v",
			}, tc.args...)
			if out, err := ffmpeg(t, append(args, "-c:a", "libopus", "-ac", "2", file)...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			g := ingesttest.NewGate()
			address := start(t, g, nil)
			if out, err := ffmpeg(t, "-re", "-i", file, "-c", "copy", "-strict", "experimental", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+"/live/demo"); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			if n := len(r.Units[tc.codec]); r.Reason != nil || n != 90 || r.Tracks[0].Width != 320 {
				t.Errorf("ended with %v, %d pictures, tracks %+v", r.Reason, n, r.Tracks)
			}
			if n := len(r.Units[media.Opus]); n < 149 {
				t.Errorf("%d packets of sound", n)
			}
		})
	}
}

// TestSounds takes several tracks of sound, AAC as RFC 3640 and as RFC 6416 pack it, and Opus.
func TestSounds(t *testing.T) {
	for name, more := range map[string][]string{"": nil, "latm": {"-rtpflags", "latm"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			args := []string{"-re", "-f", "lavfi", "-i", "sine=duration=2:sample_rate=48000", "-f", "lavfi", "-i", "sine=duration=2:sample_rate=44100"}
			args = append(args, "-map", "0", "-map", "1", "-map", "0", "-c:a:0", "aac", "-c:a:1", "aac", "-ac:a:1", "2", "-c:a:2", "libopus", "-strict", "experimental")
			args = append(args, more...)
			if out, err := ffmpeg(t, append(args, "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+start(t, g, nil)+"/live/demo")...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			if r.Reason != nil || r.Starts != 1 || len(r.Tracks) != 3 {
				t.Fatalf("ended with %v, named %d times: %d tracks", r.Reason, r.Starts, len(r.Tracks))
			}
			for i, want := range []struct {
				codec           media.Codec
				rate, n, packet int
			}{{media.AAC, 48_000, 1, 1024}, {media.AAC, 44_100, 2, 1024}, {media.Opus, 48_000, 2, 960}} {
				track, units := r.Tracks[i], r.ByTrack[i]
				if track.Codec != want.codec || track.ClockRate != want.rate || track.Channels != want.n && track.Codec == media.AAC {
					t.Errorf("track %d is %+v", i, track)
				}
				if n := len(units) * want.packet; n < 2*want.rate-8*want.packet { // ffmpeg keeps the last packets that fill no RTP packet
					t.Errorf("track %d lasts %d samples", i, n)
				}
			}
		})
	}
}

// TestRefusals checks that a person reads the reason in ffmpeg's own words.
func TestRefusals(t *testing.T) {
	_, args := material(t)
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	for _, tc := range []struct {
		name, path string
		args       []string
		says       string
	}{
		{"wrong key", "/live/nope", args, "403"},
		{"no key", "/live/", args, "403"},
		{"elsewhere", "/cam", args, "403"},
		{"codec", "/live/demo", []string{"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=1", "-c:v", "mpeg4"}, "415"},
		{"sound", "/live/demo", []string{"-f", "lavfi", "-i", "sine=duration=1", "-c:a", "mp2"}, "415"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := ffmpeg(t, append(slices.Clone(tc.args), "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+tc.path)...)
			if err == nil || !strings.Contains(out, tc.says) {
				t.Errorf("ffmpeg (%v) says %q, want %q", err, out, tc.says)
			}
		})
	}
	if len(g.Requests) > 1 {
		t.Errorf("the gate was asked %d times", len(g.Requests))
	}
}

// TestGarbage sends what is no RTSP, beside a healthy publisher that loses nothing.
func TestGarbage(t *testing.T) {
	video, args := material(t)
	g := ingesttest.NewGate()
	address := start(t, g, func(c *rtsp.Config) { c.MaxPerAddress = 20 })
	healthy := make(chan error, 1)
	go func() {
		out, err := ffmpeg(t, append(slices.Clone(args), "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+"/live/demo")...)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		healthy <- err
	}()
	r := g.Next(t)
	for name, input := range map[string][]byte{
		"bytes":        bytes.Repeat([]byte{0xee}, 9000),
		"http":         []byte("GET / HTTP/1.1\r\n\r\n"),
		"long line":    append([]byte("OPTIONS rtsp://"), bytes.Repeat([]byte("a"), 1<<20)...),
		"many headers": []byte("OPTIONS rtsp://x/ RTSP/1.0\r\n" + strings.Repeat("A: b\r\n", 100000)),
		"huge body":    []byte("ANNOUNCE rtsp://x/live/second RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 999999999\r\n\r\nv=0"),
		"bad sdp":      []byte("ANNOUNCE rtsp://x/live/second RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 12\r\n\r\nv=0\r\nm=video\r\n"),
		"no session":   []byte("RECORD rtsp://x/live/second RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
		"interleaved":  {'$', 0, 0xff, 0xff, 1, 2, 3},
		"up and out":   []byte("DESCRIBE rtsp://x/../../etc/passwd RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(name, err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = c.Write(input) // it may be cut off
		answer := make([]byte, 4096)
		n, _ := c.Read(answer)
		if strings.Contains(string(answer[:n]), "200 OK") {
			t.Errorf("%s: %.200s", name, answer[:n])
		}
		_ = c.Close()
	}
	if err := <-healthy; err != nil {
		t.Error(err)
	}
	<-r.Closed
	if n := len(r.Units[media.H264]); n != len(video.Units) || r.Reason != nil {
		t.Errorf("the healthy publisher ended with %v after %d pictures of %d", r.Reason, n, len(video.Units))
	}
}
