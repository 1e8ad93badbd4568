package rtsp_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/rtsp"
	"castnet/ingest/ingesttest"
	rtspserver "castnet/ingest/rtsp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// udpBitrate is so low that a socket's buffer, as kernels have it, holds a second of pictures while a busy machine does not read it:
// some 90 packets.
const udpBitrate = 300_000

type directory map[string]*playback.Hub

func (d directory) Hub(id string) (*playback.Hub, bool) { h, ok := d[id]; return h, ok }

// rig is a server with one stream, "demo", of a clip with B-frames and sound.
type rig struct {
	*testing.T
	address string
	hub     *playback.Hub
	asked   chan int // rungs that a key picture was asked for
	video   *clip.Video
	sound   *clip.Audio
	sent    atomic.Int64 // pictures, by publish
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, asked: make(chan int, 100)}
	log := slog.New(slog.DiscardHandler)
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	r.hub, err = playback.New(playback.Config{ID: "demo", Logger: log, Metrics: metrics, OnKeyRequest: func(rung int) { r.asked <- rung }})
	must(t, err)
	r.video, err = clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, BFrames: 3, GOP: 30, Bitrate: udpBitrate})
	must(t, err)
	r.sound, err = clip.MakeAudio(t.Context(), 48000)
	must(t, err)
	player, err := rtsp.New(rtsp.Config{Directory: directory{"demo": r.hub}, Metrics: metrics, Logger: log})
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	cfg := rtspserver.Config{Listener: listener, Gate: ingesttest.NewGate(), Player: player, Logger: log, Registerer: prometheus.NewRegistry()}
	for range 100 { // until two ports in a row are free
		free, failed := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, failed)
		at := netip.MustParseAddrPort(free.LocalAddr().String())
		must(t, free.Close())
		if cfg.RTP, cfg.RTCP, err = rtspserver.ListenUDP(t.Context(), netip.AddrPortFrom(at.Addr(), at.Port()&^1)); err == nil {
			break
		}
	}
	must(t, err)
	server, err := rtspserver.New(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{player.Run, server.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	r.address = listener.Addr().String()
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish publishes the clip on its clock, round and round, until done; then it ends the stream. It returns the PTS of the
// last picture in display order.
func (r *rig) publish(done <-chan struct{}) (last int64) {
	r.hub.AddAudio(0, r.sound.Track)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	heard := 0
	const round = 4 * media.VideoClockRate
	for i := 0; ; i++ {
		n := len(r.video.Units)
		u := *r.video.Units[i%n]
		if u.Key {
			select {
			case <-done:
				r.hub.Close(nil)
				return last
			default:
			}
		}
		u.PTS += int64(i/n) * round
		u.DTS += int64(i/n) * round
		if u.Key {
			must(r.T, r.hub.StartSegment(&media.Segment{Seq: uint64(i / 30), FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.video.Track}))
		}
		must(r.T, r.hub.PublishSource(&u))
		if i == 0 {
			must(r.T, r.hub.SetLadder(nil))
		}
		last = max(last, u.PTS)
		r.sent.Add(1)
		for ; int64(heard)*1024*media.VideoClockRate/48000 < u.DTS; heard++ {
			s := *r.sound.Units[heard%len(r.sound.Units)]
			s.PTS, s.DTS = int64(heard)*1024, int64(heard)*1024
			must(r.T, r.hub.PublishAudio(0, media.AAC, &s))
		}
		<-tick.C
	}
}

// TestFFmpegPlays lets ffmpeg play by TCP and by UDP, several at once: each gets every picture from where it begins to the
// stream's end, and sound beside them.
func TestFFmpegPlays(t *testing.T) {
	r := newRig(t)
	done := make(chan struct{})
	var last int64
	var publishing sync.WaitGroup
	publishing.Go(func() { last = r.publish(done) })
	<-r.hub.Ready()

	var players sync.WaitGroup
	results := make([][]byte, 4)
	for i := range results {
		transport := []string{"tcp", "udp"}[i%2]
		players.Go(func() {
			out, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-rtsp_transport", transport, "-copyts",
				"-i", "rtsp://"+r.address+"/demo", "-c", "copy", "-f", "framecrc", "-").Output()
			if err != nil {
				t.Errorf("ffmpeg by %s: %v", transport, err)
			}
			results[i] = out
		})
	}
	r.joined(len(results))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for enough := r.sent.Load() + 4*30; r.sent.Load() < enough; { // what each sees
		<-tick.C
	}
	close(done)
	publishing.Wait()
	players.Wait()
	for i, out := range results {
		pictures, packets := r.count(out)
		if pictures < 60 || packets < 100 {
			t.Errorf("player %d: %d pictures, %d packets of sound", i, pictures, packets)
		}
	}
	if last == 0 {
		t.Error("nothing was published")
	}
	r.joined(0) // they have hung up
}

// count reads ffmpeg's list of packets, and checks by their checksums that each picture is the one published after the one
// before. Their times are ffmpeg's own guess: what it makes up for the first ones depends on how much it saw before it had to.
func (r *rig) count(list []byte) (pictures, packets int) {
	r.Helper()
	published := make(map[string]int) // pictures' numbers by what ffmpeg makes of them
	for i, u := range r.video.Units {
		var annexB []byte
		for nalu := range media.NALUs(u.Payload) {
			annexB = append(append(annexB, 0, 0, 0, 1), nalu...)
		}
		published[strconv.Itoa(len(annexB))+" "+checksum(annexB)] = i
	}
	next := -1
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(fields) < 6 {
			continue
		}
		if fields[0] != "0" {
			packets++
			continue
		}
		n, known := published[strings.TrimSpace(fields[4])+" "+strings.TrimSpace(fields[5])]
		if !known || next >= 0 && n != next {
			r.Errorf("picture %d of those that came is number %d of the clip (known: %v), expected was %d", pictures, n, known, next)
		}
		next = (n + 1) % len(r.video.Units)
		pictures++
	}
	return pictures, packets
}

// checksum is that of ffmpeg's list: Adler-32, but begun with zero.
func checksum(data []byte) string {
	var a, b uint32
	for _, x := range data {
		a = (a + uint32(x)) % 65521
		b = (b + a) % 65521
	}
	return fmt.Sprintf("0x%08x", b<<16|a)
}

func TestRefusals(t *testing.T) {
	r := newRig(t)
	must(t, r.hub.StartSegment(&media.Segment{Track: r.video.Track}))
	for path, says := range map[string]string{"/nothing": "404", "/demo/999p": "404", "/live/demo": "404", "/": "404"} {
		var out bytes.Buffer
		player := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", "rtsp://"+r.address+path, "-f", "null", "-")
		player.Stderr = &out
		if err := player.Run(); err == nil || !strings.Contains(out.String(), says) {
			t.Errorf("%s: ffmpeg (%v) says %q", path, err, out.String())
		}
	}
}
