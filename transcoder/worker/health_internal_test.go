package worker

import (
	"log/slog"
	"os"
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
)

// A session whose process hangs in a driver stays on the books while its card is drained, comes back, and is drained again.
func TestDrainedTwice(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	card := transcoder.Place{Device: transcoder.Device{Backend: transcoder.Nvidia}, Encode: []media.Codec{media.H264}}
	p, err := New(Config{Binary: self, Places: []transcoder.Place{card}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	at := p.places[0]
	ladder := transcoder.Ladder{{Name: "a", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1}}
	p.cfg.freeMemory = func() int64 { return 1 << 40 }
	hangs, err := p.occupy(at, "hangs", ladder)
	if err != nil {
		t.Fatal(err)
	}
	drain := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.drain(at, "a test")
	}
	drain()
	p.mu.Lock()
	at.state = inService // its self-test has passed
	p.mu.Unlock()
	later, err := p.occupy(at, "later", ladder)
	if err != nil {
		t.Fatal(err)
	}
	drain()
	for _, l := range []*load{hangs, later} {
		select {
		case <-l.move:
		default:
			t.Errorf("session %s was not told to leave", l.session)
		}
	}
}
