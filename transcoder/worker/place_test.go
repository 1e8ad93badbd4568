package worker_test

import (
	"strings"
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// The self-test finds the processor; a card that refuses (here there is none) costs a stream nothing, and is not asked
// again at once.
func TestRefusalFallsBack(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	places, err := worker.Probe(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	processor := places[len(places)-1]
	if processor.Device.Backend != transcoder.Software || len(processor.Encode) != 3 || processor.Problem != "" {
		t.Fatalf("%+v", places)
	}
	card := transcoder.Place{
		Device: transcoder.Device{Backend: transcoder.Nvidia, Index: 200}, Decode: processor.Decode, Encode: []media.Codec{media.H264},
	}
	hevc := transcoder.Ladder{{Name: "x", Codec: media.HEVC, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	t.Run("another device", func(t *testing.T) {
		p := start(t, worker.Config{Places: []transcoder.Place{card, processor}})
		play(t, open(t, p), video(t))
		s, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: hevc}) // which that card cannot make
		if err != nil {
			t.Fatal(err)
		}
		shut(t, s)
	})
	t.Run("no other", func(t *testing.T) {
		p := start(t, worker.Config{Places: []transcoder.Place{card}})
		if _, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: ladder}); err == nil || !strings.Contains(err.Error(), "no CUDA device") {
			t.Errorf("%v", err)
		}
		if _, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: hevc}); err == nil || !strings.Contains(err.Error(), "they encode") {
			t.Errorf("%v", err)
		}
	})
}
