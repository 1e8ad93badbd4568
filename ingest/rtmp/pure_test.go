package rtmp_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"castnet/ingest"
	"castnet/ingest/rtmp"
	"castnet/test/clip"
)

func TestTimeline(t *testing.T) {
	type step struct {
		track  int
		stamp  uint32 // ms
		passed int    // ms by the wall clock
		want   int64
		jumped bool
	}
	for name, steps := range map[string][]step{
		"as it came":        {{0, 500, 0, 500, false}, {1, 490, 10, 490, false}, {0, 533, 33, 533, false}},
		"wraps after 49 d":  {{0, 0xfffffff0, 0, 0xfffffff0, false}, {0, 17, 33, 0x100000011, false}},
		"starts anew":       {{0, 60000, 0, 60000, false}, {1, 60010, 10, 60010, false}, {0, 0, 33, 60043, true}, {1, 10, 10, 60053, false}, {0, 33, 23, 60076, false}},
		"leaps ahead":       {{0, 0, 0, 0, false}, {0, 3_600_000, 33, 33, true}, {0, 3_600_033, 33, 66, false}},
		"really paused":     {{0, 0, 0, 0, false}, {0, 60_000, 60_000, 60_000, true}},
		"jitters back":      {{1, 100, 0, 100, false}, {1, 95, 10, 95, false}},
		"sound much later":  {{0, 0, 0, 0, false}, {0, 3000, 3000, 3000, false}, {1, 3000, 0, 3000, false}},
		"no time may stand": {{0, 5000, 0, 5000, false}, {0, 0, 0, 5001, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var line rtmp.Timeline
			now := time.Unix(0, 0)
			for i, s := range steps {
				now = now.Add(time.Duration(s.passed) * time.Millisecond)
				got, jumped := line.At(s.track, time.Duration(s.stamp)*time.Millisecond, now)
				if got != s.want || jumped != s.jumped {
					t.Errorf("step %d: %d ms, jumped %v, want %d, %v", i, got, jumped, s.want, s.jumped)
				}
			}
		})
	}
}

// sets are parameter sets that x264 writes: 640x480, 30 pictures a second, High profile.
func sets(t *testing.T) (sps, pps []byte) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	var nalus h264.AnnexB
	if err := nalus.Unmarshal(video.Units[0].Payload); err != nil {
		t.Fatal(err)
	}
	for _, n := range nalus {
		switch h264.NALUType(n[0] & 0x1f) {
		case h264.NALUTypeSPS:
			sps = n
		case h264.NALUTypePPS:
			pps = n
		}
	}
	return sps, pps
}

func avcc(size int, nalus ...[]byte) []byte {
	var out []byte
	for _, n := range nalus {
		for i := size - 1; i >= 0; i-- {
			out = append(out, byte(len(n)>>(8*i)))
		}
		out = append(out, n...)
	}
	return out
}

func TestConvert(t *testing.T) {
	sps, pps := sets(t)
	other := append(slices.Clone(pps), 0x80)
	aud, sei, filler := []byte{9, 0xf0}, []byte{6, 1, 1, 0, 0x80}, []byte{12, 0xff, 0x80}
	idr, slice := []byte{0x65, 1, 2, 3}, []byte{0x41, 4, 5}
	join := func(nalus ...[]byte) []byte {
		var out []byte
		for _, n := range nalus {
			out = append(append(out, 0, 0, 0, 1), n...)
		}
		return out
	}
	for _, tc := range []struct {
		name         string
		size         int
		nalus        [][]byte
		want         []byte
		key, changed bool
	}{
		{"key gets parameter sets", 4, [][]byte{idr}, join(sps, pps, idr), true, false},
		{"key has them", 4, [][]byte{aud, sps, pps, sei, idr}, join(sps, pps, sei, idr), true, false},
		{"key brings another PPS", 4, [][]byte{other, idr}, join(sps, other, idr), true, true},
		{"slices stay", 4, [][]byte{slice, slice}, join(slice, slice), false, false},
		{"two-byte lengths", 2, [][]byte{sei, slice}, join(sei, slice), false, false},
		{"one-byte lengths", 1, [][]byte{slice}, join(slice), false, false},
		{"delimiter and filler go", 4, [][]byte{aud, slice, filler}, join(slice), false, false},
		{"empty NAL units go", 4, [][]byte{slice, {}, slice}, join(slice, slice), false, false},
		{"no picture", 4, [][]byte{aud, sei}, nil, false, false},
		{"parameter sets alone", 4, [][]byte{sps, other}, nil, false, true},
		{"nothing", 4, nil, nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a rtmp.AVC
			track, err := a.Set(tc.size, [][]byte{sps}, [][]byte{pps})
			if err != nil {
				t.Fatal(err)
			}
			if track.Width != 640 || track.Height != 480 || track.FrameRate != 30 || track.Reorder != 0 {
				t.Errorf("track %+v", track)
			}
			got, err := a.Convert(avcc(tc.size, tc.nalus...))
			if err != nil || !bytes.Equal(got.Payload, tc.want) || got.Key != tc.key || got.Changed != tc.changed {
				t.Errorf("% x, key %v, changed %v, %v\nwant % x", got.Payload, got.Key, got.Changed, err, tc.want)
			}
		})
	}
	for name, au := range map[string][]byte{
		"length cut": {0, 0, 1}, "too long": {0, 0, 0, 9, 1}, "very long": {0xff, 0xff, 0xff, 0xff, 1},
		"many": bytes.Repeat([]byte{0, 0, 0, 1, 1}, 2000),
	} {
		var a rtmp.AVC
		if _, err := a.Set(4, [][]byte{sps}, [][]byte{pps}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Convert(au); ingest.CodeOf(err) != ingest.CodeBadData {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReorderIsObserved(t *testing.T) {
	sps, pps := sets(t) // of a stream without B-frames, and its VUI says so
	var a rtmp.AVC
	if _, err := a.Set(4, [][]byte{sps}, [][]byte{pps}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 0, 1, 2, 2, 2} { // a pyramid all the same
		pts := []int64{66, 200, 133, 100, 167, 333}[i]
		a.Observe(pts, int64(i)*33)
		if got := a.Track().Reorder; got != want {
			t.Errorf("after picture %d: reorder %d, want %d", i, got, want)
		}
	}
}

// FuzzConvert checks that whatever comes is refused or becomes Annex B of no more than its size and the sets.
func FuzzConvert(f *testing.F) {
	f.Add(uint8(4), avcc(4, []byte{0x65, 1, 2}), []byte{0x67, 1})
	f.Add(uint8(2), avcc(2, []byte{9, 16}, []byte{7, 1, 2}, []byte{8, 1}, []byte{0x41}), []byte{})
	f.Fuzz(func(t *testing.T, size uint8, au, sps []byte) {
		var a rtmp.AVC
		_, _ = a.Set(int(size%4)+1, [][]byte{sps}, [][]byte{{8}}) // mostly refused
		n := len(au)
		p, err := a.Convert(bytes.Clone(au))
		if err != nil {
			return
		}
		got := p.Payload
		limit := 4 * n
		if track := a.Track(); track != nil {
			limit += len(track.Config)
		}
		if len(got) > limit || len(got) > 0 && !bytes.HasPrefix(got, []byte{0, 0, 0, 1}) {
			t.Fatalf("%d bytes became %d, % x", n, len(got), got[:min(5, len(got))])
		}
	})
}
