package e2e_test

import (
	"math"
	"testing"

	"castnet/broadcaster/api"
)

// A ladder may ask for HEVC, AV1 and fewer pictures a second beside H264: all of it is made, verified, paid and served.
func TestLadderOfAllCodecs(t *testing.T) {
	n := network(t, "--ladder", "320x240@400000,212x160@200000:hevc,160x120@120000:av1,160x120@80000/2")
	film := camera(t, 320, 240, 10)
	seen := wholeStream(t, n, "demo", film)
	complete(t, seen, film, "240p", "160p-hevc", "120p-av1")
	if half := seen["120p-1of2"]; half == nil || len(half.PTS) < len(film.Units)/2 || len(half.PTS) > len(film.Units)/2+5 { // one more a segment
		t.Errorf("every second picture of %d: %+v", len(film.Units), half)
	}
	for name, want := range map[string]float64{"source": 30, "240p": 30, "120p-1of2": 15} {
		if v := seen[name]; v != nil && math.Abs(v.FrameRate-want) > 0.1 {
			t.Errorf("%s: the playlist says %g pictures a second", name, v.FrameRate)
		}
	}
	v := eventually(t, patience, "all tickets are sent", func() (api.StreamView, error) { return n.Stream(t.Context(), "demo") },
		func(v api.StreamView) bool { return v.Segments.Count > 0 && v.Paid.TicketsSent == v.Segments.Count })
	if v.Verified.OK != v.Segments.Count || v.Verified.Failed != 0 {
		t.Errorf("%d of %d segments verified, %d failed: %s", v.Verified.OK, v.Segments.Count, v.Verified.Failed, v.Verified.LastFailure)
	}
}
