package ingest_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"castnet/ingest"
	"castnet/internal/media"
	"castnet/test/clip"
)

// sets are parameter sets that x264 writes: 640x480, 30 pictures a second, High profile.
func sets(t *testing.T) (sps, pps []byte) {
	t.Helper()
	made, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 480, FPS: 30, Seconds: 4, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	var nalus h264.AnnexB
	if err := nalus.Unmarshal(made.Units[0].Payload); err != nil {
		t.Fatal(err)
	}
	for _, n := range nalus {
		if kind := h264.NALUType(n[0] & 0x1f); kind == h264.NALUTypeSPS {
			sps = n
		} else if kind == h264.NALUTypePPS {
			pps = n
		}
	}
	return sps, pps
}

// avc begins an H264 track whose parameters are known.
func avc(t *testing.T, sps, pps []byte) *ingest.Video {
	t.Helper()
	v := ingest.NewVideo(media.H264, 0)
	if changed, err := v.SetParameters([][]byte{sps, pps}); err != nil || !changed {
		t.Fatal(changed, err)
	}
	return v
}

func TestConvertH264(t *testing.T) {
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
		nalus        [][]byte
		want         []byte
		key, changed bool
	}{
		{"key gets parameter sets", [][]byte{idr}, join(sps, pps, idr), true, false},
		{"key has them", [][]byte{aud, sps, pps, sei, idr}, join(sps, pps, sei, idr), true, false},
		{"key brings another PPS", [][]byte{other, idr}, join(sps, other, idr), true, true},
		{"slices stay", [][]byte{slice, slice}, join(slice, slice), false, false},
		{"delimiter and filler go", [][]byte{aud, slice, filler}, join(slice), false, false},
		{"empty NAL units go", [][]byte{slice, {}, slice}, join(slice, slice), false, false},
		{"no picture", [][]byte{aud, sei}, nil, false, false},
		{"parameter sets alone", [][]byte{sps, other}, nil, false, true},
		{"nothing", nil, nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := avc(t, sps, pps)
			if track := v.Track(); track.Width != 640 || track.Height != 480 || track.FrameRate != 30 || track.Reorder != 0 {
				t.Errorf("track %+v", track)
			}
			got, err := v.Convert(tc.nalus)
			if err != nil || !bytes.Equal(got.Payload, tc.want) || got.Key != tc.key || got.Changed != tc.changed {
				t.Errorf("% x, key %v, changed %v, %v\nwant % x", got.Payload, got.Key, got.Changed, err, tc.want)
			}
		})
	}
	if _, err := avc(t, sps, pps).Convert(slices.Repeat([][]byte{slice}, ingest.MaxParts+1)); ingest.CodeOf(err) != ingest.CodeBadData {
		t.Errorf("very many NAL units: %v", err)
	}
}

func TestReorderIsObserved(t *testing.T) {
	sps, pps := sets(t) // of a stream without B-frames, and its VUI says so
	v := avc(t, sps, pps)
	for i, want := range []int{0, 0, 1, 2, 2, 2} { // a pyramid all the same
		pts := []int64{66, 200, 133, 100, 167, 333}[i]
		v.Observe(pts, int64(i)*33)
		if got := v.Track().Reorder; got != want {
			t.Errorf("after picture %d: reorder %d, want %d", i, got, want)
		}
	}
}

func TestConvertVP8(t *testing.T) {
	key := []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0x68, 0x01, 7, 7} // 640x360, to be shown enlarged
	v := ingest.NewVideo(media.VP8, 30)
	p, err := v.Convert([][]byte{key})
	if err != nil || !p.Key || !p.Changed || !bytes.Equal(p.Payload, key) {
		t.Fatalf("%+v, %v", p, err)
	}
	if track := v.Track(); track.Width != 640 || track.Height != 360 || track.FrameRate != 30 {
		t.Errorf("track %+v", track)
	}
	if p, err := v.Convert([][]byte{{0x11, 1, 2}}); err != nil || p.Key || p.Changed || p.Payload == nil {
		t.Errorf("a frame that refers to others: %+v, %v", p, err)
	}
	for name, frame := range map[string][]byte{"cut": key[:8], "no start code": {0, 0, 0, 1, 2, 3, 4, 5, 6, 7}} {
		if _, err := v.Convert([][]byte{frame}); ingest.CodeOf(err) != ingest.CodeBadData {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzConvert checks that whatever comes, in whatever codec, is refused or becomes a picture of no more than its size,
// the parameters and the lengths.
func FuzzConvert(f *testing.F) {
	f.Add(uint8(media.H264), []byte{0x67, 1}, []byte{0x65, 1, 2})
	f.Add(uint8(media.HEVC), []byte{0x42, 1, 1}, []byte{0x26, 1, 2})
	f.Add(uint8(media.AV1), []byte{0x0a, 1}, []byte{0x32, 1, 2})
	f.Add(uint8(media.VP8), []byte{}, []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1})
	f.Add(uint8(media.VP9), []byte{}, []byte{0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xf0, 0x1d, 0xf6})
	f.Fuzz(func(t *testing.T, codec uint8, first, second []byte) {
		v := ingest.NewVideo(media.Codec(codec), 0)
		_, _ = v.SetParameters([][]byte{first, {8}, second}) // mostly refused
		p, err := v.Convert([][]byte{first, second})
		if err != nil || p.Payload == nil {
			return
		}
		limit := len(first) + len(second) + 8 + 2*len(av1.Bitstream{first, second})
		if track := v.Track(); track != nil {
			limit += len(track.Config)
		}
		if len(p.Payload) > limit {
			t.Fatalf("%d and %d bytes became %d", len(first), len(second), len(p.Payload))
		}
	})
}
