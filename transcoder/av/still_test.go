package av_test

import (
	"bytes"
	"image/jpeg"
	"testing"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// A key unit of any codec becomes a JPEG that another decoder reads; a broken one is named, and costs nobody anything.
func TestStill(t *testing.T) {
	for name, source := range sources() {
		kind := kinds(source.Codec)[0]
		v, err := clip.MakeCoded(t.Context(), kind.coded(source))
		if err != nil {
			t.Fatal(err)
		}
		s, err := av.Open(t.Context(), transcoder.SessionConfig{Still: &transcoder.StillJob{From: v.Track, Width: 160, Height: 90}})
		if err != nil {
			t.Fatal(name, err)
		}
		for i, u := range []*media.Unit{v.Units[0], {PTS: 7, Key: true, Payload: []byte("no picture")}, v.Units[0]} {
			if err := s.Send(t.Context(), transcoder.WriteUnit{Unit: u}); err != nil {
				t.Fatal(name, err)
			}
			out, err := s.Recv(t.Context())
			if err != nil {
				t.Fatal(name, err)
			}
			bad, failed := out.(transcoder.BadInput)
			if failed != (i == 1) || failed && bad.PTS != 7 {
				t.Fatalf("%s: unit %d: %+v", name, i, out)
			}
			if failed {
				continue
			}
			r := out.(transcoder.Rendered) //nolint:forcetypeassert // the test's own
			img, err := jpeg.Decode(bytes.NewReader(r.Unit.Payload))
			if err != nil || img.Bounds().Dx() != 160 || img.Bounds().Dy() != 90 {
				t.Errorf("%s: %v, %v", name, img.Bounds(), err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
