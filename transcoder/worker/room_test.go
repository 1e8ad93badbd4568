package worker_test

import (
	"errors"
	"strings"
	"testing"

	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// A pool takes no more than it was measured at, and says by how much; what is given back is taken again.
func TestRoomByMeasuredCapacity(t *testing.T) {
	at := worker.Processor()
	var demand int64
	for _, p := range ladder {
		demand += p.Pixels() * 30
	}
	at.PixelsPerSecond = demand * 3 / 2
	p := start(t, worker.Config{Places: []transcoder.Place{at}, MaxSessions: 4})
	if c := p.Capabilities(); c.PixelsPerSecond != at.PixelsPerSecond || c.FreePixelsPerSecond != at.PixelsPerSecond {
		t.Fatalf("idle: %+v", c)
	}
	s := open(t, p)
	if c := p.Capabilities(); c.FreePixelsPerSecond != at.PixelsPerSecond-demand {
		t.Errorf("with one session %d pixels/s are free, want %d", c.FreePixelsPerSecond, at.PixelsPerSecond-demand)
	}
	_, err := p.Open(t.Context(), transcoder.SessionConfig{ID: "more", Ladder: ladder})
	if !errors.Is(err, transcoder.ErrBusy) || !strings.Contains(err.Error(), "--megapixels") || !strings.Contains(err.Error(), "million pixels") {
		t.Errorf("one more: %v", err)
	}
	picture, err := p.Open(t.Context(), transcoder.SessionConfig{ID: "still", Still: &transcoder.StillJob{From: video(t).Track, Width: 160, Height: 90}})
	if err != nil {
		t.Errorf("a still asks for no room: %v", err)
	} else {
		shut(t, picture)
	}
	shut(t, s)
	shut(t, open(t, p))
}
