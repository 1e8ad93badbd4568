package publisher_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/publisher"
)

// sink keeps the PTS of the pictures, and counts the packets of sound.
type sink struct {
	tracks []*media.Track
	pts    []int64
	sounds int
	reason error
	done   chan struct{}
}

func (s *sink) Publish(context.Context, ingest.Request) (ingest.Sink, error) { return s, nil }
func (s *sink) Start(tracks []*media.Track) error                            { s.tracks = tracks; return nil }

func (s *sink) Close(reason error) { s.reason = reason; close(s.done) }

func (s *sink) Write(track int, u *media.Unit) error {
	if s.tracks[track].Codec.IsVideo() {
		s.pts = append(s.pts, u.PTS)
	} else {
		s.sounds++
	}
	return nil
}

func serve(t *testing.T) (*sink, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{done: make(chan struct{})}
	server, err := rtmp.New(rtmp.Config{
		Listener: listener, Gate: s, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s, "rtmp://" + listener.Addr().String() + "/live/demo"
}

// TestPushKeepsTime loops a clip of 2 s for 3 s, and holds what came, and when it was sent, against the clock.
func TestPushKeepsTime(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	c, err := publisher.Load(t.Context(), video.File)
	if err != nil {
		t.Fatal(err)
	}
	s, address := serve(t)
	var pts []int64
	var late []time.Duration
	var first time.Time
	err = c.Push(t.Context(), address, publisher.Options{For: 3 * time.Second, OnSent: func(p int64, at time.Time) {
		if first.IsZero() {
			first = at
		}
		late = append(late, at.Sub(first)-time.Duration(len(pts))*time.Second/30)
		pts = append(pts, p)
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-s.done
	if s.reason != nil || !slices.Equal(s.pts, pts) || len(pts) != 90 {
		t.Fatalf("sent %d pictures, %d arrived, %v", len(pts), len(s.pts), s.reason)
	}
	for i, p := range pts {
		if off := p - int64(i)*3000; off < -45 || off > 45 { // half a millisecond
			t.Fatalf("picture %d has PTS %d", i, p)
		}
	}
	// Errors don't add up: the promptest pictures of the last second are as prompt as those of the first, however busy the machine is.
	if drift := slices.Min(late[60:]) - slices.Min(late[:30]); drift.Abs() > 5*time.Millisecond {
		t.Errorf("the last pictures are sent %v later than the first", drift)
	}
}

func TestPushWithSound(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := clip.MakeAudio(t.Context(), 48000)
	if err != nil {
		t.Fatal(err)
	}
	c, err := publisher.New(publisher.Stream{Track: video.Track, Units: video.Units}, &publisher.Stream{Track: sound.Track, Units: sound.Units})
	if err != nil {
		t.Fatal(err)
	}
	if c.Length() != 2*time.Second {
		t.Errorf("the clip is %v long", c.Length())
	}
	s, address := serve(t)
	if err := c.Push(t.Context(), address, publisher.Options{For: time.Second}); err != nil {
		t.Fatal(err)
	}
	<-s.done
	if len(s.pts) != 30 || s.sounds != 47 || len(s.tracks) != 2 || s.tracks[0].Reorder != 2 {
		t.Errorf("%d pictures, %d packets of sound, tracks %+v", len(s.pts), s.sounds, s.tracks)
	}
}
