package worker

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

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
	hangs, err := p.occupy(at, transcoder.SessionConfig{ID: "hangs", Ladder: ladder})
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
	later, err := p.occupy(at, transcoder.SessionConfig{ID: "later", Ladder: ladder})
	if err != nil {
		t.Fatal(err)
	}
	drain()
	for _, l := range []*load{hangs, later} {
		select {
		case <-l.move:
		default:
			t.Errorf("session %s was not told to leave", l.customer)
		}
	}
}

// What one customer's sessions do counts once, whatever there are of them.
func TestFaultsOfCustomers(t *testing.T) {
	var h health
	now := time.Unix(1000, 0)
	for i, f := range []struct {
		customer      string
		after         time.Duration
		device        bool
		all, byDevice int
	}{
		{"a", 0, true, 1, 1},
		{"a", time.Second, false, 1, 1}, // the device's word stays
		{"a", time.Second, true, 1, 1},
		{"b", time.Second, false, 2, 1},
		{"b", time.Second, true, 2, 2},
		{"c", 2 * time.Second, true, 3, 3},
		{"c", faultWindow, false, 1, 0}, // the others' are too old
		{"d", 2*faultWindow + time.Second, true, 1, 1},
	} {
		now = now.Add(f.after)
		if all, byDevice := h.note(fault{customer: f.customer, at: now, device: f.device}); all != f.all || byDevice != f.byDevice {
			t.Errorf("fault %d: %d customers, %d by the device; want %d, %d", i, all, byDevice, f.all, f.byDevice)
		}
	}
}

// What waits for a process that a driver holds does not keep the pool from ending.
func TestStopsWithoutTheStuck(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Binary: self, Logger: slog.New(slog.DiscardHandler), leave: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	p.running.Go(func() { <-released })
	if err := p.stop(); err == nil || !strings.Contains(err.Error(), "a driver holds them") {
		t.Errorf("%v", err)
	}
	close(released)
	p.running.Wait()
}
