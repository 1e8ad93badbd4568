package broadcasting

import (
	"slices"
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
)

// TestLadder: what is not understood as a whole is refused, not taken in part.
func TestLadder(t *testing.T) {
	ladder, err := parseLadder("1280x720@2500000, 854x480@1200000")
	if err != nil {
		t.Fatal(err)
	}
	if got := ladder(1280, 720); len(got) != 2 || got[1].Width != 854 || got[1].Bitrate != 1_200_000 {
		t.Errorf("%+v", got)
	}
	if got := ladder(854, 480); len(got) != 1 || got[0].Name != "480p" {
		t.Errorf("of a source of 480 lines: %+v", got)
	}
	ladder, err = parseLadder("854x480@1200000,854x480@800000:hevc,854x480@600000:av1,640x360@500000:h264/2")
	if err != nil {
		t.Fatal(err)
	}
	want := transcoder.Ladder{
		{Name: "480p", Codec: media.H264, Width: 854, Height: 480, Bitrate: 1_200_000, Divisor: 1},
		{Name: "480p-hevc", Codec: media.HEVC, Width: 854, Height: 480, Bitrate: 800_000, Divisor: 1},
		{Name: "480p-av1", Codec: media.AV1, Width: 854, Height: 480, Bitrate: 600_000, Divisor: 1},
		{Name: "360p-1of2", Codec: media.H264, Width: 640, Height: 360, Bitrate: 500_000, Divisor: 2},
	}
	if got := ladder(1280, 720); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{
		"854x480@1200000k", "854x480@1200000:vp9", "854x480@1200000:", "854x480@1200000/0", "854x480@1200000/9", "854x480", "854x480@", "x",
		"854x480@1200000,", "854x480@1200000,854x480@800000", "99999999999999999999x480@1200000",
	} {
		if _, err := parseLadder(bad); err == nil {
			t.Errorf("%q: taken", bad)
		}
	}
}
