package av_test

import (
	"slices"
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// The processor can do everything here; a card that is not there can do nothing, and says why.
func TestProbe(t *testing.T) {
	got := av.Probe(transcoder.Device{Backend: transcoder.Software})
	slices.Sort(got.Decode)
	if want := []media.Codec{media.H264, media.HEVC, media.AV1, media.VP8, media.VP9}; !slices.Equal(got.Decode, want) {
		t.Errorf("decodes %v, want %v: %s", got.Decode, want, got.Problem)
	}
	if want := []media.Codec{media.H264, media.HEVC, media.AV1}; !slices.Equal(got.Encode, want) || got.Problem != "" {
		t.Errorf("encodes %v, want %v: %s", got.Encode, want, got.Problem)
	}
	const nowhere = 99
	got = av.Probe(transcoder.Device{Backend: transcoder.Nvidia, Index: nowhere})
	if len(got.Decode)+len(got.Encode) > 0 || got.Problem == "" {
		t.Errorf("%+v", got)
	}
}
