package demo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"castnet/internal/media"
	"castnet/internal/node/demo"
	"castnet/test/clip"
)

// written is a unit as Play wrote it.
type written struct {
	unit *media.Unit
	at   time.Duration
}

// play plays a clip against a clock that costs no time, and returns what was written, by track.
func play(t *testing.T, c *demo.Clip, limit time.Duration) (tracks [2][]written) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := c.Play(t.Context(), limit, func(track int, u *media.Unit) error {
			tracks[track] = append(tracks[track], written{u, time.Since(start)})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	return tracks
}

// TestDefaultLoopsWithoutASeam plays two and a half rounds: every unit comes at its time, one packet after another.
func TestDefaultLoopsWithoutASeam(t *testing.T) {
	c, err := demo.Default()
	if err != nil {
		t.Fatal(err)
	}
	video, audio := c.Tracks()[0], c.Tracks()[1]
	if video.Width != 1280 || video.Height != 720 || audio.ClockRate != 48000 || audio.Channels != 2 || c.Length() != 8*time.Second {
		t.Fatalf("%v of %+v, %+v", c.Length(), video, audio)
	}
	units := play(t, c, 20*time.Second)
	if len(units[0]) != 600 || len(units[1]) != 938 {
		t.Fatalf("%d pictures, %d packets of sound", len(units[0]), len(units[1]))
	}
	for i, w := range units[0] {
		if u := w.unit; u.PTS != int64(i)*3000 || u.DTS != u.PTS || u.Key != (i%60 == 0) {
			t.Fatalf("picture %d: PTS %d, DTS %d, key %v", i, u.PTS, u.DTS, u.Key)
		}
		if due := video.Duration(w.unit.DTS); w.at != due {
			t.Fatalf("picture %d was written at %v, is due at %v", i, w.at, due)
		}
	}
	for i, w := range units[1] {
		if due := audio.Duration(int64(i) * 1024); w.unit.PTS != int64(i)*1024 || (w.at-due).Abs() > time.Microsecond {
			t.Fatalf("sound %d: PTS %d, written at %v", i, w.unit.PTS, w.at)
		}
	}
	if &units[0][0].unit.Payload[0] != &units[0][240].unit.Payload[0] {
		t.Error("payloads are copied")
	}
}

// TestReorderedPictures plays pictures with B-frames: the sound waits for the first picture to be seen, and what then
// hangs over the end of a round comes before its beginning.
func TestReorderedPictures(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	audio, err := clip.MakeAudio(t.Context(), 48000)
	if err != nil {
		t.Fatal(err)
	}
	c, err := demo.New(demo.Stream{Track: video.Track, Units: video.Units}, &demo.Stream{Track: audio.Track, Units: audio.Units})
	if err != nil {
		t.Fatal(err)
	}
	units := play(t, c, 6*time.Second)
	seen := int64(1) << 62
	pts := make(map[int64]bool)
	for i, w := range units[0] {
		seen = min(seen, w.unit.PTS)
		pts[w.unit.PTS] = true
		if w.at != video.Track.Duration(w.unit.DTS) || i > 0 && w.unit.DTS <= units[0][i-1].unit.DTS {
			t.Fatalf("picture %d: DTS %d, written at %v", i, w.unit.DTS, w.at)
		}
	}
	if len(units[0]) != 180 || len(pts) != 180 || seen <= 0 {
		t.Errorf("%d pictures with %d PTS from %d", len(units[0]), len(pts), seen)
	}
	heard := slices.IndexFunc(units[1], func(w written) bool { return &w.unit.Payload[0] == &audio.Units[0].Payload[0] })
	if at := units[1][heard].unit.PTS; at != media.Rescale(seen, media.VideoClockRate, 48000) {
		t.Errorf("the first picture is seen at %d/90000, the first sound heard at %d/48000", seen, at)
	}
	for i, w := range units[1][1:] {
		if gap := w.unit.PTS - units[1][i].unit.PTS; gap <= 0 || gap > 1024 {
			t.Fatalf("sound %d follows after %d samples", i+1, gap)
		}
	}
}

func TestPlayEnds(t *testing.T) {
	c, err := demo.Default()
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := c.Play(t.Context(), 0, func(int, *media.Unit) error { return full }); !errors.Is(err, full) {
		t.Errorf("after an error of write: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	err = c.Play(ctx, 0, func(int, *media.Unit) error {
		cancel()
		count++
		return nil
	})
	if !errors.Is(err, context.Canceled) || count > 2 { // two are due at once
		t.Errorf("after the end of ctx: %v, %d units", err, count)
	}
}

func TestLoad(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	c, err := demo.Load(video.File)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tracks()) != 1 || c.Tracks()[0].Width != 320 || c.Length() != 2*time.Second {
		t.Errorf("%v of %+v", c.Length(), c.Tracks())
	}
	audio, err := clip.MakeAudio(t.Context(), 48000)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(video.File)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "missing.mp4"): "no such file",
		file("text.mp4", []byte("not a film")):    "cannot read this MP4",
		file("empty.mp4", nil):                    "cannot read this MP4",
		file("cut.mp4", raw[:len(raw)/2]):         "cut.mp4",
		audio.File:                                "no H264 video",
	} {
		if _, err := demo.Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}
