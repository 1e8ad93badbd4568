package srt_test

import (
	"context"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/srt"
	"castnet/internal/media"
	"castnet/test/clip"
)

// start runs a server until the test ends, and returns its address.
func start(t *testing.T, g ingest.Gate, change func(*srt.Config)) string {
	t.Helper()
	cfg := srt.Config{Address: "127.0.0.1:0", Gate: g, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: prometheus.NewRegistry()}
	if change != nil {
		change(&cfg)
	}
	server, err := srt.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, server.Run)
	return server.Address()
}

// material is a natural clip with B-frames, and sound.
func material(t *testing.T) (video *clip.Video, args []string) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, BFrames: 3, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 44100)
	if err != nil {
		t.Fatal(err)
	}
	return video, []string{"-re", "-i", video.File, "-i", sound.File, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", "4"}
}

// patient makes ffmpeg wait 2 s, in µs, before it gives a packet up, and up to 5 s until all is sent at the end: SRT drops what
// a busy machine is late with, and what is not sent when the connection is closed, and the tests that count pictures are not about that.
const patient = "&latency=2000000&linger=5"

func push(t *testing.T, url string, args []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args = append(append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, args...), "-f", "mpegts", url)
	out, err := exec.CommandContext(ctx, "/usr/bin/ffmpeg", args...).CombinedOutput()
	return string(out), err
}

// TestFFmpegPush takes what ffmpeg pushes, in the clear and encrypted: every picture, B-frames in their order, sound beside
// them.
func TestFFmpegPush(t *testing.T) {
	video, args := material(t)
	for passphrase, query := range map[string]string{"": "", "correct horse": "&passphrase=correct+horse&pbkeylen=16"} {
		t.Run("passphrase "+passphrase, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			address := start(t, g, func(c *srt.Config) { c.Passphrase = passphrase })
			if out, err := push(t, "srt://"+address+"?streamid=publish:demo"+patient+strings.ReplaceAll(query, "+", " "), args); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := g.Wait(t)
			if r.Reason != nil || len(r.Tracks) != 2 || r.Tracks[0].Width != 640 || r.Tracks[0].Reorder != 2 || r.Dropped != 0 {
				t.Errorf("ended with %v, %d dropped, tracks %+v", r.Reason, r.Dropped, r.Tracks)
			}
			units := r.Units[media.H264]
			if len(units) != len(video.Units) {
				t.Fatalf("%d pictures came of %d", len(units), len(video.Units))
			}
			for i, u := range units {
				want := video.Units[i]
				if u.PTS-units[0].PTS != want.PTS-video.Units[0].PTS || u.Key != want.Key || i > 0 && u.DTS <= units[i-1].DTS || u.DTS > u.PTS {
					t.Fatalf("picture %d: PTS %d, DTS %d, key %v, want %d later than the first", i, u.PTS, u.DTS, u.Key, want.PTS-video.Units[0].PTS)
				}
			}
			sound := r.Units[media.AAC]
			if len(sound) < 150 {
				t.Errorf("%d packets of sound", len(sound))
			}
			for i, u := range sound[1:] {
				if u.PTS != sound[i].PTS+1024 {
					t.Fatalf("packet %d of sound at %d, the one before at %d", i+1, u.PTS, sound[i].PTS)
				}
			}
		})
	}
}

// TestVanished: a publisher that is gone without a goodbye may come back.
func TestVanished(t *testing.T) {
	_, args := material(t)
	g := ingesttest.NewGate()
	address := start(t, g, func(c *srt.Config) { c.IdleTimeout = 2 * time.Second })
	cmd := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", slices.Concat([]string{"-v", "error", "-nostdin", "-stream_loop", "-1"}, args[:len(args)-2], []string{"-f", "mpegts", "srt://" + address + "?streamid=publish:demo"})...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := <-g.Sinks
	<-r.Started
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	<-r.Closed
	if r.Reason == nil || ingest.CodeOf(r.Reason) == ingest.CodeBadData {
		t.Errorf("it ended with %v", r.Reason)
	}
}

func TestRefusals(t *testing.T) {
	_, args := material(t)
	g := ingesttest.NewGate()
	open := start(t, g, nil)
	closed := start(t, g, func(c *srt.Config) { c.Passphrase = "correct horse" })
	for name, url := range map[string]string{
		"wrong key":        open + "?streamid=publish:nope",
		"no key":           open + "?streamid=publish:",
		"no stream id":     open,
		"to play":          open + "?streamid=read:demo",
		"not encrypted":    closed + "?streamid=publish:demo",
		"wrong passphrase": closed + "?streamid=publish:demo&passphrase=battery staple",
		"encrypted":        open + "?streamid=publish:demo&passphrase=battery staple",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := push(t, "srt://"+url, append(slices.Clone(args), "-t", "1")); err == nil {
				t.Errorf("ffmpeg was let in: %s", out)
			}
		})
	}
	t.Cleanup(func() {
		for _, r := range g.Requests {
			if r.Key != "nope" {
				t.Errorf("the gate was asked for %+v", r)
			}
		}
	})
}

// TestGarbage sends what is no SRT and no transport stream, beside a healthy publisher that loses nothing.
func TestGarbage(t *testing.T) {
	video, args := material(t)
	g := ingesttest.NewGate()
	address := start(t, g, nil)
	healthy := make(chan string, 1)
	go func() {
		out, err := push(t, "srt://"+address+"?streamid=publish:demo"+patient, args)
		if err == nil {
			out = ""
		}
		healthy <- out
	}()
	r := g.Next(t)
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		packet := make([]byte, i%1500)
		for j := range packet {
			packet[j] = byte(i*31 + j*7)
		}
		_, _ = c.Write(packet)
		if i%50 == 0 { // a flood would be a test of the kernel's buffers
			<-time.After(2 * time.Millisecond)
		}
	}
	_ = c.Close()
	if out := <-healthy; out != "" {
		t.Error(out)
	}
	<-r.Closed
	if n := len(r.Units[media.H264]); n != len(video.Units) || r.Reason != nil {
		t.Errorf("the healthy publisher ended with %v after %d pictures of %d", r.Reason, n, len(video.Units))
	}
}
