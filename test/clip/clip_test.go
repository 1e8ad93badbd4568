package clip_test

import (
	"testing"

	"castnet/test/clip"
)

func TestVideo(t *testing.T) {
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Units) != 60 || len(v.Track.Config) < 16 {
		t.Fatalf("%d units, configuration of %d bytes", len(v.Units), len(v.Track.Config))
	}
	reordered := false
	seen := map[int64]bool{}
	for i, u := range v.Units {
		if u.Key != (i%30 == 0) {
			t.Errorf("unit %d: key is %v", i, u.Key)
		}
		if seen[u.PTS] || u.PTS%3000 != 0 || u.PTS < 0 {
			t.Errorf("unit %d: PTS %d", i, u.PTS)
		}
		seen[u.PTS] = true
		reordered = reordered || i > 0 && u.PTS < v.Units[i-1].PTS
	}
	if !reordered {
		t.Error("no B-frames")
	}
}

func TestAudio(t *testing.T) {
	a, err := clip.MakeAudio(t.Context(), 44_100)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(a.Units); n < 340 || n > 360 { // 8.1 s
		t.Errorf("%d packets", n)
	}
}
