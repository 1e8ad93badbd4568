package tsstream_test

import (
	"bytes"
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/tsstream"
	"castnet/test/clip"
)

// FuzzStream reads any bytes as a transport stream that breaks off somewhere, and then again from its beginning, as pushed
// segments are: what comes of it is in order, and nothing comes twice.
func FuzzStream(f *testing.F) {
	video, err := clip.Make(f.Context(), clip.Spec{Width: 160, Height: 90, FPS: 30, Seconds: 2, GOP: 10, Bitrate: 100_000})
	if err != nil {
		f.Fatal(err)
	}
	sound, err := clip.MakeAudio(f.Context(), 48_000)
	if err != nil {
		f.Fatal(err)
	}
	for _, codecs := range [][]string{{"-c", "copy"}, {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "libopus"}} {
		args := append([]string{"-v", "error", "-i", video.File, "-i", sound.File, "-map", "0:v", "-map", "1:a"}, codecs...)
		ts, err := exec.CommandContext(f.Context(), "/usr/bin/ffmpeg", append(args, "-t", "0.4", "-f", "mpegts", "pipe:1")...).Output()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ts, uint16(len(ts)/2))
		f.Add(ts[:min(len(ts), 20*188)], uint16(0))
	}
	metrics, err := ingest.NewMetrics(prometheus.NewRegistry(), "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	f.Fuzz(func(t *testing.T, ts []byte, cut uint16) {
		g := ingesttest.NewGate()
		sink, err := g.Publish(context.Background(), ingest.Request{Key: "demo"})
		if err != nil {
			t.Fatal(err)
		}
		s := tsstream.New(sink, metrics, now)
		err = s.Read(bytes.NewReader(ts[:min(int(cut), len(ts))]))
		if err == nil {
			err = s.ReadAgain(bytes.NewReader(ts))
		}
		sink.Close(err)
		for codec, units := range (<-g.Sinks).Units {
			for i, u := range units {
				if len(u.Payload) == 0 || u.PTS < u.DTS || i > 0 && u.DTS <= units[i-1].DTS {
					t.Fatalf("%v unit %d: PTS %d, DTS %d, %d bytes", codec, i, u.PTS, u.DTS, len(u.Payload))
				}
			}
		}
	})
}
